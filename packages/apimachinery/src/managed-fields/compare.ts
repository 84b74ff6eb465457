/** What changed between two objects of a type, field by field. Facts: structured-merge-diff typed/compare. */
import { equalJson } from '../patch/json-patch.ts';
import { fieldElement, self } from './element.ts';
import { emptySet, type FieldSet, leaf, type MutableFieldSet } from './field-set.ts';
import type { FieldType, ListType, MapType } from './field-type.ts';
import { asMember, childElement, childType, isEmptyObject, isObject, itemElement, type Json, shapeOf } from './typed-value.ts';

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** Sets under construction below one path; each is made when the first field comes. */
interface Findings {
  added: MutableFieldSet | undefined;
  modified: MutableFieldSet | undefined;
  removed: MutableFieldSet | undefined;
}
const noFindings = (): Findings => ({ added: undefined, modified: undefined, removed: undefined });

/** Fields nobody owns are left out. Lists may hold repeated items. @throws TypedValueError for items without their keys */
export function compareObjects(type: FieldType, before: Json, after: Json): Comparison {
  const findings = noFindings();
  compareValues(type, before, after, findings);
  return { added: findings.added ?? emptySet, modified: findings.modified ?? emptySet, removed: findings.removed ?? emptySet };
}

/** Compares two present values; true where the place itself was modified. */
function compareValues(type: FieldType, before: unknown, after: unknown, findings: Findings): boolean {
  const left = shapeOf(type, before);
  const right = shapeOf(type, after);
  if ('map' in right && 'map' in left) return compareMaps(right.map, isObject(before) ? before : undefined, isObject(after) ? after : undefined, before, after, findings);
  if ('list' in right && 'list' in left) return compareLists(right.list, before, after, findings);
  // Only values of unknown type change their shape: what a map held goes or comes, and the place itself changed.
  if ('map' in left && isObject(before) && !left.map.atomic && !isEmptyObject(before)) compareMaps(left.map, before, undefined, before, undefined, findings);
  if ('map' in right && isObject(after) && !right.map.atomic && !isEmptyObject(after)) compareMaps(right.map, undefined, after, undefined, after, findings);
  return !equalJson(before, after);
}

function compareMaps(map: MapType, before: Json | undefined, after: Json | undefined, rawBefore: unknown, rawAfter: unknown, findings: Findings): boolean {
  const empty = (!before || isEmptyObject(before)) && (!after || isEmptyObject(after));
  if (map.atomic || empty) return !equalJson(rawBefore, rawAfter);
  for (const key in after) {
    const field = map.fields.get(key);
    const type = field?.type ?? map.of ?? childType(map, key);
    if (type.unowned) continue;
    const element = field?.element ?? fieldElement(key);
    if (before && Object.hasOwn(before, key)) compareChild(type, element, before[key], after[key], findings);
    else (findings.added ??= {})[element] = wholeValue(type, after[key]);
  }
  for (const key in before) {
    if (after && Object.hasOwn(after, key)) continue;
    const type = childType(map, key);
    if (!type.unowned) (findings.removed ??= {})[childElement(map, key)] = wholeValue(type, before[key]);
  }
  return false;
}

function compareChild(type: FieldType, element: string, before: unknown, after: unknown, findings: Findings): void {
  if (before === after) return;
  if (typeof after !== 'object' && typeof before !== 'object') {
    (findings.modified ??= {})[element] = leaf;
    return;
  }
  const below = noFindings();
  const changed = compareValues(type, before, after, below);
  if (below.added) (findings.added ??= {})[element] = below.added;
  if (below.removed) (findings.removed ??= {})[element] = below.removed;
  if (changed) (findings.modified ??= {})[element] = asMember(below.modified);
  else if (below.modified) (findings.modified ??= {})[element] = below.modified;
}

/** Items by element; repeated ones are gathered. */
function index(list: ListType, items: unknown): Map<string, unknown[]> {
  const byElement = new Map<string, unknown[]>();
  if (!Array.isArray(items)) return byElement;
  for (const item of items) {
    const element = itemElement(list, item);
    const known = byElement.get(element);
    if (known) known.push(item);
    else byElement.set(element, [item]);
  }
  return byElement;
}

const lengthOf = (items: unknown): number => (Array.isArray(items) ? items.length : 0);

function compareLists(list: ListType, before: unknown, after: unknown, findings: Findings): boolean {
  if (list.atomic || (lengthOf(before) === 0 && lengthOf(after) === 0)) return !equalJson(before, after);
  const left = index(list, before);
  const right = index(list, after);
  for (const element of new Set([...left.keys(), ...right.keys()])) compareItems(list, element, left.get(element) ?? [], right.get(element) ?? [], findings);
  return false;
}

function compareItems(list: ListType, element: string, left: unknown[], right: unknown[], findings: Findings): void {
  if (left.length > 1 && right.length > 1) {
    if (!equalJson(left, right)) (findings.modified ??= {})[element] = leaf;
  } else if (left.length > 1) {
    if (right.length) (findings.added ??= {})[element] = wholeValue(list.of, right[0]);
    (findings.removed ??= {})[element] = leaf;
  } else if (right.length > 1) {
    (findings.added ??= {})[element] = leaf;
    if (left.length) (findings.removed ??= {})[element] = wholeValue(list.of, left[0]);
  } else if (!left.length) (findings.added ??= {})[element] = wholeValue(list.of, right[0]);
  else if (!right.length) (findings.removed ??= {})[element] = wholeValue(list.of, left[0]);
  else compareChild(list.of, element, left[0], right[0], findings);
}

/** Every field of a value that came or went as a whole, itself included. */
function wholeValue(type: FieldType, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return leaf;
  const shape = shapeOf(type, value);
  if ('map' in shape) return isObject(value) && !shape.map.atomic ? wholeMap(shape.map, value) : leaf;
  if ('list' in shape) return Array.isArray(value) && !shape.list.atomic ? wholeList(shape.list, value) : leaf;
  return leaf;
}

function wholeMap(map: MapType, object: Json): FieldSet {
  const out: MutableFieldSet = { [self]: leaf };
  let some = false;
  for (const key in object) {
    const field = map.fields.get(key);
    const type = field?.type ?? map.of ?? childType(map, key);
    if (type.unowned) continue;
    out[field?.element ?? fieldElement(key)] = wholeValue(type, object[key]);
    some = true;
  }
  return some ? out : leaf;
}

function wholeList(list: ListType, items: unknown[]): FieldSet {
  if (!items.length) return leaf;
  const out: MutableFieldSet = { [self]: leaf };
  for (const item of items) {
    const element = itemElement(list, item);
    // An item that stands there more than once is owned as one.
    out[element] = out[element] ? leaf : wholeValue(list.of, item);
  }
  return out;
}
