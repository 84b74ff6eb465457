/** Rules about claims, volumes and classes that several plugins share: k8s.io/component-helpers/storage. */
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '@pilothouse/api-schemas/types/core/v1';
import type { StorageClass, TopologySelectorTerm } from './types.ts';
import type { ClusterObjects } from '../objects.ts';
import { nodeSelectorPredicate } from '../pod/node-affinity.ts';
import type { Labels } from '../selector.ts';

export const bindCompletedAnnotation = 'pv.kubernetes.io/bind-completed';
export const boundByControllerAnnotation = 'pv.kubernetes.io/bound-by-controller';
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
export const noProvisioner = 'kubernetes.io/no-provisioner';
const betaClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** `''` where the claim has no class. */
export const classOfClaim = (claim: PersistentVolumeClaim): string => claim.metadata.annotations?.[betaClassAnnotation] ?? claim.spec?.storageClassName ?? '';
export const classOfVolume = (volume: PersistentVolume): string => volume.metadata.annotations?.[betaClassAnnotation] ?? volume.spec?.storageClassName ?? '';

/** Name of the claim a volume of a pod stands for; undefined where it is no claim. */
export function claimName(pod: Pod, volume: Volume): { name: string; ephemeral: boolean } | undefined {
  if (volume.persistentVolumeClaim) return { name: volume.persistentVolumeClaim.claimName, ephemeral: false };
  if (volume.ephemeral) return { name: `${pod.metadata.name}-${volume.name}`, ephemeral: true };
  return undefined;
}

/** Why an ephemeral volume's claim is not the pod's own; undefined where it is. */
export function notOwned(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  const owner = claim.metadata.ownerReferences?.find((ref) => ref.controller);
  if (owner?.uid === pod.metadata.uid) return undefined;
  return `PVC ${claim.metadata.namespace}/${claim.metadata.name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}

export const fullyBound = (claim: PersistentVolumeClaim): boolean => Boolean(claim.spec?.volumeName) && claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined;

/** Whether the claim waits for its first consumer. @throws Error for a class without a binding mode. */
export function waitsForConsumer(claim: PersistentVolumeClaim, objects: ClusterObjects): boolean {
  const name = classOfClaim(claim);
  const storageClass = name ? objects.storageClasses.get(name) : undefined;
  if (!storageClass) return false;
  if (!storageClass.volumeBindingMode) throw new Error(`VolumeBindingMode not set for StorageClass ${JSON.stringify(name)}`);
  return storageClass.volumeBindingMode === 'WaitForFirstConsumer';
}

/** Whether a node with these labels can reach the volume. */
export function volumeReaches(volume: PersistentVolume, labels: Labels): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  if (!required) return true;
  return nodeSelectorPredicate({ nodeSelectorTerms: required.nodeSelectorTerms.map((t) => ({ matchExpressions: t.matchExpressions })) })(labels, '');
}

export function topologyAllows(terms: readonly TopologySelectorTerm[] | undefined, labels: Labels): boolean {
  if (!terms?.length) return true;
  return terms.some((term) => Boolean(term.matchLabelExpressions?.length) && term.matchLabelExpressions!.every((e) => labels[e.key] !== undefined && e.values.includes(labels[e.key])));
}

/** Bound to the claim, by the user or by a controller. */
export function boundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  return ref !== undefined && ref.name === claim.metadata.name && ref.namespace === claim.metadata.namespace && (!ref.uid || ref.uid === claim.metadata.uid);
}

/** A copy of the volume that refers to the claim; the volume itself where it does already. */
export function bindToClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const bound = boundTo(volume, claim);
  const ref = volume.spec?.claimRef;
  if (bound && ref!.uid === claim.metadata.uid) return volume;
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: claim.metadata.namespace, name: claim.metadata.name, uid: claim.metadata.uid, resourceVersion: claim.metadata.resourceVersion };
  const annotations = bound ? volume.metadata.annotations : { ...volume.metadata.annotations, [boundByControllerAnnotation]: 'yes' };
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } };
}

export const labelsOf = (node: Node): Labels => node.metadata.labels ?? {};

/** What a lister says of a missing object. */
export const missing = (resource: string, name: string): string => `${resource} ${JSON.stringify(name)} not found`;
export type { StorageClass };
