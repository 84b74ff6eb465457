/** Which volume a claim gets. Pure. */
import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { compareQuantities } from '@pilothouse/apimachinery';
import { selectorOf } from '@pilothouse/controller-runtime';

export const classOf = (object: PersistentVolume | PersistentVolumeClaim): string => object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? '';
export const modeOf = (object: PersistentVolume | PersistentVolumeClaim): string => object.spec?.volumeMode ?? 'Filesystem';
const attributesClassOf = (object: PersistentVolume | PersistentVolumeClaim): string => object.spec?.volumeAttributesClassName ?? '';
const requested = (claim: PersistentVolumeClaim): string => claim.spec?.resources?.requests?.storage ?? '0';
const capacity = (volume: PersistentVolume): string => volume.spec?.capacity?.storage ?? '0';

/** Whether the volume's reference names the claim, by uid where it has one. */
export function isMeantFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  return !!ref && ref.name === claim.metadata.name && ref.namespace === claim.metadata.namespace && (!ref.uid || ref.uid === claim.metadata.uid);
}

/** Why a volume that a claim names cannot be its; undefined where it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (compareQuantities(capacity(volume), requested(claim)) < 0) return 'requested PV is too small';
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if (attributesClassOf(volume) !== attributesClassOf(claim)) return 'volumeAttributesClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  if (!hasModes(volume, claim)) return 'incompatible accessMode';
  return undefined;
}

const hasModes = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean => (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

/**
 * The volume that was made for the claim, else the smallest that is large enough among those with the fewest access
 * modes beyond the wanted. `delay`: only one made for it, since the pod is to be placed first.
 */
export function findVolume(volumes: readonly PersistentVolume[], claim: PersistentVolumeClaim, options: { delay: boolean }): PersistentVolume | undefined {
  const selector = claim.spec?.selector ? selectorOf(claim.spec.selector) : undefined;
  const fitting = volumes.filter((volume) => compareQuantities(capacity(volume), requested(claim)) >= 0 && modeOf(volume) === modeOf(claim) && attributesClassOf(volume) === attributesClassOf(claim) && hasModes(volume, claim) && !volume.metadata.deletionTimestamp);
  const own = fitting.find((volume) => isMeantFor(volume, claim));
  if (own || options.delay) return own;
  const free = fitting.filter((volume) => !volume.spec?.claimRef && volume.status?.phase === 'Available' && classOf(volume) === classOf(claim) && (!selector || selector.matches(volume.metadata.labels)));
  const modes = (volume: PersistentVolume) => volume.spec?.accessModes?.length ?? 0;
  return free.sort((a, b) => modes(a) - modes(b) || compareQuantities(capacity(a), capacity(b)) || (a.metadata.name! < b.metadata.name! ? -1 : 1))[0];
}
