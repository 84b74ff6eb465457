import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { PodDisruptionBudget } from '@pilothouse/api-schemas/types/policy/v1';
import { expect, test } from 'vitest';
import { budgetStatus, wantedHealthy } from './plan.ts';

const nowMs = Date.parse('2026-01-01T00:10:00Z');
const budget = (spec: PodDisruptionBudget['spec'], status?: Partial<PodDisruptionBudget['status']>): PodDisruptionBudget => ({ metadata: { name: 'b', namespace: 'ns', generation: 3 }, spec, status: status as PodDisruptionBudget['status'] });
const pod = (name: string, ready = true): Pod => ({ metadata: { name, uid: name }, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } });

test.each<[PodDisruptionBudget['spec'], number, number]>([
  [{ minAvailable: 2 }, 5, 2],
  [{ minAvailable: '50%' }, 5, 3],
  [{ maxUnavailable: 1 }, 5, 4],
  [{ maxUnavailable: '30%' }, 5, 3],
  [{ maxUnavailable: 9 }, 5, 0],
])('%j of %i pods wants %i healthy', (spec, expected, healthy) => {
  expect(wantedHealthy(budget(spec), expected)).toBe(healthy);
});

test('pods that were let go do not count until two minutes are over, then are reported', () => {
  const b = budget({ minAvailable: 1 }, { disruptedPods: { soon: '2026-01-01T00:09:00Z', late: '2026-01-01T00:05:00Z' } });
  const view = budgetStatus(b, [pod('soon'), pod('late'), pod('free'), pod('ill', false)], { expected: 4, desiredHealthy: 1 }, nowMs);
  expect(view.status).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1, expectedPods: 4, observedGeneration: 3, disruptedPods: { soon: '2026-01-01T00:09:00Z' }, conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }] });
  expect(view.notDeleted.map((p) => p.metadata.name)).toEqual(['late']);
  expect(view.recheckMs).toBe(60_000);
});
