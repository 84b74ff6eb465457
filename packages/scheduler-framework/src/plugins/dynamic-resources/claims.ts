/** A pod's resource claims: where they are, whose they are, what of them is taken. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim } from '@pilothouse/api-schemas/types/resource/v1';
import { type ObjectLister, objectKey } from '../../objects.ts';
import { missing } from '../../volumes/storage.ts';

/** At most this many pods may share a claim. */
const mostConsumers = 256;

export interface PodClaimRef {
  readonly name: string;
  /** Made for this pod from a template. */
  readonly own: boolean;
}

/** The claims a pod uses, by name; those that it turned out not to need are left out. @throws Error where one is not made yet. */
export function claimRefs(pod: Pod): PodClaimRef[] {
  const refs: PodClaimRef[] = [];
  for (const entry of pod.spec?.resourceClaims ?? []) {
    if (entry.resourceClaimName) refs.push({ name: entry.resourceClaimName, own: false });
    else if (entry.resourceClaimTemplateName) {
      const status = pod.status?.resourceClaimStatuses?.find((s) => s.name === entry.name);
      if (!status) throw new Error(`pod "${pod.metadata.namespace}/${pod.metadata.name}": ResourceClaim not created yet`);
      if (status.resourceClaimName) refs.push({ name: status.resourceClaimName, own: true });
    } else throw new Error(`pod "${pod.metadata.namespace}/${pod.metadata.name}", spec.resourceClaim ${JSON.stringify(entry.name)}: none of the supported fields are set`);
  }
  return refs;
}

/** @throws Error where a claim cannot be used by the pod. */
export function claimsOfPod(pod: Pod, lister: Pick<ObjectLister<ResourceClaim>, 'get'>): ResourceClaim[] {
  return claimRefs(pod).map(({ name, own }) => {
    const claim = lister.get(`${pod.metadata.namespace}/${name}`);
    if (!claim) throw new Error(missing('resourceclaim.resource.k8s.io', name));
    if (claim.metadata.deletionTimestamp) throw new Error(`resourceclaim ${JSON.stringify(name)} is being deleted`);
    if (own && claim.metadata.ownerReferences?.find((r) => r.controller)?.uid !== pod.metadata.uid) throw new Error(`ResourceClaim ${objectKey(claim)} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`);
    return claim;
  });
}

export const isReservedFor = (claim: ResourceClaim, pod: Pod): boolean => claim.status?.reservedFor?.some((r) => r.uid === pod.metadata.uid) ?? false;
export const canBeReserved = (claim: ResourceClaim): boolean => (claim.status?.reservedFor?.length ?? 0) < mostConsumers;

/** `driver/pool/device`. */
export const deviceId = (r: { driver: string; pool: string; device: string }): string => `${r.driver}/${r.pool}/${r.device}`;

/** Devices that some claim holds. Access for administrators takes nothing. */
export function takenDevices(claims: Iterable<ResourceClaim>): Set<string> {
  const taken = new Set<string>();
  for (const claim of claims) for (const result of claim.status?.allocation?.devices?.results ?? []) if (!result.adminAccess) taken.add(deviceId(result));
  return taken;
}
