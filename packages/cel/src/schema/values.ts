/** JSON as values of a program: by a schema, or as it comes. Objects and lists are wrapped, not copied. */
import { AssociativeList, Double, Duration, equal, MapValue, Timestamp, type Value } from '../eval/values.ts';
import { CelError } from '../eval/errors.ts';
import { durationNanos, timestampNanos } from '../library/time-texts.ts';
import type { RuleSchema } from '../rules/contract.ts';
import { structOf, type Type } from '../types.ts';
import { escapeName, fieldNamed } from './escaping.ts';
import { withTypeMeta } from './declared-type.ts';

type Json = unknown;
/** Makes a value of what JSON has. */
export type Adapter = (json: Json) => Value;

const plain = (json: Json): boolean => json === null || typeof json === 'string' || typeof json === 'boolean' || typeof json === 'bigint' || (typeof json === 'number' && Number.isInteger(json));

/** Without a schema: whole numbers are `int`, others `double`. */
export function adaptDynamic(json: Json): Value {
  if (json === undefined) return null;
  if (plain(json)) return json as Value;
  if (typeof json === 'number') return new Double(json);
  if (Array.isArray(json)) return json.every(plain) ? (json as Value[]) : json.map(adaptDynamic);
  return new JsonMap(json as Record<string, Json>, adaptDynamic);
}

/** A JSON object as a map from strings. */
export class JsonMap extends MapValue {
  readonly #json: Readonly<Record<string, Json>>;
  readonly #adapt: Adapter;
  constructor(json: Readonly<Record<string, Json>>, adapt: Adapter) {
    super();
    this.#json = json;
    this.#adapt = adapt;
  }
  get size(): number {
    return Object.keys(this.#json).length;
  }
  find(key: Value): Value | undefined {
    return typeof key === 'string' && Object.hasOwn(this.#json, key) && this.#json[key] !== undefined ? this.#adapt(this.#json[key]) : undefined;
  }
  keys(): Iterable<Value> {
    return Object.keys(this.#json).filter((key) => this.#json[key] !== undefined);
  }
}

interface ObjectField {
  name: string;
  adapt: Adapter;
}
/** A JSON object of a declared type: its fields by their escaped names. */
export class JsonStruct extends MapValue {
  override readonly celType: Type;
  readonly #json: Readonly<Record<string, Json>>;
  readonly #fields: ReadonlyMap<string, ObjectField>;
  constructor(json: Readonly<Record<string, Json>>, fields: ReadonlyMap<string, ObjectField>, type: Type) {
    super();
    this.#json = json;
    this.#fields = fields;
    this.celType = type;
  }
  get size(): number {
    return [...this.keys()].length;
  }
  find(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const field = fieldNamed(this.#fields, key);
    if (!field) return undefined;
    const json = this.#json[field.name];
    return json === undefined || !Object.hasOwn(this.#json, field.name) ? undefined : field.adapt(json);
  }
  *keys(): Iterable<Value> {
    for (const [escaped, { name }] of this.#fields) if (Object.hasOwn(this.#json, name) && this.#json[name] !== undefined) yield escaped;
  }
}

/** Equal whatever the order; `+` is the union. */
class SetList extends AssociativeList {
  equals(other: readonly Value[]): boolean {
    return this.length === other.length && this.every((value) => other.some((each) => equal(value, each)));
  }
  plus(other: readonly Value[]): readonly Value[] {
    const sum = SetList.from(this) as SetList;
    for (const value of other) if (!sum.some((each) => equal(each, value))) sum.push(value);
    return sum;
  }
}
/** Equal whatever the order, elements meeting by their keys; `+` puts the right one's over the left one's. */
class KeyedList extends AssociativeList {
  keyNames: readonly string[] = [];
  #sameKeys(a: Value, b: Value): boolean {
    return a instanceof MapValue && b instanceof MapValue && this.keyNames.every((key) => equal(a.find(key) ?? null, b.find(key) ?? null));
  }
  equals(other: readonly Value[]): boolean {
    return this.length === other.length && this.every((value) => other.some((each) => this.#sameKeys(value, each) && equal(value, each)));
  }
  plus(other: readonly Value[]): readonly Value[] {
    const sum = keyed(this, this.keyNames);
    for (const value of other) {
      const at = sum.findIndex((each) => this.#sameKeys(each, value));
      if (at < 0) sum.push(value);
      else sum[at] = value;
    }
    return sum;
  }
}
function keyed(values: Iterable<Value>, keyNames: readonly string[]): KeyedList {
  const list = new KeyedList();
  for (const value of values) list.push(value);
  list.keyNames = keyNames;
  return list;
}

const decodeBase64 = (text: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new CelError(`invalid base64: ${JSON.stringify(text)}`);
  }
};
const stringAdapters: Record<string, Adapter> = {
  byte: (json) => decodeBase64(json as string),
  duration: (json) => {
    const nanos = durationNanos(json as string);
    if (nanos === undefined) throw new CelError(`Invalid duration ${JSON.stringify(json)}`);
    return new Duration(nanos);
  },
  date: (json) => new Timestamp(timestampNanos(`${json}T00:00:00Z`) ?? 0n),
  'date-time': (json) => {
    const nanos = timestampNanos(json as string);
    if (nanos === undefined) throw new CelError(`Invalid date formatted string ${JSON.stringify(json)}`);
    return new Timestamp(nanos);
  },
};
const identity: Adapter = (json) => json as Value;
const number: Adapter = (json) => new Double(Number(json));

/** Compiled once per schema. `root`: kind and metadata are there too. */
export function adapterOf(schema: RuleSchema, root = false): Adapter {
  const adapt = adapterOfType(root ? withTypeMeta(schema) : schema);
  return (json) => (json === null || json === undefined ? null : adapt(json));
}

function adapterOfType(schema: RuleSchema): Adapter {
  if (schema['x-kubernetes-int-or-string']) return adaptDynamic;
  switch (schema.type) {
    case 'object':
      return objectAdapter(schema);
    case 'array':
      return listAdapter(schema);
    case 'string':
      return stringAdapters[schema.format ?? ''] ?? identity;
    case 'number':
      return number;
    case 'integer':
    case 'boolean':
      return identity;
    default:
      return adaptDynamic;
  }
}

function objectAdapter(schema: RuleSchema): Adapter {
  if (typeof schema.additionalProperties === 'object') {
    const value = adapterOf(schema.additionalProperties, schema.additionalProperties['x-kubernetes-embedded-resource']);
    return (json) => new JsonMap(json as Record<string, Json>, value);
  }
  const fields = new Map<string, ObjectField>();
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, { name, adapt: adapterOf(inner, inner['x-kubernetes-embedded-resource']) });
  }
  if (!schema.properties && schema['x-kubernetes-preserve-unknown-fields']) return adaptDynamic;
  const type = structOf('object');
  return (json) => new JsonStruct(json as Record<string, Json>, fields, type);
}

function listAdapter(schema: RuleSchema): Adapter {
  const items = (Array.isArray(schema.items) ? undefined : schema.items) as RuleSchema | undefined;
  const adapt = items ? adapterOf(items, items['x-kubernetes-embedded-resource']) : adaptDynamic;
  const same = items && ['integer', 'boolean'].includes(items.type ?? '');
  const sameText = items?.type === 'string' && !stringAdapters[items.format ?? ''] && !items['x-kubernetes-int-or-string'];
  const values = (json: Json): readonly Value[] => (same || sameText ? (json as Value[]) : (json as Json[]).map(adapt));
  const kind = schema['x-kubernetes-list-type'];
  if (kind === 'set') return (json) => Object.assign(new SetList(), values(json), { length: (json as Json[]).length });
  const keys = schema['x-kubernetes-list-map-keys'];
  if (kind === 'map' && keys) {
    const names = keys.map((key) => escapeName(key) ?? key);
    return (json) => keyed(values(json), names);
  }
  return values;
}
