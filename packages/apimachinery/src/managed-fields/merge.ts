/** Merging an applied object into the live one, and removing fields from an object. Facts: structured-merge-diff typed/merge, typed/remove. */
import { elementText, self } from './element.ts';
import { type FieldSet, isEmpty, leaf, type MutableFieldSet } from './field-set.ts';
import type { FieldType, ListType, MapType } from './field-type.ts';
import { asMember, childElement, childType, isEmptyObject, isObject, itemElement, type Json, shapeOf, TypedValueError } from './typed-value.ts';

/** The live object with what the applied one sets. Neither is changed; parts are shared. @throws TypedValueError */
export const mergeObjects = (type: FieldType, live: Json, applied: Json): Json => (mergeValues(type, live, applied) ?? {}) as Json;

function mergeValues(type: FieldType, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const left = shapeOf(type, live);
  const right = shapeOf(type, applied);
  if ('map' in right) return mergeMaps(right.map, isObject(live) && 'map' in left ? live : undefined, isObject(applied) ? applied : undefined, applied);
  if ('list' in right) return mergeLists(right.list, Array.isArray(live) && 'list' in left ? live : undefined, Array.isArray(applied) ? applied : undefined, applied);
  return applied;
}

function mergeMaps(map: MapType, live: Json | undefined, applied: Json | undefined, raw: unknown): unknown {
  const empty = (!live || isEmptyObject(live)) && (!applied || isEmptyObject(applied));
  if (map.atomic || empty) return raw;
  const out: Json = { ...live };
  for (const key in applied) {
    const value = mergeValues(childType(map, key), live && Object.hasOwn(live, key) ? live[key] : undefined, applied[key]);
    if (key === '__proto__') Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
    else out[key] = value;
  }
  return out;
}

interface Indexed {
  elements: string[];
  items: Map<string, unknown>;
}
/** Repeated items of a live list stand for nothing (null); in an applied list they are a fault. */
function indexItems(list: ListType, items: unknown[] | undefined, allowDuplicates: boolean): Indexed {
  const elements: string[] = [];
  const byElement = new Map<string, unknown>();
  for (const item of items ?? []) {
    const element = itemElement(list, item);
    if (byElement.has(element)) {
      if (!allowDuplicates) throw new TypedValueError(`duplicate entries for key ${elementText(element)}`);
      byElement.set(element, null);
    } else byElement.set(element, item);
    elements.push(element);
  }
  return { elements, items: byElement };
}

/**
 * The applied order wins for the items both have; items only the live list has keep their place among those.
 */
function mergeLists(list: ListType, live: unknown[] | undefined, applied: unknown[] | undefined, raw: unknown): unknown {
  if (list.atomic || (!live?.length && !applied?.length)) return raw;
  const left = indexItems(list, live, true);
  const right = indexItems(list, applied, false);
  const shared = right.elements.filter((element) => left.items.has(element));
  const out: unknown[] = [];
  const merged = new Set<string>();
  let nextShared = 0;
  const take = (element: string): void => {
    merged.add(element);
    const item = mergeValues(list.of, left.items.get(element), right.items.get(element));
    if (item !== undefined) out.push(item);
  };
  let l = 0;
  let r = 0;
  while (l < left.elements.length || r < right.elements.length) {
    const mine = left.elements[l];
    const theirs = right.elements[r];
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        take(mine);
        l++;
        r++;
        nextShared++;
        continue;
      }
      if (right.items.has(mine) && nextShared < shared.length && shared[nextShared] !== mine) {
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!right.items.has(mine)) {
        out.push((live as unknown[])[l]);
        l++;
        continue;
      }
      if (merged.has(mine)) l++;
    }
    if (theirs !== undefined) {
      take(theirs);
      r++;
      if (shared[nextShared] === theirs) nextShared++;
    }
  }
  return out.length ? out : undefined;
}

/** The object without the set's members. What loses all its fields becomes null. Unchanged parts are shared. */
export const removeFields = (type: FieldType, object: Json, set: FieldSet): Json => (isEmpty(set) ? object : ((removeFrom(type, object, set) ?? {}) as Json));

const isMember = (node: FieldSet): boolean => self in node || isEmpty(node);
const hasBelow = (node: FieldSet): boolean => {
  for (const element in node) if (element !== self) return true;
  return false;
};

function removeFrom(type: FieldType, value: unknown, set: FieldSet): unknown {
  const shape = shapeOf(type, value);
  if ('map' in shape) return isObject(value) && !shape.map.atomic ? removeFromMap(shape.map, value, set) : null;
  if ('list' in shape) return Array.isArray(value) && !shape.list.atomic ? removeFromList(shape.list, value, set) : null;
  return value;
}

function removeFromMap(map: MapType, object: Json, set: FieldSet): Json | null {
  const out: Json = {};
  for (const key of Object.keys(object)) {
    const below = set[childElement(map, key)];
    if (below && isMember(below)) continue;
    const value = below && hasBelow(below) ? removeFrom(childType(map, key), object[key], below) : object[key];
    if (key === '__proto__') Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
    else out[key] = value;
  }
  return isEmptyObject(out) ? null : out;
}

function removeFromList(list: ListType, items: unknown[], set: FieldSet): unknown[] | null {
  const out: unknown[] = [];
  for (const item of items) {
    const below = set[itemElement(list, item)];
    if (below && isMember(below)) continue;
    out.push(below && hasBelow(below) ? removeFrom(list.of, item, below) : item);
  }
  return out.length ? out : null;
}

/** The set with every declared field that has members below it as a member too, so that removal takes it whole. */
export function withNamedFields(type: FieldType | undefined, set: FieldSet): FieldSet {
  const out: MutableFieldSet = {};
  for (const element in set) {
    if (element === self) {
      out[self] = leaf;
      continue;
    }
    const node = set[element] as FieldSet;
    const name = element.startsWith('f:') ? element.slice(2) : undefined;
    const declared = name === undefined ? undefined : type?.map?.fields.get(name);
    const child = name === undefined ? type?.list?.of : (declared?.type ?? type?.map?.of);
    const inner = hasBelow(node) ? withNamedFields(child, node) : node;
    out[element] = declared ? asMember(inner) : inner;
  }
  return out;
}
