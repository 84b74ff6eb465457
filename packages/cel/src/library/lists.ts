/** Lists: Kubernetes' own functions, and cel-go's list and set extensions. */
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { add, compare, contains } from '../eval/operators.ts';
import { Double, Duration, equal, isList, typeOfValue, Uint, type Value } from '../eval/values.ts';
import { sortByMacro } from '../syntax/macros.ts';
import { boolType, bytesType, doubleType, durationType, dynType, intType, listOf, paramOf, stringType, timestampType, uintType } from '../types.ts';

type List = readonly Value[];
const t = paramOf('T');
const list = listOf(t);
const sortable = { int: intType, uint: uintType, double: doubleType, bool: boolType, duration: durationType, timestamp: timestampType, string: stringType, bytes: bytesType };
const zeros = { int: 0, uint: new Uint(0n), double: new Double(0), duration: new Duration(0n) };
const kinds = Object.entries(sortable);

const isSorted = (values: List): boolean => values.every((value, i) => i === 0 || compare(values[i - 1], value, '_<=_') <= 0);
const extreme = (name: string, sign: number) => (values: List): Value => {
  if (!values.length) throw new CelError(`${name} called on empty list`);
  return values.reduce((best, value) => (compare(value, best, '_<_') * sign > 0 ? value : best));
};
const indexOf = (values: List, wanted: Value): number => values.findIndex((value) => equal(value, wanted));
const lastIndexOf = (values: List, wanted: Value): number => values.findLastIndex((value) => equal(value, wanted));

export const kubernetesListsLibrary: Library = {
  functions: [
    declare('isSorted', ...kinds.map(([name, type]) => member(`list_${name}_is_sorted_bool`, [listOf(type)], boolType, isSorted))),
    declare('sum', ...Object.entries(zeros).map(([name, zero]) => member(`list_${name}_sum_${name}`, [listOf(sortable[name as keyof typeof zeros])], sortable[name as keyof typeof zeros], (values: List) => values.reduce(add, zero)))),
    declare('max', ...kinds.map(([name, type]) => member(`list_${name}_max_${name}`, [listOf(type)], type, extreme('max', 1)))),
    declare('min', ...kinds.map(([name, type]) => member(`list_${name}_min_${name}`, [listOf(type)], type, extreme('min', -1)))),
    declare('indexOf', member('list_a_index_of_int', [list, t], intType, indexOf)),
    declare('lastIndexOf', member('list_a_last_index_of_int', [list, t], intType, lastIndexOf)),
  ],
};

const notNegative = (level: number): number => {
  if (level < 0) throw new CelError('level must be non-negative');
  return level;
};
const flatten = (values: List, depth: number): List => values.flatMap((value): List => (isList(value) && depth > 0 ? flatten(value, depth - 1) : [value]));
function slice(values: List, start: number, end: number): List {
  if (start < 0 || end < 0) throw new CelError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end) throw new CelError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (values.length < end) throw new CelError(`cannot slice(${start}, ${end}), list is length ${values.length}`);
  return values.slice(start, end);
}
function sortByKeys(values: List, keys: List): List {
  if (values.length !== keys.length) throw new CelError(`@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${values.length} and ${keys.length} elements respectively`);
  const first = keys.length ? typeOfValue(keys[0]).name : '';
  if (keys.length && !Object.values(sortable).some((type) => type.name === first)) throw new CelError('list elements must be comparable');
  if (keys.some((key) => typeOfValue(key).name !== first)) throw new CelError('list elements must have the same type');
  return Array.from(values, (value, i) => ({ value, key: keys[i] })).sort((a, b) => compare(a.key, b.key, '_<_')).map(({ value }) => value);
}
const distinct = (values: List): List => values.filter((value, i) => indexOf(values, value) === i);
const range = (count: number): List => Array.from({ length: Math.max(0, count) }, (_, i) => i);

export const listsLibrary: Library = {
  macros: [sortByMacro],
  functions: [
    declare('slice', member('list_slice', [list, intType, intType], list, slice)),
    declare('flatten', member('list_flatten', [listOf(listOf(t))], list, (values: List) => flatten(values, 1)), member('list_flatten_int', [listOf(dynType), intType], listOf(dynType), (values: List, depth: number) => flatten(values, notNegative(depth)))),
    declare('sort', ...kinds.map(([name, type]) => member(`list_${name}_sort`, [listOf(type)], listOf(type), (values: List) => sortByKeys(values, values)))),
    declare('@sortByAssociatedKeys', ...kinds.map(([name, type]) => member(`list_${name}_sortByAssociatedKeys`, [list, listOf(type)], list, sortByKeys))),
    declare('distinct', member('list_distinct', [list], list, distinct)),
    declare('lists.range', overload('lists_range', [intType], listOf(intType), range)),
    declare('reverse', member('list_reverse', [list], list, (values: List) => Array.from(values).reverse())),
  ],
};

const includesAll = (values: List, wanted: List): boolean => wanted.every((value) => contains(value, values));
export const setsLibrary: Library = {
  functions: [
    declare('sets.contains', overload('list_sets_contains_list', [list, list], boolType, includesAll)),
    declare('sets.equivalent', overload('list_sets_equivalent_list', [list, list], boolType, (a: List, b: List) => includesAll(a, b) && includesAll(b, a))),
    declare('sets.intersects', overload('list_sets_intersects_list', [list, list], boolType, (a: List, b: List) => a.some((value) => contains(value, b)))),
  ],
};
