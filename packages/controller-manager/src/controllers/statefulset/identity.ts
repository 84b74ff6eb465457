/** Who the pods of a StatefulSet are: their ordinals, names, claims. Pure. */
import type { StatefulSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { PersistentVolumeClaim, Pod, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { clone } from '@pilothouse/client';
import { statefulSets } from '@pilothouse/apimachinery';
import { isPodAvailable, podFromTemplate } from '@pilothouse/controller-runtime';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';
export const revisionLabel = 'controller-revision-hash';

/** -1 where the name has none. */
export function ordinalOf(pod: Pod): number {
  const match = /^(.*)-([0-9]+)$/s.exec(pod.metadata.name ?? '');
  return match && Number(match[2]) < 2 ** 31 ? Number(match[2]) : -1;
}
const parentOf = (pod: Pod): string => /^(.*)-[0-9]+$/s.exec(pod.metadata.name ?? '')?.[1] ?? '';

export const isMember = (set: StatefulSet, pod: Pod): boolean => parentOf(pod) === set.metadata.name;
export const startOrdinal = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const replicasOf = (set: StatefulSet): number => set.spec?.replicas ?? 1;
export const inRange = (set: StatefulSet, ordinal: number): boolean => ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);
export const revisionOf = (pod: Pod): string => pod.metadata.labels?.[revisionLabel] ?? '';

export const isTerminating = (pod: Pod): boolean => !!pod.metadata.deletionTimestamp;
/** Stored by the API server, not only meant. */
export const isCreated = (pod: Pod): boolean => !!pod.status?.phase;
export const isUnavailable = (pod: Pod, set: StatefulSet, nowMs: number): boolean => !isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs) || isTerminating(pod);

export const claimName = (template: PersistentVolumeClaim, set: StatefulSet, ordinal: number): string => `${template.metadata.name}-${set.metadata.name}-${ordinal}`;

/** The claims of one ordinal, by volume name. */
export function claimsOf(set: StatefulSet, ordinal: number): Map<string, PersistentVolumeClaim> {
  const claims = new Map<string, PersistentVolumeClaim>();
  for (const template of set.spec?.volumeClaimTemplates ?? []) {
    const claim = clone(template);
    claim.metadata = { ...claim.metadata, name: claimName(template, set, ordinal), namespace: set.metadata.namespace, labels: { ...claim.metadata.labels, ...set.spec?.selector?.matchLabels } };
    claims.set(template.metadata.name!, claim);
  }
  return claims;
}

export function identityFits(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= 0 && isMember(set, pod) && pod.metadata.namespace === set.metadata.namespace && pod.metadata.labels?.[podNameLabel] === pod.metadata.name;
}

export function storageFits(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= 0 && (set.spec?.volumeClaimTemplates ?? []).every((template) => pod.spec?.volumes?.some((volume) => volume.name === template.metadata.name && volume.persistentVolumeClaim?.claimName === claimName(template, set, ordinal)));
}

/** Puts name, labels and claims of its ordinal on a pod that is ours to change. */
export function giveIdentity(set: StatefulSet, pod: Pod, ordinal: number): void {
  const name = `${set.metadata.name}-${ordinal}`;
  pod.metadata.name = name;
  pod.metadata.namespace = set.metadata.namespace;
  pod.metadata.labels = { ...pod.metadata.labels, [podNameLabel]: name, [indexLabel]: String(ordinal) };
}

export function giveStorage(set: StatefulSet, pod: Pod, ordinal: number): void {
  const claims = claimsOf(set, ordinal);
  const own: Volume[] = [...claims].map(([name, claim]) => ({ name, persistentVolumeClaim: { claimName: claim.metadata.name! } }));
  pod.spec!.volumes = [...own, ...(pod.spec!.volumes ?? []).filter((volume) => !claims.has(volume.name))];
}

/** A pod that is yet to be created: of the update revision, or still of the current one below the partition. */
export function newPod(ordinal: number, revisions: { current: { set: StatefulSet; name: string }; update: { set: StatefulSet; name: string } }): Pod {
  const { current, update } = revisions;
  const strategy = current.set.spec?.updateStrategy;
  const below = strategy?.rollingUpdate ? (strategy.rollingUpdate.partition ?? 0) : (current.set.status?.currentReplicas ?? 0);
  const { set, name } = strategy?.type === 'RollingUpdate' && ordinal < startOrdinal(current.set) + below ? current : update;
  const pod = podFromTemplate(set.spec!.template, statefulSets, set);
  giveIdentity(set, pod, ordinal);
  pod.spec!.hostname = pod.metadata.name;
  if (set.spec?.serviceName) pod.spec!.subdomain = set.spec.serviceName;
  giveStorage(set, pod, ordinal);
  pod.metadata.labels![revisionLabel] = name;
  return pod;
}
