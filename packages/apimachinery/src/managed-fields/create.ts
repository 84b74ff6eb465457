/** Who owns the fields of an object that is created: what `updateManagedFields` says of it, remembered by its shape. */
import { equalJson } from '../patch/json-patch.ts';
import { type FieldSet, isEmpty } from './field-set.ts';
import type { FieldType, ListType } from './field-type.ts';
import { childType, isObject, itemElement, type Json, shapeOf, TypedValueError } from './typed-value.ts';
import { type UpdateOwnership, updateManagedFields } from './update.ts';
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';

const texts = new WeakMap<object, string>();

/** The JSON of a field set that many objects share; undefined for others. */
export const sharedFieldSetText = (fieldsV1: object): string | undefined => texts.get(fieldsV1);

/** Field sets of created objects by shape, for one resource. Objects made from one template share one set. */
export class CreatedFieldSets {
  readonly #shapes = new Shapes();
  readonly #limit: number;

  /** `limit`: shapes remembered; all are forgotten when there are more. */
  constructor(limit = 512) {
    this.#limit = limit;
  }

  /** The same as `updateManagedFields`, for a change with `isNew` whose type, live object and filter are always this resource's. */
  entriesOf(change: UpdateOwnership): ManagedFieldsEntry[] | undefined {
    const shapes = this.#shapes;
    const known = change.updated.metadata?.managedFields || !shapes.read(change.type, change.updated, change.live) ? undefined : shapes.find();
    if (known?.set) return isEmpty(known.set) ? undefined : [{ manager: change.manager || 'unknown', operation: 'Update', apiVersion: change.apiVersion, time: change.time, fieldsType: 'FieldsV1', fieldsV1: known.set }];
    const entries = updateManagedFields(change);
    if (known && entries?.length === 1) {
      if (shapes.size > this.#limit) shapes.clear();
      else {
        known.set = entries[0].fieldsV1 as FieldSet;
        texts.set(known.set, JSON.stringify(known.set));
      }
    }
    return entries;
  }
}

/** What is known of one shape: the field set, once it has been worked out. */
interface Known {
  /** The shape itself, number by number. */
  readonly codes: Int32Array;
  set: FieldSet | undefined;
}

/** Declared fields have their own numbers above 0. */
const open = 0;
const close = -1;
const value = -2;
const equal = -3;
const differs = -4;
const absent = -5;
const openList = -6;
const firstText = -7;

/** In numbers: a pod of ordinary size has some hundred. */
const longestShape = 4096;
/** Texts that are numbered; all are forgotten when there are more. */
const mostTexts = 65_536;

/**
 * Shapes as sequences of numbers: everything about an object that its field set depends on, which is its fields, the
 * elements of its lists, and whether what the empty object holds as well is equal there. Texts are numbered as they are
 * met. One object is read at a time, into the same memory.
 */
class Shapes {
  readonly #numbers = new Map<string, number>();
  readonly #byHash = new Map<number, Known[]>();
  readonly #codes = new Int32Array(longestShape + 1);
  #length = 0;
  size = 0;

  clear(): void {
    this.#numbers.clear();
    this.#byHash.clear();
    this.size = 0;
  }

  /** Reads an object; false where it does not fit the type. */
  read(type: FieldType, object: Json, live: Json): boolean {
    this.#length = 0;
    if (this.#numbers.size > mostTexts) this.clear();
    try {
      this.#besideLive(type, object, live);
      return true;
    } catch (error) {
      if (error instanceof TypedValueError) return false;
      throw error;
    }
  }

  /** What is known of the shape that was read last; undefined for one too long to be remembered. */
  find(): Known | undefined {
    const codes = this.#codes;
    const length = this.#length;
    if (length > longestShape) return undefined;
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + codes[i]) | 0;
    let same = this.#byHash.get(hash);
    if (!same) this.#byHash.set(hash, (same = []));
    for (const known of same) if (isSame(known.codes, codes, length)) return known;
    const fresh: Known = { codes: codes.slice(0, length), set: undefined };
    same.push(fresh);
    this.size++;
    return fresh;
  }

  #put(code: number): void {
    if (this.#length <= longestShape) this.#codes[this.#length++] = code;
  }

  #putText(text: string): void {
    if (this.#length > longestShape) return;
    let number = this.#numbers.get(text);
    if (number === undefined) this.#numbers.set(text, (number = firstText - this.#numbers.size));
    this.#put(number);
  }

  /** What tells the item from others of its list. @throws TypedValueError */
  #putItem(list: ListType, item: unknown): void {
    if (!list.keys.length || !isObject(item)) return void this.#putText(itemElement(list, item));
    let found = false;
    for (const name of list.keys) {
      const key = item[name] ?? list.keyDefaults[name];
      found ||= key !== undefined;
      // A text that is no string cannot be mistaken for one that is.
      if (typeof key === 'string') this.#putText(key);
      else if (key === undefined) this.#put(absent);
      else {
        this.#put(value);
        this.#putText(JSON.stringify(key));
      }
    }
    if (!found) itemElement(list, item);
  }

  #besideLive(type: FieldType, own: unknown, live: unknown): void {
    const shape = shapeOf(type, own);
    if (!('map' in shape) || shape.map.atomic || !isObject(own) || !isObject(live)) {
      this.#put(equalJson(own, live) ? equal : differs);
      this.#whole(type, own);
      return;
    }
    this.#put(open);
    for (const key in own) {
      const field = shape.map.fields.get(key);
      const below = field?.type ?? childType(shape.map, key);
      if (below.unowned) continue;
      if (field) this.#put(field.code);
      else this.#putText(key);
      if (Object.hasOwn(live, key)) this.#besideLive(below, own[key], live[key]);
      else this.#whole(below, own[key]);
    }
    this.#put(close);
  }

  /** A value that the empty object does not have. */
  #whole(type: FieldType, own: unknown): void {
    if (typeof own !== 'object' || own === null) return void this.#put(value);
    if (Array.isArray(own)) {
      const list = type.list;
      if (!list || list.atomic) return void this.#put(value);
      this.#put(openList);
      for (const item of own) {
        this.#putItem(list, item);
        this.#whole(list.of, item);
      }
      return void this.#put(close);
    }
    const map = type.map;
    if (!map || map.atomic) return void this.#put(value);
    this.#put(open);
    for (const key in own as Json) {
      const field = map.fields.get(key);
      const below = field?.type ?? map.of ?? childType(map, key);
      if (below.unowned) continue;
      if (field) this.#put(field.code);
      else this.#putText(key);
      if (below.scalar && !below.map) this.#put(value);
      else this.#whole(below, (own as Json)[key]);
    }
    this.#put(close);
  }
}

function isSame(known: Int32Array, codes: Int32Array, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== codes[i]) return false;
  return true;
}
