/** Values beside their field types: shapes, items' elements, validity, field sets. Facts: structured-merge-diff typed. */
import { goFormat, goQuote, goSyntax, goTypeName } from '../go-format.ts';
import { elementText, fieldElement, keyElement, self, valueElement } from './element.ts';
import { type FieldSet, leaf, type MutableFieldSet } from './field-set.ts';
import type { FieldType, ListType, MapType } from './field-type.ts';

export type Json = Record<string, unknown>;
export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object that does not fit its field type. */
export class TypedValueError extends Error {
  override name = 'TypedValueError';
}

export type Shape = { map: MapType } | { list: ListType } | { scalar: true };

/** The shape in which the type takes the value: the value's own where the type has it, else the type's first. */
export function shapeOf(type: FieldType, value: unknown): Shape {
  if (Array.isArray(value)) {
    if (type.list) return { list: type.list };
  } else if (typeof value === 'object') {
    if (type.map && value !== null) return { map: type.map };
  } else if (type.scalar) return scalarShape;
  if (type.map) return { map: type.map };
  if (type.scalar) return scalarShape;
  return { list: type.list as ListType };
}
const scalarShape: Shape = { scalar: true };

const unknownType: FieldType = { scalar: 'untyped' };
/** The type of one key of a map. */
export const childType = (map: MapType, key: string): FieldType => map.fields.get(key)?.type ?? map.of ?? unknownType;
/** The element of one key of a map. */
export const childElement = (map: MapType, key: string): string => map.fields.get(key)?.element ?? fieldElement(key);

/** How the item of a list that is not atomic is told apart. @throws TypedValueError */
export function itemElement(list: ListType, item: unknown): string {
  if (!list.keys.length) {
    if (Array.isArray(item)) throw new TypedValueError('not supported: associative list with lists as elements');
    if (item === null) throw new TypedValueError("associative list without keys has an element that's an explicit null");
    if (typeof item === 'object') throw new TypedValueError("associative list without keys has an element that's a map type");
    return valueElement(item);
  }
  if (item === null) throw new TypedValueError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new TypedValueError('associative list with keys may not have non-map elements');
  const key: Json = {};
  let found = false;
  for (const name of list.keys) {
    const value = item[name] ?? list.keyDefaults[name];
    if (value === undefined) continue;
    key[name] = value;
    found = true;
  }
  if (!found) throw new TypedValueError(`associative list with keys has an element that omits all key fields [${list.keys.map(goQuote).join(' ')}] (and doesn't have default values for any key fields)`);
  return keyElement(key);
}

/** Every fault of the value, with its path. `allowDuplicates`: items of a list may repeat. */
export function typedFaults(type: FieldType, value: unknown, { allowDuplicates = false } = {}): string[] {
  const faults: string[] = [];
  const fault = (path: string, message: string) => faults.push(path ? `${path}: ${message}` : message);
  const visit = (own: FieldType, current: unknown, path: string): void => {
    if (current === null || current === undefined) return;
    const shape = shapeOf(own, current);
    if ('map' in shape) {
      if (!isObject(current)) return void fault(path, `expected map, got ${describe(current)}`);
      for (const key of Object.keys(current)) {
        const field = shape.map.fields.get(key)?.type ?? shape.map.of;
        const below = `${path}.${key}`;
        // Upstream stops at an object's first unknown field.
        if (!field) return void fault(below, 'field not declared in schema');
        visit(field, current[key], below);
      }
    } else if ('list' in shape) {
      if (!Array.isArray(current)) return void fault(path, `expected list, got ${describe(current)}`);
      visitItems(shape.list, current, path);
    } else {
      const message = scalarFault(own, current);
      if (message) fault(path, message);
    }
  };
  const visitItems = (list: ListType, items: unknown[], path: string): void => {
    const seen = new Set<string>();
    for (let i = 0; i < items.length; i++) {
      let element = `i:${i}`;
      if (!list.atomic) {
        try {
          element = itemElement(list, items[i]);
        } catch (error) {
          if (!(error instanceof TypedValueError)) throw error;
          return void fault(path, `element ${i}: ${error.message}`);
        }
        if (seen.has(element) && !allowDuplicates) fault(path, `duplicate entries for key ${elementText(element)}`);
        seen.add(element);
      }
      visit(list.of, items[i], path + elementText(element));
    }
  };
  visit(type, value, '');
  return faults;
}

/** A value as upstream's messages print the box it is in. */
const describe = (value: unknown): string => `&{${goFormat(value)}}`;
function scalarFault(type: FieldType, value: unknown): string | undefined {
  switch (type.scalar) {
    case 'numeric':
      return typeof value === 'number' || typeof value === 'bigint' ? undefined : `expected numeric (int or float), got ${goTypeName(value)}`;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${describe(value)}`;
    default:
      return typeof value === 'object' ? `expected any scalar, got ${describe(value)}` : undefined;
  }
}

/** The fields that the object sets: what an applier owns. With `all`, also those that nobody owns. */
export function fieldsOf(type: FieldType, value: unknown, { all = false } = {}): FieldSet {
  return ownFields(type, value, all) ?? leaf;
}

/** The subtree of the value's fields, with `.` where the value is a member itself. */
function ownFields(type: FieldType, value: unknown, all: boolean): FieldSet | undefined {
  const shape = shapeOf(type, value);
  if ('map' in shape) return shape.map.atomic ? leaf : isObject(value) ? mapFields(shape.map, value, all) : undefined;
  if ('list' in shape) return shape.list.atomic ? leaf : Array.isArray(value) ? listFields(shape.list, value, all) : undefined;
  return leaf;
}

function mapFields(map: MapType, object: Json, all: boolean): FieldSet | undefined {
  const out: MutableFieldSet = {};
  let some = false;
  for (const key in object) {
    const field = map.fields.get(key);
    if (field?.type.unowned && !all) continue;
    const value = object[key];
    const below = ownFields(field?.type ?? map.of ?? unknownType, value, all);
    const member = value === null || !field || (isObject(value) && isEmptyObject(value));
    const tree = member ? asMember(below) : below;
    if (!tree) continue;
    out[field?.element ?? fieldElement(key)] = tree;
    some = true;
  }
  return some ? out : undefined;
}

function listFields(list: ListType, items: unknown[], all: boolean): FieldSet | undefined {
  const out: MutableFieldSet = {};
  const repeated = new Set<string>();
  let some = false;
  for (const item of items) {
    const element = itemElement(list, item);
    if (out[element]) repeated.add(element);
    out[element] = repeated.has(element) ? leaf : asMember(ownFields(list.of, item, all));
    some = true;
  }
  return some ? out : undefined;
}

export const isEmptyObject = (object: Json): boolean => {
  for (const _ in object) return false;
  return true;
};
/** The subtree with the item itself in the set. */
export function asMember(tree: FieldSet | undefined): FieldSet {
  if (!tree || tree === leaf) return leaf;
  return self in tree ? tree : { [self]: leaf, ...tree };
}
