/** Reading JSON as a custom resource: fields that the schema does not have go, nulls where it allows none too. Facts: apiextensions pruning, defaulting, objectmeta. */
import { builtinTypes } from '@pilothouse/api-schemas';
import { DecodeError } from '../schema/decode-context.ts';
import { decodeFragment } from '../schema/decode.ts';
import { type Structural, stepInto } from './schema.ts';

type Json = Record<string, unknown>;

export interface Pruned {
  object: Json;
  /** Paths of what went: `spec.list[0].b`; those of the object's own metadata first, then the rest in order. */
  unknown: string[];
  /** Whether anything differs from what was given, but for the order of keys. */
  changed: boolean;
}

/** A value whose embedded resource cannot be read. */
export class EmbeddedResourceError extends Error {
  override name = 'EmbeddedResourceError';
}

const metadataType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const metaFields = new Set(['apiVersion', 'kind', 'metadata']);

interface Walk {
  unknown: string[];
  unknownMetadata: string[];
  changed: boolean;
  /** Metadata of embedded resources that cannot be read loses its faulty fields rather than be refused. */
  lenient: boolean;
}

/**
 * A copy of the object as the schema has it, its keys in order. `keepsMetadata`: the object comes from the store, where
 * its own metadata is in order already.
 * @throws DecodeError (metadata of the wrong form), EmbeddedResourceError
 */
export function prune(value: Json, schema: Structural, { fromStore = false } = {}): Pruned {
  const walk: Walk = { unknown: [], unknownMetadata: [], changed: false, lenient: fromStore };
  const ownUnknown: string[] = [];
  const root = { ...schema, embedded: false };
  const object: Json = {};
  for (const key of Object.keys(value).sort()) {
    if (key === 'metadata' && value.metadata !== undefined) object.metadata = fromStore ? value.metadata : readMetadata(value.metadata, 'metadata', ownUnknown);
    else if (key === 'apiVersion' || key === 'kind') object[key] = value[key];
    else pruneKey(object, value, key, root, '', walk);
  }
  return { object, unknown: [...ownUnknown, ...walk.unknown.sort(), ...walk.unknownMetadata.sort()], changed: walk.changed };
}

function readMetadata(value: unknown, path: string, unknown: string[]): unknown {
  const type = builtinTypes.get(metadataType);
  if (!type) throw new Error(`Read metadata: ${metadataType} is not published`);
  const decoded = decodeFragment(type, value === null ? {} : value);
  for (const field of decoded.unknownFields) unknown.push(`${path}.${field}`);
  return decoded.object;
}

function put(object: Json, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** Takes one key over, where the schema lets it. */
function pruneKey(out: Json, from: Json, key: string, schema: Structural, path: string, walk: Walk): void {
  const value = from[key];
  const at = path ? `${path}.${key}` : key;
  const below = stepInto(schema, key);
  if (value === null && below && !below.nullable) {
    walk.changed = true;
    return;
  }
  if (below) put(out, key, pruneValue(value, below, at, walk));
  // Free-form at this level: objects below have no fields that anybody knows.
  else if (schema.additional === 'any') put(out, key, withoutFields(value, at, walk));
  else if (schema.preserve) put(out, key, copySorted(value));
  else {
    walk.changed = true;
    walk.unknown.push(at);
  }
}

function pruneValue(value: unknown, schema: Structural, path: string, walk: Walk): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return schema.preserve ? copySorted(value) : withoutFields(value, path, walk);
    // A list whose unknown fields stay passes that on to lists within.
    const inner = schema.preserve && !items.preserve ? { ...items, preserve: true } : items;
    return value.map((item, i) => pruneValue(item, inner, `${path}[${i}]`, walk));
  }
  if (typeof value !== 'object' || value === null) return value;
  const from = value as Json;
  const out: Json = {};
  for (const key of Object.keys(from).sort()) {
    if (schema.embedded && metaFields.has(key)) embeddedKey(out, from, key, path, walk);
    else pruneKey(out, from, key, schema, path, walk);
  }
  return out;
}

function embeddedKey(out: Json, from: Json, key: string, path: string, walk: Walk): void {
  const value = from[key];
  if (key !== 'metadata') {
    if (typeof value === 'string') out[key] = value;
    else if (walk.lenient) walk.changed = true;
    else throw new EmbeddedResourceError(`${path}.${key}: Invalid value: ${JSON.stringify(value)}: must be a string`);
    return;
  }
  try {
    out.metadata = readMetadata(value, `${path}.metadata`, walk.unknownMetadata);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (!walk.lenient) throw new EmbeddedResourceError(`${path}.metadata: Invalid value: ${JSON.stringify(value)}: ${error.message}`, { cause: error });
    walk.changed = true;
    out.metadata = readableFields(value);
  }
}

/** Metadata field by field, without those that cannot be read. */
function readableFields(value: unknown): Json {
  const out: Json = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return out;
  for (const [key, field] of Object.entries(value)) {
    try {
      Object.assign(out, readMetadata({ [key]: field }, '', []));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return out;
}

/** The value where no schema is left: objects are empty, lists keep their length. */
function withoutFields(value: unknown, path: string, walk: Walk): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withoutFields(item, `${path}[${i}]`, walk));
  if (typeof value !== 'object' || value === null) return value;
  for (const key of Object.keys(value)) {
    walk.unknown.push(`${path}.${key}`);
    walk.changed = true;
  }
  return {};
}

function copySorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copySorted);
  if (typeof value !== 'object' || value === null) return value;
  const out: Json = {};
  for (const key of Object.keys(value).sort()) put(out, key, copySorted((value as Json)[key]));
  return out;
}
