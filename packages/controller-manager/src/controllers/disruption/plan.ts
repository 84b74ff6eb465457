/** How many pods of a budget may be disrupted now. Pure. */
import { formatTime, parseTime } from '@pilothouse/base';
import type { Condition } from '@pilothouse/api-schemas/types/meta/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '@pilothouse/api-schemas/types/policy/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isPodReady, scaledValue } from '@pilothouse/controller-runtime';

/** An eviction that was let through is waited for so long. */
const deletionTimeoutMs = 2 * 60_000;

/** Whether the number of pods there should be must be asked of their controllers. */
export const needsScale = ({ spec }: PodDisruptionBudget): boolean => spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

/** `expected`: pods there should be. */
export function wantedHealthy({ spec }: PodDisruptionBudget, expected: number): number {
  if (spec?.maxUnavailable !== undefined) return Math.max(0, expected - scaledValue(spec.maxUnavailable, expected, 'up'));
  return scaledValue(spec?.minAvailable, expected, 'up');
}

export interface BudgetView {
  status: PodDisruptionBudgetStatus;
  /** Pods that should have been deleted by now. */
  notDeleted: Pod[];
  /** Milliseconds until a pod that was let go counts again. */
  recheckMs?: number;
}

export function budgetStatus(budget: PodDisruptionBudget, pods: readonly Pod[], counts: { expected: number; desiredHealthy: number }, nowMs: number): BudgetView {
  const disruptedPods: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckMs: number | undefined;
  for (const pod of pods) {
    const time = budget.status?.disruptedPods?.[pod.metadata.name!];
    if (time === undefined || pod.metadata.deletionTimestamp) continue;
    const leftMs = parseTime(time) + deletionTimeoutMs - nowMs;
    if (leftMs < 0) notDeleted.push(pod);
    else {
      recheckMs = Math.min(recheckMs ?? leftMs, leftMs);
      disruptedPods[pod.metadata.name!] = time;
    }
  }
  const currentHealthy = pods.filter((pod) => !pod.metadata.deletionTimestamp && !disruptedPods[pod.metadata.name!] && isPodReady(pod)).length;
  const disruptionsAllowed = counts.expected <= 0 ? 0 : Math.max(0, currentHealthy - counts.desiredHealthy);
  const observedGeneration = budget.metadata.generation;
  const status: PodDisruptionBudgetStatus = {
    currentHealthy, desiredHealthy: counts.desiredHealthy, expectedPods: counts.expected, disruptionsAllowed, observedGeneration,
    ...(Object.keys(disruptedPods).length && { disruptedPods }),
    conditions: withAllowed(budget.status?.conditions, disruptionsAllowed > 0 ? { status: 'True', reason: 'SufficientPods', message: '' } : { status: 'False', reason: 'InsufficientPods', message: '' }, observedGeneration, nowMs),
  };
  return { status, notDeleted, recheckMs };
}

/** When the count cannot be had, nothing may be disrupted. */
export const failedStatus = (budget: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus => ({
  ...budget.status!, disruptionsAllowed: 0,
  conditions: withAllowed(budget.status?.conditions, { status: 'False', reason: 'SyncFailed', message }, budget.status?.observedGeneration, nowMs),
});

function withAllowed(conditions: readonly Condition[] | undefined, next: Pick<Condition, 'status' | 'reason' | 'message'>, observedGeneration: number | undefined, nowMs: number): Condition[] {
  const type = 'DisruptionAllowed';
  const old = conditions?.find((c) => c.type === type);
  const condition = { type, ...next, ...(observedGeneration !== undefined && { observedGeneration }), lastTransitionTime: old?.status === next.status ? old.lastTransitionTime : formatTime(nowMs) };
  return old ? conditions!.map((c) => (c === old ? condition : c)) : [...(conditions ?? []), condition];
}
