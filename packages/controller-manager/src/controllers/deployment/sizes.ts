/** How many pods each replica set of a Deployment should have. Pure. */
import type { Deployment, ReplicaSet } from '@pilothouse/api-schemas/types/apps/v1';
import { byCreation, scaledValue } from '@pilothouse/controller-runtime';

const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';

export const replicasOf = (object: Deployment | ReplicaSet): number => object.spec?.replicas ?? 1;
const availableOf = (rs: ReplicaSet): number => rs.status?.availableReplicas ?? 0;
export const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0);
export const isActive = (rs: ReplicaSet): boolean => replicasOf(rs) > 0;
export const isRollingUpdate = (deployment: Deployment): boolean => deployment.spec?.strategy?.type === 'RollingUpdate';

/** Both bounds at once: where rounding makes both zero, one pod may be missing, or nothing would ever move. */
function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, replicasOf(deployment), 'up');
  const unavailable = scaledValue(maxUnavailable, replicasOf(deployment), 'down');
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export const maxSurge = (deployment: Deployment): number => (isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0);

export function maxUnavailable(deployment: Deployment): number {
  const replicas = replicasOf(deployment);
  return !isRollingUpdate(deployment) || replicas === 0 ? 0 : Math.min(fenceposts(deployment).unavailable, replicas);
}

/** The size the newest replica set may have now. `current`: its size; `total`: of all replica sets with it. */
export function newReplicas(deployment: Deployment, current: number, total: number): number {
  const replicas = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return replicas;
  const most = replicas + scaledValue(deployment.spec?.strategy?.rollingUpdate?.maxSurge, replicas, 'up');
  if (total >= most) return current;
  return current + Math.min(most - total, replicas - current);
}

export interface Resize {
  replicaSet: ReplicaSet;
  to: number;
}

/** Old replica sets' sizes during a rolling update: first pods that are not available go, then as many as may be missing. */
export function shrinkOld(deployment: Deployment, old: readonly ReplicaSet[], newest: ReplicaSet): Resize[] {
  const active = old.filter(isActive).sort(byCreation);
  const oldPods = sum(active, replicasOf);
  if (oldPods === 0) return [];
  const minAvailable = replicasOf(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(newest) - availableOf(newest);
  const most = sum(old, replicasOf) + replicasOf(newest) - minAvailable - newUnavailable;
  if (most <= 0) return [];
  const sizes = new Map(active.map((rs) => [rs, replicasOf(rs)]));
  let unhealthy = 0;
  for (const rs of active) {
    if (unhealthy >= most) break;
    const take = Math.min(most - unhealthy, replicasOf(rs) - availableOf(rs));
    if (take <= 0) continue;
    sizes.set(rs, replicasOf(rs) - take);
    unhealthy += take;
  }
  const available = sum(active, availableOf) + availableOf(newest);
  let left = available - minAvailable;
  for (const rs of active) {
    if (left <= 0) break;
    const take = Math.min(sizes.get(rs)!, left);
    sizes.set(rs, sizes.get(rs)! - take);
    left -= take;
  }
  return active.filter((rs) => sizes.get(rs) !== replicasOf(rs)).map((replicaSet) => ({ replicaSet, to: sizes.get(replicaSet)! }));
}

/** The newest replica set has all the pods wanted, and all of them are available. */
export function isSaturated(deployment: Deployment, rs: ReplicaSet | undefined): boolean {
  if (!rs) return false;
  const replicas = replicasOf(deployment);
  return replicasOf(rs) === replicas && Number(rs.metadata.annotations?.[desiredReplicasAnnotation] ?? Number.NaN) === replicas && availableOf(rs) === replicas;
}

/**
 * Sizes after the Deployment itself was scaled: the one active (or else newest) replica set takes it all; during a
 * rollout every replica set takes its share. `annotate`: the size annotations are to be renewed even where the size stays.
 */
export function scaleSizes(deployment: Deployment, newest: ReplicaSet | undefined, old: readonly ReplicaSet[]): { resizes: Resize[]; annotate: boolean } {
  const all = newest ? [...old, newest] : [...old];
  const active = all.filter(isActive);
  if (all.length && active.length <= 1) {
    const only = active[0] ?? newest ?? [...old].sort(byCreation).at(-1)!;
    return { resizes: replicasOf(only) === replicasOf(deployment) ? [] : [{ replicaSet: only, to: replicasOf(deployment) }], annotate: false };
  }
  if (isSaturated(deployment, newest)) return { resizes: old.filter(isActive).map((replicaSet) => ({ replicaSet, to: 0 })), annotate: false };
  if (!isRollingUpdate(deployment)) return { resizes: [], annotate: false };
  return { resizes: shares(deployment, active), annotate: true };
}

function shares(deployment: Deployment, active: ReplicaSet[]): Resize[] {
  const replicas = replicasOf(deployment);
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0;
  const toAdd = allowed - sum(active, replicasOf);
  // The larger first; of equal size the newer first when growing, the older when shrinking.
  if (toAdd > 0) active.sort((a, b) => replicasOf(b) - replicasOf(a) || byCreation(b, a));
  else if (toAdd < 0) active.sort((a, b) => replicasOf(b) - replicasOf(a) || byCreation(a, b));
  let added = 0;
  const sizes = active.map((rs) => {
    const share = toAdd === 0 ? 0 : proportion(rs, deployment, toAdd, added);
    added += share;
    return replicasOf(rs) + share;
  });
  if (toAdd !== 0 && sizes.length) sizes[0] = Math.max(0, sizes[0] + toAdd - added);
  return active.map((replicaSet, i) => ({ replicaSet, to: sizes[i] }));
}

function proportion(rs: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (replicasOf(rs) === 0 || toAdd === added) return 0;
  const fraction = shareOf(rs, deployment);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function shareOf(rs: ReplicaSet, deployment: Deployment): number {
  const size = replicasOf(rs);
  const replicas = replicasOf(deployment);
  if (replicas === 0) return -size;
  const noted = Number(rs.metadata.annotations?.[maxReplicasAnnotation] ?? '0');
  const before = Number.isInteger(noted) && noted > 0 ? noted : (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundHalfAway((size * (replicas + maxSurge(deployment))) / before) - size;
}

const roundHalfAway = (value: number): number => (value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5));

/** Old replica sets beyond the history limit that are empty and settled. */
export function surplusHistory(deployment: Deployment, oldestFirst: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2 ** 31 - 1) return [];
  const alive = oldestFirst.filter((rs) => !rs.metadata.deletionTimestamp);
  return alive.slice(0, Math.max(0, alive.length - limit)).filter((rs) => (rs.status?.replicas ?? 0) === 0 && replicasOf(rs) === 0 && (rs.metadata.generation ?? 0) <= (rs.status?.observedGeneration ?? 0));
}
