/** Revisions of a Deployment: which replica set is its newest, how they are numbered and what is remembered. Pure. */
import type { Deployment, ReplicaSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { byCreation, semanticallyEqual, templateHash } from '@pilothouse/controller-runtime';
import { maxSurge } from './sizes.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackAnnotation = 'deprecated.deployment.rollback.to';

/** The history annotation is kept within this many characters. */
const longestHistory = 2000;
const notCopied = new Set(['kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, revisionHistoryAnnotation, desiredReplicasAnnotation, maxReplicasAnnotation, rollbackAnnotation]);

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const labels = template?.metadata?.labels;
  if (!labels?.[hashLabel]) return template ?? {};
  const { [hashLabel]: _, ...rest } = labels;
  return { ...template, metadata: { ...template!.metadata, labels: rest } };
}

export const sameTemplate = (a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean => semanticallyEqual(withoutHash(a), withoutHash(b));

/** The replica set with the Deployment's template; of several the oldest. */
export const findNew = (deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined => [...replicaSets].sort(byCreation).find((rs) => sameTemplate(rs.spec?.template, deployment.spec?.template));

/** 0 where there is none or it is no number. */
export const revisionOf = (object: { metadata: { annotations?: Record<string, string> } }): number => {
  const text = object.metadata.annotations?.[revisionAnnotation] ?? '';
  return /^-?[0-9]+$/.test(text) ? Number(text) : 0;
};

export const maxRevision = (replicaSets: readonly ReplicaSet[]): number => Math.max(0, ...replicaSets.map(revisionOf));

/** The second highest revision: what "roll back" without a number means. */
export const lastRevision = (replicaSets: readonly ReplicaSet[]): number => replicaSets.map(revisionOf).sort((a, b) => b - a)[1] ?? 0;

/** Oldest revision first. */
export const byRevision = (a: ReplicaSet, b: ReplicaSet): number => revisionOf(a) - revisionOf(b) || byCreation(a, b);

/**
 * Annotations of the replica set that carries the newest revision: the Deployment's own, its revision (never lowered),
 * and the revisions it had before. `creating`: the sizes are noted as well.
 */
export function newReplicaSetAnnotations(deployment: Deployment, current: Record<string, string> | undefined, options: { revision: number; creating: boolean }): Record<string, string> {
  const annotations: Record<string, string> = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!notCopied.has(key)) annotations[key] = value;
  const old = current?.[revisionAnnotation];
  const oldNumber = Number(old ?? '0');
  if (!Number.isInteger(oldNumber)) return annotations;
  if (oldNumber < options.revision) {
    annotations[revisionAnnotation] = String(options.revision);
    if (old !== undefined) annotations[revisionHistoryAnnotation] = historyWith(current?.[revisionHistoryAnnotation] ?? '', old);
  }
  return options.creating ? { ...annotations, ...sizeAnnotations(deployment) } : annotations;
}

/** Appends a revision, dropping the oldest while the text is too long. */
function historyWith(history: string, revision: string): string {
  if (!history) return revision;
  const revisions = history.split(',');
  let length = history.length + revision.length + 1;
  while (length > longestHistory && revisions.length) length -= revisions.shift()!.length + 1;
  return length <= longestHistory ? [...revisions, revision].join(',') : history;
}

/** What the replica sets remember of the Deployment's size, so that scaling can be told from rolling out. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = deployment.spec?.replicas ?? 1;
  return { [desiredReplicasAnnotation]: String(replicas), [maxReplicasAnnotation]: String(replicas + maxSurge(deployment)) };
}

export const lacksSizeAnnotations = (deployment: Deployment, rs: ReplicaSet): boolean => Object.entries(sizeAnnotations(deployment)).some(([key, value]) => rs.metadata.annotations?.[key] !== value);

export function sizeAnnotationOf(rs: ReplicaSet, annotation: string): number | undefined {
  const text = rs.metadata.annotations?.[annotation] ?? '';
  return /^[0-9]+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
}

/** The Deployment's annotations after rolling back to `rs`: those that are never copied stay, the rest is the replica set's. */
export function rolledBackAnnotations(deployment: Deployment, rs: ReplicaSet): Record<string, string> {
  const keep = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => notCopied.has(key));
  const copied = Object.entries(rs.metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key));
  return Object.fromEntries([...keep, ...copied]);
}

/** The template without the label that only a replica set gives it. */
export const templateForRollback = (rs: ReplicaSet): PodTemplateSpec => withoutHash(rs.spec?.template);

/** Name and template of the replica set for the Deployment's current template. */
export function newReplicaSetIdentity(deployment: Deployment): { name: string; hash: string } {
  const hash = templateHash(deployment.spec!.template, deployment.status?.collisionCount);
  return { name: `${deployment.metadata.name!.slice(0, 253 - 1 - hash.length)}-${hash}`, hash };
}
