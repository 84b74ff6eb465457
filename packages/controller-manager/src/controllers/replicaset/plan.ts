/** What a ReplicaSet needs: pods to create or delete, and the status to report. Pure. */
import { formatTime } from '@pilothouse/base';
import type { ReplicaSetCondition, ReplicaSetStatus } from '@pilothouse/api-schemas/types/apps/v1';
import type { Pod, PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { matcherOfSet } from '@pilothouse/apimachinery';
import { isPodActive, isPodAvailable, isPodReady, nextAvailabilityMs, sortForDeletion } from '@pilothouse/controller-runtime';

/** At most this many pods are created or deleted before their events must have been seen. */
export const burstReplicas = 500;

/** What ReplicaSets and ReplicationControllers have in common. */
export interface ReplicaOwner {
  generation: number;
  replicas: number;
  minReadySeconds: number;
  template: PodTemplateSpec;
  status: ReplicaSetStatus;
}

export interface ReplicaPlan {
  create: number;
  delete: Pod[];
}

/** `relatedPods`: pods of all replica sets with the same owner; of two pods, the one with more relatives on its node goes. */
export function planReplicas(want: number, activePods: readonly Pod[], context: { relatedPods: () => readonly Pod[]; nowMs: number }): ReplicaPlan {
  const surplus = activePods.length - want;
  if (surplus < 0) return { create: Math.min(-surplus, burstReplicas), delete: [] };
  if (surplus === 0) return { create: 0, delete: [] };
  const count = Math.min(surplus, burstReplicas);
  if (count === activePods.length) return { create: 0, delete: [...activePods] };
  const onNode = new Map<string, number>();
  for (const pod of context.relatedPods()) if (isPodActive(pod)) onNode.set(pod.spec?.nodeName ?? '', (onNode.get(pod.spec?.nodeName ?? '') ?? 0) + 1);
  return { create: 0, delete: sortForDeletion(activePods, { nowMs: context.nowMs, rank: (pod) => onNode.get(pod.spec?.nodeName ?? '') ?? 0 }).slice(0, count) };
}

/** `terminating` undefined: not reported (ReplicationController). */
export function replicaStatus(owner: ReplicaOwner, found: { active: readonly Pod[]; terminating?: number; error?: string; nowMs: number }): ReplicaSetStatus {
  const { active, nowMs } = found;
  const labelled = matcherOfSet(owner.template.metadata?.labels);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => labelled.matches(pod.metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, owner.minReadySeconds, nowMs)).length,
    ...(found.terminating !== undefined && { terminatingReplicas: found.terminating }),
    observedGeneration: owner.generation,
    conditions: conditionsOf(owner, found),
  };
  return status;
}

function conditionsOf(owner: ReplicaOwner, { active, error, nowMs }: { active: readonly Pod[]; error?: string; nowMs: number }): ReplicaSetCondition[] | undefined {
  const others = owner.status.conditions?.filter((condition) => condition.type !== 'ReplicaFailure') ?? [];
  const failure = owner.status.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  if (error === undefined) return others.length ? others : undefined;
  if (failure) return owner.status.conditions;
  const difference = active.length - owner.replicas;
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: formatTime(nowMs), ...(difference && { reason: difference < 0 ? 'FailedCreate' : 'FailedDelete' }), message: error }];
}

const counts = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const;

export const sameReplicaStatus = (a: ReplicaSetStatus, b: ReplicaSetStatus): boolean =>
  counts.every((count) => (a[count] ?? 0) === (b[count] ?? 0)) && a.terminatingReplicas === b.terminatingReplicas && JSON.stringify(a.conditions ?? []) === JSON.stringify(b.conditions ?? []);

/** Milliseconds until pods that are ready now will count as available; undefined where there are none. */
export function nextCheckMs(owner: ReplicaOwner, status: ReplicaSetStatus, active: readonly Pod[], nowMs: number): number | undefined {
  if (owner.minReadySeconds <= 0 || status.readyReplicas === status.availableReplicas) return undefined;
  return nextAvailabilityMs(active, owner.minReadySeconds, nowMs) ?? owner.minReadySeconds * 1000;
}
