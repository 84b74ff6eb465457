/** When a pod must go because of the devices it was given. Pure. @see https://kep.k8s.io/5055 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DeviceTaint, ResourceClaim, ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import { controllerOf } from '@pilothouse/apimachinery';
import { parseTime } from '@pilothouse/base';
import { tolerates } from '@pilothouse/controller-runtime';
import { claimNameOf } from '../resourceclaim/plan.ts';

export const poolKey = (driver: string, pool: string): string => `${driver}/${pool}`;

/** Claims that a pod is known to use; its own are those made for it alone. */
export const claimsOf = (pod: Pod): { name: string; own: boolean }[] => (pod.spec?.resourceClaims ?? []).map((entry) => claimNameOf(pod, entry)).filter((found) => typeof found === 'object');

/** The taints that drive pods off a device, by the newest generation of its pool. */
export function evictingTaints(slices: readonly ResourceSlice[], device: string): DeviceTaint[] {
  const newest = Math.max(...slices.map(({ spec }) => spec.pool.generation ?? 0));
  for (const { spec } of slices) {
    if ((spec.pool.generation ?? 0) !== newest) continue;
    const found = spec.devices?.find(({ name }) => name === device);
    if (found) return (found.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  }
  return [];
}

/** When, in ms, the users of an allocated claim must go; undefined: they may stay. */
export function claimEvictionMs(claim: ResourceClaim, slicesOf: (pool: string) => readonly ResourceSlice[]): number | undefined {
  let earliest: number | undefined;
  for (const { driver, pool, device, tolerations = [] } of claim.status?.allocation?.devices?.results ?? []) {
    for (const taint of evictingTaints(slicesOf(poolKey(driver, pool)), device)) {
      const tolerated = tolerations.filter((toleration) => toleration.effect === 'NoExecute' && tolerates(toleration, taint));
      if (tolerated.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) continue;
      const seconds = tolerated.length ? Math.min(...tolerated.map(({ tolerationSeconds }) => Math.max(0, tolerationSeconds!))) : 0;
      const when = (parseTime(taint.timeAdded ?? '') || 0) + seconds * 1000;
      if (earliest === undefined || when < earliest) earliest = when;
    }
  }
  return earliest;
}

/** When, in ms, a pod must go; undefined: it may stay. Only claims that are reserved for it count. */
export function podEvictionMs(pod: Pod, claimOf: (name: string) => ResourceClaim | undefined, slicesOf: (pool: string) => readonly ResourceSlice[]): number | undefined {
  if (!pod.spec?.nodeName) return undefined;
  const { uid } = pod.metadata;
  const times = claimsOf(pod).flatMap(({ name, own }) => {
    const claim = claimOf(name);
    if (!claim?.status?.allocation || (own && controllerOf(claim)?.uid !== uid)) return [];
    if (!claim.status.reservedFor?.some((user) => user.uid === uid)) return [];
    return claimEvictionMs(claim, slicesOf) ?? [];
  });
  return times.length ? Math.min(...times) : undefined;
}
