/** A Deployment's status and its conditions. Pure. */
import { formatTime, parseTime } from '@pilothouse/base';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '@pilothouse/api-schemas/types/apps/v1';
import { maxUnavailable, replicasOf, sum } from './sizes.ts';

export const reasons = {
  updated: 'ReplicaSetUpdated',
  createError: 'ReplicaSetCreateError',
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

export const conditionOf = (status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined => status?.conditions?.find((condition) => condition.type === type);

export const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string, message: string, nowMs: number): DeploymentCondition => ({ type, status, lastUpdateTime: formatTime(nowMs), lastTransitionTime: formatTime(nowMs), reason, message });

/** With `added` in place of the condition of its type; one of the same status and reason stays as it is. */
export function withCondition(conditions: readonly DeploymentCondition[] | undefined, added: DeploymentCondition): DeploymentCondition[] {
  const current = conditions?.find((c) => c.type === added.type);
  if (current && current.status === added.status && current.reason === added.reason) return [...conditions!];
  const kept = current?.status === added.status ? { ...added, lastTransitionTime: current.lastTransitionTime } : added;
  return [...withoutCondition(conditions, added.type), kept];
}

export const withoutCondition = (conditions: readonly DeploymentCondition[] | undefined, type: string): DeploymentCondition[] => conditions?.filter((c) => c.type !== type) ?? [];

export const hasProgressDeadline = ({ spec }: Deployment): boolean => spec?.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2 ** 31 - 1;

/** Counts and the Available condition. */
export function baseStatus(deployment: Deployment, all: readonly ReplicaSet[], newest: ReplicaSet | undefined, nowMs: number): DeploymentStatus {
  const available = sum(all, (rs) => rs.status?.availableReplicas ?? 0);
  const enough = available >= replicasOf(deployment) - maxUnavailable(deployment);
  const terminating = terminatingReplicas(all);
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(all, (rs) => rs.status?.replicas ?? 0),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum(all, (rs) => rs.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - available),
    ...(terminating !== undefined && { terminatingReplicas: terminating }),
    ...(deployment.status?.collisionCount !== undefined && { collisionCount: deployment.status.collisionCount }),
    conditions: withCondition(
      deployment.status?.conditions,
      enough ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs) : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', nowMs),
    ),
  };
}

/** Undefined where a replica set that was looked at does not say. */
function terminatingReplicas(all: readonly ReplicaSet[]): number | undefined {
  let total = 0;
  for (const { status } of all) {
    if (status?.terminatingReplicas !== undefined) total += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return total;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const replicas = replicasOf(deployment);
  return (status?.updatedReplicas ?? 0) === replicas && (status?.replicas ?? 0) === replicas && (status?.availableReplicas ?? 0) === replicas && (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
}

function madeProgress(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined) => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) || old(after) < old(before) || (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) || (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0);
}

function hasTimedOut(deployment: Deployment, status: DeploymentStatus, nowMs: number): boolean {
  const progressing = conditionOf(status, 'Progressing');
  if (!progressing || progressing.reason === reasons.available) return false;
  if (progressing.reason === reasons.timedOut) return true;
  return parseTime(progressing.lastUpdateTime ?? '') + deployment.spec!.progressDeadlineSeconds! * 1000 < nowMs;
}

/** The status during a rollout: counts, availability, progress, failures of replica sets. */
export function rolloutStatus(deployment: Deployment, all: readonly ReplicaSet[], newest: ReplicaSet | undefined, nowMs: number): DeploymentStatus {
  const status = baseStatus(deployment, all, newest, nowMs);
  const before = conditionOf(deployment.status, 'Progressing');
  const deadline = hasProgressDeadline(deployment);
  const who = newest ? `ReplicaSet ${JSON.stringify(newest.metadata.name)}` : `Deployment ${JSON.stringify(deployment.metadata.name)}`;
  if (!deadline) status.conditions = withoutCondition(status.conditions, 'Progressing');
  const settled = status.replicas === status.updatedReplicas && before?.reason === reasons.available;
  if (deadline && !settled) {
    if (isComplete(deployment, status)) status.conditions = withCondition(status.conditions, condition('Progressing', 'True', reasons.available, `${who} has successfully progressed.`, nowMs));
    else if (madeProgress(deployment.status, status)) {
      // Every step of progress renews the condition's time, though status and reason stay.
      const progressing = condition('Progressing', 'True', reasons.updated, `${who} is progressing.`, nowMs);
      if (before?.status === 'True') progressing.lastTransitionTime = before.lastTransitionTime;
      status.conditions = [...withoutCondition(status.conditions, 'Progressing'), progressing];
    } else if (hasTimedOut(deployment, status, nowMs)) status.conditions = withCondition(status.conditions, condition('Progressing', 'False', reasons.timedOut, `${who} has timed out progressing.`, nowMs));
  }
  const failure = replicaFailure(newest) ?? all.map(replicaFailure).find((found) => found);
  status.conditions = failure ? withCondition(status.conditions, failure) : withoutCondition(status.conditions, 'ReplicaFailure');
  return status;
}

function replicaFailure(rs: ReplicaSet | undefined): DeploymentCondition | undefined {
  const found = rs?.status?.conditions?.find((c) => c.type === 'ReplicaFailure');
  return found && { type: 'ReplicaFailure', status: found.status, lastTransitionTime: found.lastTransitionTime, lastUpdateTime: found.lastTransitionTime, reason: found.reason, message: found.message };
}

/** Milliseconds until progress must be judged again; undefined where there is nothing to wait for. */
export function progressCheckMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const progressing = conditionOf(deployment.status, 'Progressing');
  if (!hasProgressDeadline(deployment) || !progressing || isComplete(deployment, status) || progressing.reason === reasons.timedOut) return undefined;
  const left = parseTime(progressing.lastUpdateTime ?? '') + deployment.spec!.progressDeadlineSeconds! * 1000 - nowMs;
  return Math.max(0, left) + 1000;
}
