/** Which volumes a pod's claims could have on a node. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { quantityValue } from '@pilothouse/apimachinery/quantity';
import type { ClusterObjects } from '../../objects.ts';
import { type Labels, labelSelector } from '../../selector.ts';
import { type Verdict, unresolvable } from '../../verdict.ts';
import type { AssumedObjects } from '../../volumes/assumed.ts';
import { matchingVolume, requestedBytes } from '../../volumes/matching.ts';
import { claimName, classOfClaim, fullyBound, noProvisioner, notOwned, selectedNodeAnnotation, topologyAllows, volumeReaches, waitsForConsumer } from '../../volumes/storage.ts';
import type { CSIStorageCapacity, StorageClass } from '../../volumes/types.ts';

export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** To be bound once the pod has a node. */
  readonly delayed: readonly PersistentVolumeClaim[];
  /** Not bound, and not the scheduler's to bind. */
  readonly immediate: readonly PersistentVolumeClaim[];
  /** Volumes of the classes of `delayed`. */
  readonly volumes: ReadonlyMap<string, readonly PersistentVolume[]>;
}

export interface PodVolumes {
  readonly bindings: { volume: PersistentVolume; claim: PersistentVolumeClaim }[];
  readonly provisions: { claim: PersistentVolumeClaim; capacity: CSIStorageCapacity | undefined }[];
}

export interface VolumeSources {
  readonly objects: ClusterObjects;
  readonly claims: AssumedObjects<PersistentVolumeClaim>;
  readonly volumes: AssumedObjects<PersistentVolume>;
}

const reasons = {
  bind: "node(s) didn't find available persistent volumes to bind",
  node: "node(s) didn't match PersistentVolume's node affinity",
  space: 'node(s) did not have enough free storage',
  gone: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
};

/** Sorts the pod's claims by what is to be done with them. @throws Error where one cannot be had. */
export function claimsOf(pod: Pod, sources: VolumeSources): PodClaims {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  const immediate: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const named = claimName(pod, volume);
    if (!named) continue;
    const key = `${pod.metadata.namespace}/${named.name}`;
    const claim = sources.claims.get(key);
    if (!claim) throw new Error(`error getting PVC ${JSON.stringify(key)}: could not find v1.PersistentVolumeClaim "${key}"`);
    const foreign = named.ephemeral ? notOwned(pod, claim) : undefined;
    if (foreign) throw new Error(foreign);
    if (fullyBound(claim)) bound.push(claim);
    else if (waitsForConsumer(claim, sources.objects) && !claim.spec?.volumeName) delayed.push(claim);
    else immediate.push(claim);
  }
  const volumes = new Map<string, PersistentVolume[]>();
  for (const claim of delayed) {
    const name = classOfClaim(claim);
    if (!volumes.has(name)) volumes.set(name, sources.volumes.list().filter((v) => (v.spec?.storageClassName ?? '') === name));
  }
  return { bound, delayed, immediate, volumes };
}

/** @throws Error where a claim's class cannot be used at all. */
export function findVolumes(podClaims: PodClaims, labels: Labels, nodeName: string, sources: VolumeSources): PodVolumes | Verdict {
  const found: PodVolumes = { bindings: [], provisions: [] };
  const wrong: string[] = [];
  let exists = true;
  for (const claim of podClaims.bound) {
    const volume = sources.volumes.get(claim.spec!.volumeName!);
    if (!volume) exists = false;
    else if (volumeReaches(volume, labels)) continue;
    else wrong.push(reasons.node);
    break;
  }
  const short = podClaims.delayed.length ? findDelayed(podClaims, labels, nodeName, sources, found) : undefined;
  if (short) wrong.push(short);
  if (!exists) wrong.push(reasons.gone);
  return wrong.length ? unresolvable(...wrong) : found;
}

function findDelayed(podClaims: PodClaims, labels: Labels, nodeName: string, sources: VolumeSources, found: PodVolumes): string | undefined {
  const toMatch: PersistentVolumeClaim[] = [];
  const toProvision: PersistentVolumeClaim[] = [];
  for (const claim of podClaims.delayed) {
    const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (selected === undefined) toMatch.push(claim);
    else if (selected === nodeName) toProvision.push(claim);
    else return reasons.bind;
  }
  toMatch.sort((a, b) => requestedBytes(a) - requestedBytes(b));
  const taken = new Set<string>();
  for (const claim of toMatch) {
    const volume = matchingVolume(claim, podClaims.volumes.get(classOfClaim(claim)) ?? [], labels, taken);
    if (!volume) {
      toProvision.push(claim);
      continue;
    }
    taken.add(volume.metadata.name!);
    found.bindings.push({ volume, claim });
  }
  return provision(toProvision, labels, sources, found);
}

function provision(claims: readonly PersistentVolumeClaim[], labels: Labels, { objects }: VolumeSources, found: PodVolumes): string | undefined {
  for (const claim of claims) {
    const name = classOfClaim(claim);
    if (!name) throw new Error(`no class for claim "${claim.metadata.namespace}/${claim.metadata.name}"`);
    const storageClass = objects.storageClasses.get(name);
    if (!storageClass) throw new Error(`failed to find storage class ${JSON.stringify(name)}`);
    if (!storageClass.provisioner || storageClass.provisioner === noProvisioner || !topologyAllows(storageClass.allowedTopologies, labels)) return reasons.bind;
    const room = roomFor(claim, storageClass, labels, objects);
    if (!room) return reasons.space;
    found.provisions.push({ claim, capacity: room.capacity });
  }
  return undefined;
}

/** Where the driver publishes capacities, some topology the node is in must have enough left. */
function roomFor(claim: PersistentVolumeClaim, storageClass: StorageClass, labels: Labels, objects: ClusterObjects): { capacity: CSIStorageCapacity | undefined } | undefined {
  if (!claim.spec?.resources?.requests?.storage || !objects.csiDrivers.get(storageClass.provisioner)?.spec.storageCapacity) return { capacity: undefined };
  const bytes = requestedBytes(claim);
  for (const capacity of objects.csiStorageCapacities.list()) {
    const limit = volumeLimit(capacity);
    if (capacity.storageClassName === storageClass.metadata.name && limit !== undefined && limit >= bytes && capacity.nodeTopology && labelSelector(capacity.nodeTopology).matches(labels)) return { capacity };
  }
  return undefined;
}

/** Bytes of the largest volume that can be made there. */
export function volumeLimit(capacity: CSIStorageCapacity): number | undefined {
  const limit = capacity.maximumVolumeSize ?? capacity.capacity;
  return limit === undefined ? undefined : quantityValue(limit);
}
