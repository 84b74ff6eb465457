/**
 * How objects are written down. What the store keeps is an object's JSON without resourceVersion, its metadata in the
 * order kube-apiserver writes it; since `uid` comes right before `resourceVersion` there, a revision is spliced in
 * without parsing. What the cache keeps and the API answers is the spliced form.
 */
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';
import type { KubeObject } from '@pilothouse/apimachinery';
import { UserError } from '@pilothouse/base';
import { sharedFieldSetText } from '@pilothouse/apimachinery/managed-fields/create';

/** An object's JSON without resourceVersion, and where in it `,"resourceVersion":"…"` goes. */
export interface StoredForm {
  bytes: Buffer;
  splice: number;
}

const metadataOrder = ['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields'] as const;

/** Encodes an object for the store: kind, apiVersion, then metadata in canonical order without resourceVersion. `metadata.uid` must be set. */
export function encodeStored(object: KubeObject): StoredForm {
  const from = object.metadata as unknown as Record<string, unknown>;
  const metadata: Record<string, unknown> = {};
  for (const name of metadataOrder) if (name !== 'resourceVersion' && name !== 'managedFields' && from[name] !== undefined) metadata[name] = from[name];
  const { kind, apiVersion, metadata: _, ...rest } = object as KubeObject & Record<string, unknown>;
  const managers = managersText(object.metadata.managedFields);
  const meta = JSON.stringify(metadata);
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${managers ? `${meta.slice(0, -1)},"managedFields":${managers}}` : meta}`;
  const tail = JSON.stringify(rest);
  const text = tail === '{}' ? `${head}}` : `${head},${tail.slice(1)}`;
  const bytes = Buffer.from(text);
  const splice = spliceInText(text);
  // Names of some kinds may be of any letters: an index into the text is then none into the bytes.
  return { bytes, splice: bytes.length === text.length ? splice : Buffer.byteLength(text.slice(0, splice)) };
}

/** Entries are written field by field only where their sets are not shared by many objects, whose text is known. */
function managersText(entries: readonly ManagedFieldsEntry[] | undefined | null): string | undefined {
  if (!entries) return undefined;
  const [first] = entries;
  const text = entries.length === 1 && first.fieldsV1 ? sharedFieldSetText(first.fieldsV1) : undefined;
  if (text === undefined) return JSON.stringify(entries);
  const { fieldsV1: _, subresource, ...before } = first;
  return `[${JSON.stringify(before).slice(0, -1)},"fieldsV1":${text}${subresource ? `,"subresource":${JSON.stringify(subresource)}` : ''}}]`;
}

/** Index into the text. */
function spliceInText(text: string): number {
  const at = text.indexOf('"uid":"');
  if (at < 0) throw new Error('Encode an object: metadata.uid is not set');
  return text.indexOf('"', at + 7) + 1;
}

const uidMark = Buffer.from('"uid":"');
const metadataMark = Buffer.from('"metadata":{');

/** The splice point of bytes from the store; -1 where they are not in canonical form and must be parsed. */
export function findSplice(bytes: Buffer): number {
  const metadata = bytes.indexOf(metadataMark);
  const uid = bytes.indexOf(uidMark);
  if (metadata < 0 || uid < metadata) return -1;
  // Nested values before the uid mean another order of fields; the uid found may then not be the object's own.
  for (let i = metadata + metadataMark.length; i < uid; i++) if (bytes[i] === 0x7b || bytes[i] === 0x5b) return -1;
  return bytes.indexOf(0x22, uid + uidMark.length) + 1;
}

/** How long `withRevision` will be. */
export const lengthWithRevision = ({ bytes }: StoredForm, revision: number): number => bytes.length + `,"resourceVersion":"${revision}"`.length + 1;

/** The object's JSON as the API answers it, with the line's end that kube-apiserver writes. */
export function withRevision(stored: StoredForm, revision: number): Buffer {
  const text = `,"resourceVersion":"${revision}"`;
  const { bytes, splice } = stored;
  const out = Buffer.allocUnsafeSlow(bytes.length + text.length + 1);
  bytes.copy(out, 0, 0, splice);
  out.write(text, splice, 'latin1');
  bytes.copy(out, splice + text.length, splice);
  out[out.length - 1] = 0x0a;
  return out;
}

/** Replaces the revision in spliced bytes. */
export function replaceRevision(bytes: Buffer, splice: number, revision: number): Buffer {
  const end = bytes.indexOf(0x22, splice + 20) + 1;
  const text = `,"resourceVersion":"${revision}"`;
  const out = Buffer.allocUnsafeSlow(bytes.length - (end - splice) + text.length);
  bytes.copy(out, 0, 0, splice);
  out.write(text, splice, 'latin1');
  bytes.copy(out, splice + text.length, end);
  return out;
}

/** A value in the store that cannot be read. Names the key and why: nothing is served from a store that is half understood. */
export class UnreadableValue extends UserError {
  override name = 'UnreadableValue';
  readonly key: string;
  constructor(key: string, why: string, options?: ErrorOptions) {
    super(`the value of ${key} ${why}`, options);
    this.key = key;
  }
}

/** Reads what another writer left in the store: the object in the stored version. @throws UnreadableValue */
export type ForeignReader = (value: Buffer, key: string) => KubeObject;

const openingBrace = 0x7b;
const lineEnd = 0x0a;

/**
 * An entry's value in spliced form. What is not written as this server writes it (another order of fields, another
 * version, protobuf) is read by `foreign` and encoded anew; `head` is what the JSON of this version begins with.
 */
export function fromStore(entry: { key: string; value: Uint8Array }, revision: number, { head, foreign }: { head: Buffer; foreign: ForeignReader }): { bytes: Buffer; splice: number } {
  const { value } = entry;
  let bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const known = bytes[0] === openingBrace && bytes.length > head.length && bytes.compare(head, 0, head.length, 0, head.length) === 0;
  const splice = known ? findSplice(bytes) : -1;
  // Go's encoder ends a document with a line's end.
  if (known && bytes[bytes.length - 1] === lineEnd) bytes = bytes.subarray(0, -1);
  const stored = splice >= 0 && bytes.toString('latin1', splice, splice + 20) !== ',"resourceVersion":"' ? { bytes, splice } : encodeStored(foreign(bytes, entry.key));
  return { bytes: withRevision(stored, revision), splice: stored.splice };
}

/** What the JSON of objects of a kind begins with, as `encodeStored` writes it. */
export const headOf = (apiVersion: string, kind: string): Buffer => Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`);

/** The object's JSON with its resourceVersion and a line's end, for objects that are not stored (dry runs, conversions). */
export const encodeObject = (object: KubeObject): Buffer => Buffer.from(`${JSON.stringify(inWireOrder(object))}\n`);

/** A copy whose head's and metadata's fields stand in the order kube-apiserver writes them in. */
export function inWireOrder(object: KubeObject): KubeObject {
  const { kind, apiVersion, metadata, ...rest } = object as KubeObject & Record<string, unknown>;
  const from = (metadata ?? {}) as unknown as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const name of metadataOrder) if (from[name] !== undefined) ordered[name] = from[name];
  return { kind, apiVersion, metadata: metadata === undefined ? undefined : ordered, ...rest } as unknown as KubeObject;
}
