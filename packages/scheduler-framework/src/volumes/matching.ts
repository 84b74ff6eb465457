import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { quantityValue } from '@pilothouse/apimachinery/quantity';
import { type Labels, labelSelector } from '../selector.ts';
import { boundTo, classOfClaim, classOfVolume, volumeReaches } from './storage.ts';

/** Bytes the claim asks for; 0 where it does not say. */
export const requestedBytes = (claim: PersistentVolumeClaim): number => quantityValue(claim.spec?.resources?.requests?.storage ?? '0');
export const capacityBytes = (volume: PersistentVolume): number => quantityValue(volume.spec?.capacity?.storage ?? '0');

const volumeMode = (spec: { volumeMode?: string } | undefined) => spec?.volumeMode ?? 'Filesystem';

/** The volume bound to the claim already, else the smallest free one that satisfies it on a node with these labels. */
export function matchingVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], labels: Labels, taken: ReadonlySet<string>): PersistentVolume | undefined {
  const wanted = requestedBytes(claim);
  const selector = claim.spec?.selector && labelSelector(claim.spec.selector);
  let smallest: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (taken.has(volume.metadata.name!)) continue;
    const bound = boundTo(volume, claim);
    if (volume.spec?.claimRef && !bound) continue;
    if (capacityBytes(volume) < wanted || volumeMode(claim.spec) !== volumeMode(volume.spec) || volume.metadata.deletionTimestamp) continue;
    if ((claim.spec?.volumeAttributesClassName ?? '') !== (volume.spec?.volumeAttributesClassName ?? '')) continue;
    const reaches = volumeReaches(volume, labels);
    if (bound) return reaches ? volume : undefined;
    if (volume.status?.phase !== 'Available' || (selector && !selector.matches(volume.metadata.labels)) || classOfVolume(volume) !== classOfClaim(claim) || !reaches) continue;
    if (!(claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode))) continue;
    if (!smallest || capacityBytes(smallest) > capacityBytes(volume)) smallest = volume;
  }
  return smallest;
}
