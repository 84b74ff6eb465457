/** Optional values and comprehensions of two variables. */
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { GrowingMap } from '../eval/comprehension.ts';
import { CelError } from '../eval/errors.ts';
import { Double, isList, LiteralMap, MapValue, none, Optional, Uint, type Value } from '../eval/values.ts';
import { bindMacro, optionalMacros, twoVariableMacros } from '../syntax/macros.ts';
import { boolType, dynType, intType, listOf, mapOf, opaqueOf, optionalOf, paramOf } from '../types.ts';

const v = paramOf('V');
const k = paramOf('K');
const optional = optionalOf(v);
const list = listOf(v);
const map = mapOf(k, v);

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Double) return value.value === 0;
  if (isList(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  if (value instanceof Optional) return value.value === undefined || isZero(value.value);
  return typeof value === 'object' && 'nanos' in value && value.nanos === 0n;
}
const held = ({ value }: Optional): Value => {
  if (value === undefined) throw new CelError('optional.none() dereference');
  return value;
};
const at = (values: readonly Value[], index: number): Value => (values.length ? new Optional(values.at(index)) : none);
const unwrap = (values: readonly Value[]): Value => values.flatMap((value) => {
  if (!(value instanceof Optional)) throw new CelError(`value ${String(value)} is not optional`);
  return value.value === undefined ? [] : [value.value];
});

export const optionalsLibrary: Library = {
  macros: optionalMacros,
  types: [opaqueOf('optional_type')],
  functions: [
    declare('optional.of', overload('optional_of', [v], optional, (value: Value) => new Optional(value))),
    declare('optional.ofNonZeroValue', overload('optional_ofNonZeroValue', [v], optional, (value: Value) => (isZero(value) ? none : new Optional(value)))),
    declare('optional.none', overload('optional_none', [], optional)),
    declare('value', member('optional_value', [optional], v, held)),
    declare('hasValue', member('optional_hasValue', [optional], boolType, ({ value }: Optional) => value !== undefined)),
    declare('or', member('optional_or_optional', [optional, optional], optional)),
    declare('orValue', member('optional_orValue_value', [optional, v], v)),
    declare('_[_]', overload('optional_list_index_int', [optionalOf(list), intType], optional), overload('optional_map_index_value', [optionalOf(map), k], optional)),
    declare('_[?_]', overload('list_optindex_optional_int', [list, intType], optional), overload('optional_list_optindex_optional_int', [optionalOf(list), intType], optional), overload('map_optindex_optional_value', [map, k], optional), overload('optional_map_optindex_optional_value', [optionalOf(map), k], optional)),
    declare('_?._', overload('select_optional_field', [dynType, dynType], optional)),
    declare('first', member('list_first', [list], optional, (values: readonly Value[]) => at(values, 0))),
    declare('last', member('list_last', [list], optional, (values: readonly Value[]) => at(values, -1))),
    declare('optional.unwrap', overload('optional_unwrap', [listOf(optional)], list, unwrap)),
    declare('unwrapOpt', member('optional_unwrapOpt', [listOf(optional)], list, unwrap)),
  ],
};

const insert = (into: LiteralMap, key: Value, value: Value): LiteralMap => into.with(key, value, into instanceof GrowingMap && into.growing);
export const twoVariableLibrary: Library = {
  macros: twoVariableMacros,
  functions: [
    declare(
      'cel.@mapInsert',
      overload('@mapInsert_map_key_value', [map, k, v], map, insert),
      overload('@mapInsert_map_map', [map, map], map, (into: LiteralMap, from: MapValue) => {
        let result = into;
        for (const key of from.keys()) result = insert(result, key, from.find(key)!);
        return result;
      }),
    ),
  ],
};
export const bindingsLibrary: Library = { macros: [bindMacro] };
