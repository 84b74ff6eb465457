/** Reads and writes single objects of one resource, in the stored version, telling its cache what was written. */
import { alreadyExistsError, conflictError, invalidError, type KubeObject, tooLong } from '@pilothouse/apimachinery';
import { type Entry, RevisionConflict, type Store, StoreUnavailable, keyFits, longestKeyBytes } from '@pilothouse/storage';
import type { CachedObject } from '../cache/cached-object.ts';
import { encodeStored, fromStore, lengthWithRevision, type StoredForm, withRevision } from '../cache/encoding.ts';
import type { ServedResource, StoredResource } from '../registry.ts';
import { plainError } from '../request/errors.ts';

export const modifiedText = 'the object has been modified; please apply your changes to the latest version and try again';

/** What etcd takes in one request, in bytes; no store is given more, so that what one takes another will take too. */
const mostBytes = 1.5 * 1024 * 1024;

/** Writes an object. `ifRevision` 0: it must not exist. `form`: the object encoded, where that is done. @throws RevisionConflict; StatusError 500 in etcd's words for one that is too large, 422 for a name too long for any key */
export async function putObject(store: Store, stored: StoredResource, object: KubeObject, ifRevision: number, form: StoredForm = encodeStored(object)): Promise<CachedObject> {
  const { cache, definition } = stored;
  const { name = '', namespace = '' } = object.metadata;
  const key = cache.keyOf(namespace, name);
  if (!keyFits(key)) throw invalidError(definition.type, name, [tooLong('metadata.name', longestKeyBytes - (Buffer.byteLength(key) - Buffer.byteLength(name)))]);
  if (form.bytes.length > mostBytes) throw plainError('etcdserver: request is too large');
  const { modRevision } = await store.put(key, form.bytes, { ifRevision, ...(definition.ttlSeconds && { ttlSeconds: definition.ttlSeconds }) });
  object.metadata.resourceVersion = String(modRevision);
  const written = { bytes: withRevision(form, modRevision), splice: form.splice, object };
  cache.noteWritten(key, modRevision, written);
  return stored.cache.objectOf(key, modRevision, written);
}

/** The object as a dry run would leave it: encoded, not written. */
export function unwritten(stored: StoredResource, object: KubeObject, revision: number): CachedObject {
  const form = encodeStored(object);
  const key = stored.cache.keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
  if (revision) {
    object.metadata.resourceVersion = String(revision);
    return stored.cache.objectOf(key, revision, { bytes: withRevision(form, revision), splice: form.splice, object });
  }
  delete object.metadata.resourceVersion;
  return stored.cache.objectOf(key, 0, { bytes: Buffer.concat([form.bytes, Buffer.from('\n')]), splice: form.splice, object });
}

/** Reads past the cache. */
export async function readObject(store: Store, stored: StoredResource, namespace: string, name: string): Promise<CachedObject | undefined> {
  const key = stored.cache.keyOf(namespace, name);
  const { entry } = await store.get(key);
  return entry && fromEntry(stored, entry);
}

/** An entry of the store, as the cache would hold it. */
export function fromEntry(stored: StoredResource, entry: Entry): CachedObject {
  const held = stored.cache.getKey(entry.key);
  if (held?.revision === entry.modRevision) return held;
  return stored.cache.objectOf(entry.key, entry.modRevision, fromStore(entry, entry.modRevision, stored.reader));
}

/** Whether the object, which is encoded in `form`, would be written down as it is already; the order of fields, which a default can change, does not count. */
export function sameAsStored(object: KubeObject, current: CachedObject, form: StoredForm): boolean {
  if (lengthWithRevision(form, current.revision) !== current.bytes.length) return false;
  return withRevision(form, current.revision).equals(current.bytes) || sameContent(object, current.object);
}

/** Equality of JSON values; fields without a value are not there. */
function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!sameContent(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/** Whether the object may have been written though the write failed: what was taken for it must then not be given to another. */
export const mayBeWritten = (error: unknown): boolean => error instanceof StoreUnavailable && error.outcomeUnknown;

/** A create's failure as the client sees it. */
export const createFailure = (error: unknown, resource: ServedResource, name: string): unknown => (error instanceof RevisionConflict ? alreadyExistsError(resource.subject, name) : error);

export const updateConflict = (resource: Pick<ServedResource, 'subject'>, name: string) => conflictError(resource.subject, name, modifiedText);
