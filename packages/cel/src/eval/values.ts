/**
 * Values of a running program. `bool`, `string` and `null` are JavaScript's own; `int` is a number or bigint (see
 * integers.ts); lists are arrays; the rest are the classes here. All are immutable.
 */
import { boolType, bytesType, doubleType, durationType, intType, nullType, stringType, timestampType, Type, typeType, uintType } from '../types.ts';
import { CelError } from './errors.ts';

/** A 64-bit unsigned integer. */
export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
/** A moment; `nanos` since the epoch. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Optional {
  /** Undefined where there is none. */
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}
export const none = new Optional(undefined);

/** A value of a library's own kind. */
export interface Opaque {
  readonly celType: Type;
  /** What operations on it are counted by; 1 where absent. */
  readonly costSize?: number;
  /** Whether another value of the same type is equal. */
  equals(other: Opaque): boolean;
}

/** Keys to values; objects of schemas too. */
export abstract class MapValue {
  abstract readonly size: number;
  /** Undefined where there is no such key. @throws CelError for keys that cannot be asked for */
  abstract find(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** An object of a declared type has that type. */
  readonly celType: Type | undefined = undefined;
}

/** A list in its own order semantics: `x-kubernetes-list-type` set or map. */
export abstract class AssociativeList extends Array<Value> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
  abstract equals(other: readonly Value[]): boolean;
  abstract plus(other: readonly Value[]): readonly Value[];
}

export type Value = boolean | number | bigint | Uint | Double | string | Uint8Array | null | Timestamp | Duration | readonly Value[] | MapValue | Type | Optional | Opaque;

const listName = new Type('list', 'list');
const mapName = new Type('map', 'map');
const optionalName = new Type('opaque', 'optional_type');

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
export const isInt = (value: Value): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

/** The type a value has, without parameters. */
export function typeOfValue(value: Value): Type {
  switch (typeof value) {
    case 'boolean':
      return boolType;
    case 'number':
    case 'bigint':
      return intType;
    case 'string':
      return stringType;
    default:
  }
  if (value === null) return nullType;
  if (Array.isArray(value)) return listName;
  if (value instanceof MapValue) return value.celType ?? mapName;
  if (value instanceof Double) return doubleType;
  if (value instanceof Uint) return uintType;
  if (value instanceof Uint8Array) return bytesType;
  if (value instanceof Timestamp) return timestampType;
  if (value instanceof Duration) return durationType;
  if (value instanceof Type) return typeType;
  if (value instanceof Optional) return optionalName;
  return (value as Opaque).celType;
}

/** Numbers of all kinds as one: what keys of maps and equality go by. */
function numeric(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  if (value instanceof Double) return value.value;
  return undefined;
}

/** Equality across all types; numbers compare by amount. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  const typeA = typeof a;
  if (typeA === 'string' || typeA === 'boolean' || a === null || b === null) return false;
  const left = numeric(a);
  if (left !== undefined) {
    const right = numeric(b);
    return right !== undefined && (typeof left === typeof right ? left === right : Number(left) === Number(right));
  }
  if (Array.isArray(a)) {
    if (!Array.isArray(b)) return false;
    if (a instanceof AssociativeList) return a.equals(b);
    return a.length === b.length && a.every((element, i) => equal(element as Value, b[i] as Value));
  }
  if (a instanceof MapValue) return b instanceof MapValue && equalMaps(a, b);
  if (typeof b !== 'object') return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Type) return b instanceof Type && a.name === b.name;
  if (a instanceof Optional) return b instanceof Optional && (a.value === undefined || b.value === undefined ? a.value === b.value : equal(a.value, b.value));
  if (b instanceof MapValue || Array.isArray(b) || !('celType' in b)) return false;
  return typeOfValue(b).name === (a as Opaque).celType.name && (a as Opaque).equals(b as Opaque);
}

function equalMaps(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.find(key);
    if (other === undefined || !equal(a.find(key)!, other)) return false;
  }
  return true;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return Math.sign(a.length - b.length);
}

type PlainKey = string | number | bigint | boolean;

/** The form in which keys that are equal are the same. @throws CelError for what is no key */
function plainKey(key: Value): PlainKey | undefined {
  switch (typeof key) {
    case 'string':
    case 'boolean':
    case 'number':
    case 'bigint':
      return key;
    default:
  }
  const amount = key instanceof Uint ? key.value : key instanceof Double ? key.value : undefined;
  if (amount === undefined) return undefined;
  if (typeof amount === 'number') return Number.isInteger(amount) ? (Number.isSafeInteger(amount) ? amount : BigInt(amount)) : undefined;
  return amount <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(amount) : amount;
}

/** A map that the program made. */
export class LiteralMap extends MapValue {
  readonly #entries: Map<PlainKey, readonly [Value, Value]>;

  constructor(entries: Map<PlainKey, readonly [Value, Value]> = new Map()) {
    super();
    this.#entries = entries;
  }

  /** @throws CelError for what is no key, or is there already */
  static of(entries: Iterable<readonly [Value, Value]>): LiteralMap {
    const map = new LiteralMap();
    for (const [key, value] of entries) {
      const plain = keyOf(key);
      if (map.#entries.has(plain)) throw new CelError(`Failed with repeated key`);
      map.#entries.set(plain, [key, value]);
    }
    return map;
  }

  get size(): number {
    return this.#entries.size;
  }
  find(key: Value): Value | undefined {
    const plain = plainKey(key);
    return plain === undefined ? undefined : this.#entries.get(plain)?.[1];
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
  /** A map with one more entry. `owned`: this map is nobody else's, and may be changed. */
  with(key: Value, value: Value, owned: boolean): LiteralMap {
    const plain = keyOf(key);
    if (this.#entries.has(plain)) throw new CelError(`insert failed: key ${display(key)} already exists`);
    const target = owned ? this : new LiteralMap(new Map(this.#entries));
    target.#entries.set(plain, [key, value]);
    return target;
  }
}

function keyOf(key: Value): PlainKey {
  const plain = plainKey(key);
  if (plain === undefined || key instanceof Double) throw new CelError(`unsupported key type: ${typeOfValue(key).name}`);
  return plain;
}

/** As Go's `%v` prints a value. */
export function display(value: Value): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
  }
  if (value instanceof Uint || value instanceof Double) return String(value.value);
  if (Array.isArray(value)) return `[${value.map((element) => display(element as Value)).join(', ')}]`;
  if (value instanceof MapValue) return `{${[...value.keys()].map((key) => `${display(key)}: ${display(value.find(key)!)}`).join(', ')}}`;
  if (value instanceof Type) return value.name;
  return String(value);
}
