/**
 * Strategic merge patch: lists merge by the keys that the type declares, and directives in the patch steer it.
 * Facts: k8s.io/apimachinery/pkg/util/strategicpatch.
 */
import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';
import { goFormat, goQuote, goTypeName, jsonKind } from '../go-format.ts';
import { badRequestError } from '../status.ts';
import { plainServerError, unprocessablePatch } from './patch-error.ts';

type Json = Record<string, unknown>;
type List = unknown[];

const directive = '$patch';
const retainKeysDirective = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList';
const orderPrefix = '$setElementOrder';

const badPrimitiveList = () => badRequestError('invalid patch format of primitive list');
const badRetainKeys = () => badRequestError('invalid patch format of retainKeys');
const badElementOrder = () => badRequestError('invalid patch format of setElementOrder list');
const noMergeKey = (map: unknown, key: string) => plainServerError(`map: ${goFormat(map)} does not contain declared merge key: ${key}`);
const badType = (expected: string, actual: unknown) => plainServerError(`expected a ${expected}, but received a ${goTypeName(actual)}`);
const badPatchType = (type: unknown, map: unknown) => plainServerError(`unknown patch type: ${goFormat(type)} in map: ${goFormat(map)}`);

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const has = (object: Json, key: string): boolean => Object.hasOwn(object, key);
function set(object: Json, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/**
 * The patched object; neither argument is changed, unchanged parts are shared. Quantities and other texts stay as the
 * patch wrote them: the caller decodes the result. @throws StatusError 400, 422 or 500 as upstream does
 */
export function applyStrategicMergePatch(original: Json, patch: unknown, type: TypeSchema): Json {
  if (patch === null) return original;
  if (!isObject(patch)) throw badRequestError(`json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  return mergeMap(original, patch, { t: 'ref', ref: type.name });
}

interface Lookup {
  of: TypeRef;
  strategy: string;
  mergeKey: string;
}

const fieldsByName = new WeakMap<TypeSchema, Map<string, FieldSchema>>();
function fieldOf(type: TypeSchema, name: string): FieldSchema | undefined {
  let fields = fieldsByName.get(type);
  if (!fields) {
    fields = new Map(type.fields.map((field) => [field.name, field]));
    fieldsByName.set(type, fields);
  }
  return fields.get(name);
}

function lookup(type: TypeRef, key: string): Lookup {
  if (type.t !== 'ref') throw plainServerError(`merging an object in json but data type is not struct, instead is: ${type.t}`);
  const schema = builtinTypes.get(type.ref);
  const field = schema && fieldOf(schema, key);
  if (!field) throw plainServerError(`unable to find api field in struct ${type.ref.slice(type.ref.lastIndexOf('.') + 1)} for the json field ${goQuote(key)}`);
  const strategy = (field.patchStrategy ?? '').split(',').filter((s) => s !== '' && s !== 'retainKeys');
  return { of: field.type, strategy: strategy[0] ?? '', mergeKey: field.patchMergeKey ?? '' };
}

function lookupList(type: TypeRef, key: string): Lookup {
  const found = lookup(type, key);
  if (found.of.t !== 'list') throw plainServerError(`expected slice or array type, but got: ${found.of.t === 'ref' ? 'struct' : found.of.t}`);
  return { ...found, of: found.of.of };
}

function mergeMap(original: Json, patch: Json, type: TypeRef): Json {
  if (has(patch, directive)) {
    if (patch[directive] === 'replace') {
      const { [directive]: _, ...rest } = patch;
      return rest;
    }
    if (patch[directive] === 'delete') return {};
    throw badPatchType(patch[directive], patch);
  }
  const merged: Json = { ...original };
  /** Keys of the patch that need no further work. */
  const done = new Set<string>();
  retainKeys(merged, patch, done);
  mergeOrdered(merged, patch, type, done);
  for (const key of Object.keys(patch)) if (!done.has(key)) mergeField(merged, key, patch[key], type);
  return merged;
}

function mergeField(merged: Json, patchKey: string, value: unknown, type: TypeRef): void {
  const deletes = patchKey.startsWith(deletePrefix);
  const key = deletes ? bareKey(patchKey, deletePrefix, badPrimitiveList) : patchKey;
  if (value === null) {
    delete merged[key];
    return;
  }
  const current = has(merged, key) ? merged[key] : undefined;
  if (current === undefined || jsonKind(current) !== jsonKind(value)) {
    if (deletes) return;
    const added = asAdded(value);
    if (added === undefined) delete merged[key];
    else set(merged, key, added);
    return;
  }
  if (isObject(current)) {
    const { of, strategy } = lookup(type, key);
    set(merged, key, strategy === 'replace' ? value : mergeMap(current, value as Json, of));
  } else if (Array.isArray(current)) {
    const { of, strategy, mergeKey } = lookupList(type, key);
    set(merged, key, strategy === 'merge' || deletes ? mergeList(current, value as List, of, mergeKey, deletes) : value);
  } else set(merged, key, value);
}

function bareKey(key: string, prefix: string, error: () => Error): string {
  if (!key.startsWith(`${prefix}/`)) throw error();
  return key.slice(prefix.length + 1);
}

/** A value that the patch brings in whole: without nulls and without elements that are only directives. */
function asAdded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asAdded).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (has(value, directive)) return undefined;
  const added: Json = {};
  for (const [key, child] of Object.entries(value)) {
    const kept = child === null ? undefined : asAdded(child);
    if (kept !== undefined) set(added, key, kept);
  }
  return added;
}

/** `$retainKeys`: what it does not name goes; the patch may set nothing else. */
function retainKeys(merged: Json, patch: Json, done: Set<string>): void {
  if (!has(patch, retainKeysDirective)) return;
  done.add(retainKeysDirective);
  const kept = patch[retainKeysDirective];
  if (!Array.isArray(kept)) throw badRetainKeys();
  const names = new Set<unknown>(kept);
  for (const [key, value] of Object.entries(patch)) {
    if (key === retainKeysDirective || value === null || key.startsWith(deletePrefix) || key.startsWith(orderPrefix)) continue;
    if (!names.has(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(merged)) if (!names.has(key)) delete merged[key];
}

/** `$setElementOrder/<field>`: merges that field's lists and puts them in the order asked for. */
function mergeOrdered(merged: Json, patch: Json, type: TypeRef, done: Set<string>): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    done.add(key);
    const order = patch[key];
    if (!Array.isArray(order)) throw badType('[]interface {}', order);
    const field = bareKey(key, orderPrefix, badElementOrder);
    const current = listOf(merged, field);
    const patched = listOf(patch, field);
    const { of, strategy, mergeKey } = lookupList(type, field);
    checkOrder(patched ?? [], order, mergeKey);
    let list: List;
    let serverOrder = current ?? [];
    if (current && patched) {
      list = strategy === 'merge' ? mergeList(current, patched, of, mergeKey, false) : patched;
      if (strategy === 'merge' && mergeKey) serverOrder = orderAfterDeletes(current, patched, list, mergeKey);
    } else if (current) list = current;
    else if (patched) list = withoutDirectives(patched) as List;
    else continue;
    const kind = elementKind(current ?? [], patched ?? []);
    set(merged, field, inOrder(list, order, serverOrder, mergeKey, kind));
    done.add(field);
  }
}

/**
 * The order of the live list that new elements are placed by. Where the patch deletes elements, the first new ones take
 * the freed places at the end, as they do upstream, so that what stays comes before them.
 */
function orderAfterDeletes(current: List, patched: List, merged: List, mergeKey: string): List {
  const deleted = new Set<unknown>();
  for (const item of patched) {
    if (!isObject(item) || !has(item, directive)) continue;
    if (item[directive] === 'replace') return current;
    deleted.add(item[mergeKey]);
  }
  const key = (item: unknown) => (isObject(item) ? item[mergeKey] : undefined);
  const kept = current.filter((item) => !deleted.has(key(item)));
  if (kept.length === current.length) return current;
  const known = new Set(kept.map(key));
  const byKey = new Map(merged.map((item) => [key(item), item]));
  const added = patched.filter((item) => isObject(item) && !has(item, directive) && !known.has(key(item))).map((item) => byKey.get(key(item)));
  return [...kept, ...added.slice(0, current.length - kept.length)];
}

function listOf(object: Json, key: string): List | undefined {
  if (!has(object, key)) return undefined;
  if (!Array.isArray(object[key])) throw badType('[]interface {}', object[key]);
  return object[key];
}

function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (has(value, directive)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, withoutDirectives(child)]).filter(([, child]) => child !== undefined));
}

/** The patch's list must follow the order that the directive asks for. */
function checkOrder(patched: List, order: List, mergeKey: string): void {
  if (!order.length || !patched.length) return;
  const kept = mergeKey
    ? patched.filter((item) => {
        if (!isObject(item)) throw badType('map[string]interface {}', item);
        return item[directive] !== 'delete';
      })
    : patched;
  let at = 0;
  let ordered = 0;
  while (at < kept.length && ordered < order.length) {
    const item = kept[at];
    if (isObject(item) && has(item, directive)) {
      at++;
      continue;
    }
    if (mergeKey ? keyOf(item, mergeKey) === keyOf(order[ordered], mergeKey) : item === order[ordered]) at++;
    ordered++;
  }
  if (at < kept.length && ordered >= order.length) throw plainServerError(`The order in patch list:\n${goFormat(patched)}\n doesn't match ${orderPrefix} list:\n${goFormat(order)}\n`);
}

function keyOf(item: unknown, mergeKey: string): unknown {
  if (!isObject(item)) throw badType('map[string]interface {}', item);
  if (!has(item, mergeKey)) throw noMergeKey(item, mergeKey);
  return item[mergeKey];
}

/** The one kind of all elements. */
function elementKind(...lists: List[]): string {
  let kind: string | undefined;
  for (const list of lists)
    for (const item of list) {
      const own = jsonKind(item);
      if (kind === undefined) {
        if (own === 'array') throw unprocessablePatch('lists of lists are not supported');
        kind = own;
      } else if (kind !== own) throw plainServerError(`list element types are not identical: ${goFormat(lists)}`);
    }
  if (kind === undefined) throw plainServerError('no elements in any of the given slices');
  return kind;
}

function mergeList(original: List, patch: List, type: TypeRef, mergeKey: string, deletes: boolean): List {
  if (!original.length && !patch.length) return original;
  const kind = elementKind(original, patch);
  if (kind !== 'object') {
    if (deletes) return original.filter((item) => !patch.includes(item));
    return inOrder([...new Set([...original, ...patch])], patch, original, mergeKey, kind);
  }
  if (!mergeKey) throw plainServerError('cannot merge lists without merge key for struct');
  const { kept, changes } = listDirectives(original as Json[], patch as Json[], mergeKey);
  const merged: Json[] = [...kept];
  const positions = new Map(merged.map((item, i) => [item[mergeKey], i] as const).reverse());
  for (const change of changes) {
    const value = keyOf(change, mergeKey);
    const position = positions.get(value);
    if (position === undefined) {
      positions.set(value, merged.length);
      merged.push(change);
    } else merged[position] = mergeMap(merged[position] as Json, change, type);
  }
  return inOrder(merged, changes, kept, mergeKey, kind);
}

/** Carries out `$patch: delete` and `$patch: replace` among a list's elements. */
function listDirectives(original: Json[], patch: Json[], mergeKey: string): { kept: Json[]; changes: Json[] } {
  let kept = original;
  let replace = false;
  const changes: Json[] = [];
  for (const item of patch) {
    if (!has(item, directive)) {
      changes.push(item);
      continue;
    }
    switch (item[directive]) {
      case 'delete': {
        const value = keyOf(item, mergeKey);
        kept = kept.filter((other) => !has(other, mergeKey) || other[mergeKey] !== value);
        break;
      }
      case 'replace':
        replace = true;
        break;
      case 'merge':
        throw plainServerError('merging lists cannot yet be specified in the patch');
      default:
        throw badPatchType(item[directive], item);
    }
  }
  return replace ? { kept: changes, changes: [] } : { kept, changes };
}

type Rank = (item: unknown) => number;

function ranks(order: List, kind: string, mergeKey: string): Rank {
  const value = (item: unknown): unknown => (kind === 'object' ? (isObject(item) ? item[mergeKey] : null) : item);
  const byValue = new Map<unknown, number>();
  order.forEach((item, i) => {
    if (!byValue.has(value(item))) byValue.set(value(item), i);
  });
  return (item) => byValue.get(value(item)) ?? -1;
}

/**
 * The elements that `patchOrder` names in that order, the others as they stood in `serverOrder`, interleaved by the
 * latter as far as both orders allow.
 */
function inOrder(list: List, patchOrder: List, serverOrder: List, mergeKey: string, kind: string): List {
  if (kind === 'object') for (const items of [list, patchOrder, serverOrder]) for (const item of items) keyOf(item, mergeKey);
  const byPatch = ranks(patchOrder, kind, mergeKey);
  const byServer = ranks(serverOrder, kind, mergeKey);
  const named = list.filter((item) => byPatch(item) >= 0).sort((a, b) => byPatch(a) - byPatch(b));
  const others = list.filter((item) => byPatch(item) < 0).sort((a, b) => byServer(a) - byServer(b));
  const merged: List = [];
  let i = 0;
  let j = 0;
  while (i < others.length && j < named.length) {
    const left = byServer(others[i]);
    const right = byServer(named[j]);
    merged.push(left >= 0 && right >= 0 && left < right ? others[i++] : named[j++]);
  }
  return [...merged, ...others.slice(i), ...named.slice(j)];
}
