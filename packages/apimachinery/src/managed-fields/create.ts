/** Who owns the fields of an object that is created: what `updateManagedFields` says of it, remembered by its shape. */
import { equalJson } from '../patch/json-patch.ts';
import { type FieldSet, isEmpty } from './field-set.ts';
import type { FieldType, MapType } from './field-type.ts';
import { childType, isObject, itemElement, type Json, shapeOf, TypedValueError } from './typed-value.ts';
import { type UpdateOwnership, updateManagedFields } from './update.ts';
import type { ManagedFieldsEntry } from '@pilothouse/api-schemas/types/meta/v1';

const texts = new WeakMap<object, string>();

/** The JSON of a field set that many objects share; undefined for others. */
export const sharedFieldSetText = (fieldsV1: object): string | undefined => texts.get(fieldsV1);

/** Field sets of created objects by shape, for one resource. Objects made from one template share one set. */
export class CreatedFieldSets {
  readonly #byShape = new Map<string, FieldSet>();
  readonly #limit: number;

  /** `limit`: shapes remembered; all are forgotten when there are more. */
  constructor(limit = 512) {
    this.#limit = limit;
  }

  /** The same as `updateManagedFields`, for a change with `isNew` whose type, live object and filter are always this resource's. */
  entriesOf(change: UpdateOwnership): ManagedFieldsEntry[] | undefined {
    const shape = change.updated.metadata?.managedFields ? undefined : shapeText(change.type, change.updated, change.live);
    const known = shape === undefined ? undefined : this.#byShape.get(shape);
    if (known) return isEmpty(known) ? undefined : [{ manager: change.manager || 'unknown', operation: 'Update', apiVersion: change.apiVersion, time: change.time, fieldsType: 'FieldsV1', fieldsV1: known }];
    const entries = updateManagedFields(change);
    if (shape !== undefined && entries?.length === 1) {
      if (this.#byShape.size >= this.#limit) this.#byShape.clear();
      const set = entries[0].fieldsV1 as FieldSet;
      this.#byShape.set(shape, set);
      texts.set(set, JSON.stringify(set));
    }
    return entries;
  }
}

/**
 * Everything about the object that its field set depends on: its fields, the elements of its lists, and whether what the
 * empty object holds as well is equal there. Undefined where it does not fit the type.
 */
function shapeText(type: FieldType, value: Json, live: Json): string | undefined {
  try {
    return besideLive(type, value, live);
  } catch (error) {
    if (error instanceof TypedValueError) return undefined;
    throw error;
  }
}

function besideLive(type: FieldType, value: unknown, live: unknown): string {
  const shape = shapeOf(type, value);
  if (!('map' in shape) || shape.map.atomic || !isObject(value) || !isObject(live)) return (equalJson(value, live) ? '=' : '!') + whole(type, value);
  let text = '(';
  for (const key in value) {
    const field = shape.map.fields.get(key);
    const own = field?.type ?? childType(shape.map, key);
    if (own.unowned) continue;
    text += (field ? field.element : JSON.stringify(key)) + (Object.hasOwn(live, key) ? besideLive(own, value[key], live[key]) : whole(own, value[key]));
  }
  return `${text})`;
}

/** A value that the empty object does not have. */
function whole(type: FieldType, value: unknown): string {
  if (typeof value !== 'object' || value === null) return ',';
  const shape = shapeOf(type, value);
  if ('map' in shape) return isObject(value) && !shape.map.atomic ? wholeMap(shape.map, value) : ',';
  if (!('list' in shape) || shape.list.atomic || !Array.isArray(value)) return ',';
  let text = '[';
  for (const item of value) text += itemElement(shape.list, item) + whole(shape.list.of, item);
  return `${text}]`;
}

function wholeMap(map: MapType, object: Json): string {
  let text = '{';
  for (const key in object) {
    const field = map.fields.get(key);
    const type = field?.type ?? map.of ?? childType(map, key);
    if (!type.unowned) text += (field ? field.element : JSON.stringify(key)) + (type.scalar && !type.map ? ',' : whole(type, object[key]));
  }
  return `${text}}`;
}
