/** Who owns the claims of a StatefulSet, after its retention policy. Pure. */
import type { StatefulSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type OwnerReference, pods, statefulSets } from '@pilothouse/apimachinery';
import { controllerReference } from '@pilothouse/controller-runtime';
import { inRange, ordinalOf } from './identity.ts';

const names = (ref: OwnerReference, kind: 'set' | 'pod', owner: StatefulSet | Pod): boolean => ref.apiVersion === (kind === 'set' ? 'apps/v1' : 'v1') && ref.kind === (kind === 'set' ? 'StatefulSet' : 'Pod') && ref.name === owner.metadata.name;
const isStale = (refs: readonly OwnerReference[], kind: 'set' | 'pod', owner: StatefulSet | Pod): boolean => refs.some((ref) => names(ref, kind, owner) && ref.uid !== owner.metadata.uid);

const policyOf = (set: StatefulSet) => ({ deleted: set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete', scaled: set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete' });

/** Another controller claims it: the policy is not ours to apply. */
export function hasForeignController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const policy = policyOf(set);
  if (!policy.deleted && !policy.scaled) return false;
  return (claim.metadata.ownerReferences ?? []).some((ref) => {
    if (names(ref, 'set', set)) return ref.uid !== set.metadata.uid;
    if (names(ref, 'pod', pod)) return ref.uid !== pod.metadata.uid;
    return ref.controller;
  });
}

/** A claim that still names an earlier pod or set of the name is about to be collected: nothing may be built on it. */
export const ownedByFormer = (claim: PersistentVolumeClaim, pod: Pod): boolean => isStale(claim.metadata.ownerReferences ?? [], 'pod', pod);

/** The owner references the claim should have; undefined where it has them. */
export function claimOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): OwnerReference[] | undefined {
  const refs = claim.metadata.ownerReferences ?? [];
  if (isStale(refs, 'set', set) || isStale(refs, 'pod', pod)) return undefined;
  const has = (uid: string | undefined) => refs.find((ref) => ref.uid === uid);
  const others = refs.filter((ref) => !names(ref, 'set', set) && !names(ref, 'pod', pod));
  if (hasForeignController(claim, set, pod)) return has(set.metadata.uid) || has(pod.metadata.uid) ? others : undefined;
  const policy = policyOf(set);
  const condemned = !inRange(set, ordinalOf(pod));
  const wanted: OwnerReference[] = [];
  if (policy.deleted && !(policy.scaled && condemned)) wanted.push(controllerReference(statefulSets, set));
  if (policy.scaled && condemned) wanted.push(controllerReference(pods, pod));
  const ours = refs.filter((ref) => ref.uid === set.metadata.uid || ref.uid === pod.metadata.uid);
  if (ours.length === wanted.length && wanted.every((ref) => has(ref.uid)?.controller)) return undefined;
  return [...others, ...wanted];
}
