/** Small readings of API values that several controllers need. */
import type { IntOrString } from '@pilothouse/api-schemas';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { dumpTemplate } from './template-dump.ts';

/** A number, or that percentage of `total`, rounded up or down. A malformed text counts as 0 (validation refuses it). */
export function scaledValue(value: IntOrString | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const match = /^([0-9]+)%$/.exec(value);
  if (!match) return 0;
  const exact = (Number(match[1]) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

/** Equality as Go's `equality.Semantic` has it for API objects: absent, null, `[]` and `{}` are the same. */
export function semanticallyEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((member, i) => semanticallyEqual(member, b[i]));
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  for (const key in x) if (!semanticallyEqual(x[key], y[key])) return false;
  for (const key in y) if (!(key in x) && !isEmpty(y[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  for (const _ in value) return false;
  return true;
}

/** JSON with sorted keys and without empty members: equal for semantically equal objects. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value).sort().filter((key) => !isEmpty((value as Record<string, unknown>)[key]));
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`).join(',')}}`;
}

/** FNV-1a, 32 bits. */
export function fnv32a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

const safeAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Writes a text with letters that make no words, as Kubernetes does with hashes in names. */
export const safeEncode = (text: string): string => [...Buffer.from(text)].map((byte) => safeAlphabet[byte % safeAlphabet.length]).join('');

/** The hash that names what a template makes, as upstream computes it: of the dump of its Go struct and of the number of collisions so far. */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  let bytes = Buffer.from(dumpTemplate(template));
  if (collisionCount !== undefined) {
    const count = Buffer.alloc(8);
    count.writeUInt32LE(collisionCount);
    bytes = Buffer.concat([bytes, count]);
  }
  return safeEncode(String(fnv32a(bytes)));
}

/** Oldest first; of equal age by name. */
export function byCreation(a: { metadata: { creationTimestamp?: string; name?: string } }, b: { metadata: { creationTimestamp?: string; name?: string } }): number {
  const x = a.metadata.creationTimestamp ?? '';
  const y = b.metadata.creationTimestamp ?? '';
  if (x !== y) return x < y ? -1 : 1;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}
