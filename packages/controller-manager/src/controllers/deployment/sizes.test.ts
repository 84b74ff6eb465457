import type { Deployment, ReplicaSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { IntOrString } from '@pilothouse/api-schemas';
import { expect, test } from 'vitest';
import { newReplicaSetAnnotations, newReplicaSetIdentity, sameTemplate } from './revision.ts';
import { maxSurge, maxUnavailable, newReplicas, scaleSizes, shrinkOld, surplusHistory } from './sizes.ts';

const rolling = (replicas: number, surge: IntOrString, unavailable: IntOrString): Deployment => ({ metadata: { name: 'd' }, spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } }, selector: {}, template: {} } });
let made = 0;
const set = (replicas: number, available = replicas, annotations: Record<string, string> = {}): ReplicaSet => ({ metadata: { name: `rs-${++made}`, uid: `u${made}`, creationTimestamp: `2026-01-01T00:00:${String(made % 60).padStart(2, '0')}Z`, annotations }, spec: { replicas, selector: {} }, status: { replicas, availableReplicas: available } });

test.each<[number, IntOrString, IntOrString, number, number]>([
  [10, '25%', '25%', 3, 2],
  [1, '25%', '25%', 1, 0],
  [2, 0, '1%', 0, 1],
  [4, 1, 10, 1, 4],
])('of %i pods with surge %s and unavailable %s, %i may be surplus and %i missing', (replicas, surge, unavailable, expectedSurge, expectedUnavailable) => {
  const d = rolling(replicas, surge, unavailable);
  expect([maxSurge(d), maxUnavailable(d)]).toEqual([expectedSurge, expectedUnavailable]);
});

test.each([
  [10, 2, 0, 10, 2],
  [10, 2, 3, 12, 3],
  [10, 2, 5, 11, 6],
  [10, 2, 9, 9, 10],
])('of %i wanted with surge %i, a new set of %i among %i pods grows to %i', (replicas, surge, current, total, expected) => {
  expect(newReplicas(rolling(replicas, surge, 0), current, total)).toBe(expected);
});

test.each<[string, Deployment, [number, number][], [number, number], number[]]>([
  ['nothing goes while the new pods are not available', rolling(10, 3, 2), [[10, 10]], [3, 0], [8]],
  ['as many go as new ones have come', rolling(10, 3, 0), [[10, 10]], [3, 3], [7]],
  ['pods that are not available go first, whatever set they are in', rolling(10, 2, 2), [[4, 1], [6, 6]], [0, 0], [2]],
  ['no more than may be missing', rolling(10, 0, 1), [[10, 9]], [0, 0], [9]],
])('shrinking old sets: %s', (_, d, old, [replicas, available], expected) => {
  expect(shrinkOld(d, old.map(([r, a]) => set(r, a)), set(replicas, available)).map(({ to }) => to)).toEqual(expected);
});

test('scaling in the middle of a rollout gives every set its share, the remainder to the largest', () => {
  const noted = { 'deployment.kubernetes.io/max-replicas': '13', 'deployment.kubernetes.io/desired-replicas': '10' };
  const old = set(8, 8, noted);
  const next = set(5, 0, noted);
  const sizes = scaleSizes(rolling(20, 3, 2), next, [old]);
  expect(sizes.annotate).toBe(true);
  expect(Object.fromEntries(sizes.resizes.map((r) => [r.replicaSet === old ? 'old' : 'new', r.to]))).toEqual({ old: 14, new: 9 });
  expect(scaleSizes(rolling(20, 3, 2), next, []).resizes).toEqual([{ replicaSet: next, to: 20 }]);
});

test('empty old sets beyond the history limit go, the oldest first, but none that is not settled', () => {
  const d = rolling(1, 1, 0);
  d.spec!.revisionHistoryLimit = 1;
  const old = [set(0), set(0), set(2), set(0)];
  old[1].metadata.generation = 2;
  expect(surplusHistory(d, old)).toEqual([old[0]]);
});

test('a set that is rolled back to gets a new revision and remembers the old ones', () => {
  const d: Deployment = { metadata: { name: 'd', annotations: { note: 'x', 'deployment.kubernetes.io/revision': '3' } }, spec: rolling(2, 1, 0).spec };
  expect(newReplicaSetAnnotations(d, { 'deployment.kubernetes.io/revision': '1' }, { revision: 4, creating: false })).toEqual({ note: 'x', 'deployment.kubernetes.io/revision': '4', 'deployment.kubernetes.io/revision-history': '1' });
  expect(newReplicaSetAnnotations(d, undefined, { revision: 1, creating: true })).toEqual({ note: 'x', 'deployment.kubernetes.io/revision': '1', 'deployment.kubernetes.io/desired-replicas': '2', 'deployment.kubernetes.io/max-replicas': '3' });
});

test('a template is known again whatever its hash label and its empty fields', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  expect(sameTemplate(template, { metadata: { labels: { a: 'b', 'pod-template-hash': 'x' } }, spec: { containers: [{ name: 'c', image: 'i', resources: {}, env: [] }] } })).toBe(true);
  expect(sameTemplate(template, { ...template, spec: { containers: [{ name: 'c', image: 'j' }] } })).toBe(false);
  const d = (collisionCount?: number): Deployment => ({ metadata: { name: 'd' }, spec: { selector: {}, template }, status: { collisionCount } });
  expect(newReplicaSetIdentity(d()).name).toBe(newReplicaSetIdentity(d()).name);
  expect(newReplicaSetIdentity(d(1)).name).not.toBe(newReplicaSetIdentity(d()).name);
});
