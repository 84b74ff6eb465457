/** ControllerRevisions: the templates that DaemonSets and StatefulSets had. */
import type { ControllerRevision } from '@pilothouse/api-schemas/types/apps/v1';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { byCreation, safeEncode, semanticallyEqual } from '@pilothouse/controller-runtime';

/** What a revision keeps: a patch that brings its template back. */
export const revisionData = (template: PodTemplateSpec): Record<string, unknown> => ({ spec: { template: { ...template, $patch: 'replace' } } });

/** The template a revision keeps. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } })?.spec?.template ?? {};
  return template;
}

export const keepsTemplate = (revision: ControllerRevision, template: PodTemplateSpec): boolean => semanticallyEqual(templateOf(revision), template);

export const byRevisionNumber = (a: ControllerRevision, b: ControllerRevision): number => a.revision - b.revision || byCreation(a, b);

/** Hash of what a revision keeps and of the number of collisions so far, as upstream computes it: FNV-1 of the JSON. */
export function revisionHash(data: unknown, collisionCount: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(sortedJson(data) + String(collisionCount))) hash = Math.imul(hash, 0x01000193) ^ byte;
  return safeEncode(String(hash >>> 0));
}

/** JSON with the keys of all objects in order, as Go writes maps. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return goString(JSON.stringify(value) ?? 'null');
  const members = Object.keys(value).filter((key) => (value as Record<string, unknown>)[key] !== undefined).sort();
  return `{${members.map((key) => `${goString(JSON.stringify(key))}:${sortedJson((value as Record<string, unknown>)[key])}`).join(',')}}`;
}

/** Go escapes what could end a script in HTML. */
const goString = (json: string): string => json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** `set-5d8f…`, the set's name cut so that it stays a valid label value. */
export const revisionName = (prefix: string, hash: string): string => `${prefix.slice(0, 223)}-${hash}`;
