/** ControllerRevisions: the templates that DaemonSets and StatefulSets had. */
import type { ControllerRevision } from '@pilothouse/api-schemas/types/apps/v1';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { byCreation, canonicalJson, fnv32a, safeEncode, semanticallyEqual } from '@pilothouse/controller-runtime';

/** What a revision keeps: a patch that brings its template back. */
export const revisionData = (template: PodTemplateSpec): Record<string, unknown> => ({ spec: { template: { ...template, $patch: 'replace' } } });

/** The template a revision keeps. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } })?.spec?.template ?? {};
  return template;
}

export const keepsTemplate = (revision: ControllerRevision, template: PodTemplateSpec): boolean => semanticallyEqual(templateOf(revision), template);

export const byRevisionNumber = (a: ControllerRevision, b: ControllerRevision): number => a.revision - b.revision || byCreation(a, b);

/** Hash of what a revision keeps and of the number of collisions so far. */
export const revisionHash = (data: unknown, collisionCount: number): string => safeEncode(String(fnv32a(canonicalJson(data) + String(collisionCount))));

/** `set-5d8f…`, the set's name cut so that it stays a valid label value. */
export const revisionName = (prefix: string, hash: string): string => `${prefix.slice(0, 223)}-${hash}`;
