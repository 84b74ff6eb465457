/** CEL's standard functions. */
import { declare, type FunctionDecl, type Library, member, type Overload, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { checkedInt, type Int, intOf } from '../eval/integers.ts';
import { duration, timestamp, uint } from '../eval/operators.ts';
import { Double, type Duration, MapValue, type Timestamp, typeOfValue, Uint, type Value } from '../eval/values.ts';
import { standardMacros } from '../syntax/macros.ts';
import { boolType, bytesType, doubleType, durationType, dynType, intType, listOf, mapOf, paramOf, stringType, timestampType, type Type, typeOf, uintType } from '../types.ts';
import { formatDouble } from './format-double.ts';
import { matchesPattern } from './regular-expressions.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from './time-texts.ts';
import { timeFunctions } from './times.ts';

const a = paramOf('A');
const b = paramOf('B');
const list = listOf(a);
const map = mapOf(a, b);

/** Kinds as overloads' ids spell them. */
const ids: readonly [string, Type][] = [
  ['int64', intType],
  ['uint64', uintType],
  ['double', doubleType],
];
const numbers = (name: string, kinds: readonly [string, Type][]): Overload[] => kinds.map(([id, type]) => overload(`${name}_${id}`, [type, type], type));

/** Every pair of types that `<` and its kin take. */
const ordered = (id: string): Overload[] => [
  overload(`${id}_bool`, [boolType, boolType], boolType),
  ...ids.flatMap(([left, leftType], i) => [
    overload(`${id}_${left}`, [leftType, leftType], boolType),
    ...ids.flatMap(([right, rightType], j) => (i === j ? [] : [overload(`${id}_${left}_${right}`, [leftType, rightType], boolType)])),
  ]),
  ...([['string', stringType], ['bytes', bytesType], ['timestamp', timestampType], ['duration', durationType]] as const).map(([kind, type]) => overload(`${id}_${kind}`, [type, type], boolType)),
];

const operators: FunctionDecl[] = [
  declare('_?_:_', overload('conditional', [boolType, a, a], a)),
  declare('_&&_', overload('logical_and', [boolType, boolType], boolType)),
  declare('_||_', overload('logical_or', [boolType, boolType], boolType)),
  declare('!_', overload('logical_not', [boolType], boolType)),
  declare('@not_strictly_false', overload('not_strictly_false', [boolType], boolType)),
  declare('_==_', overload('equals', [a, a], boolType)),
  declare('_!=_', overload('not_equals', [a, a], boolType)),
  declare(
    '_+_',
    overload('add_bytes', [bytesType, bytesType], bytesType),
    overload('add_double', [doubleType, doubleType], doubleType),
    overload('add_duration_duration', [durationType, durationType], durationType),
    overload('add_duration_timestamp', [durationType, timestampType], timestampType),
    overload('add_timestamp_duration', [timestampType, durationType], timestampType),
    overload('add_int64', [intType, intType], intType),
    overload('add_list', [list, list], list),
    overload('add_string', [stringType, stringType], stringType),
    overload('add_uint64', [uintType, uintType], uintType),
  ),
  declare(
    '_-_',
    ...numbers('subtract', ids),
    overload('subtract_duration_duration', [durationType, durationType], durationType),
    overload('subtract_timestamp_duration', [timestampType, durationType], timestampType),
    overload('subtract_timestamp_timestamp', [timestampType, timestampType], durationType),
  ),
  declare('_*_', ...numbers('multiply', ids)),
  declare('_/_', ...numbers('divide', ids)),
  declare('_%_', ...numbers('modulo', ids.slice(0, 2))),
  declare('-_', overload('negate_double', [doubleType], doubleType), overload('negate_int64', [intType], intType)),
  declare('_<_', ...ordered('less')),
  declare('_<=_', ...ordered('less_equals')),
  declare('_>_', ...ordered('greater')),
  declare('_>=_', ...ordered('greater_equals')),
  declare('_[_]', overload('index_list', [list, intType], a), overload('index_map', [map, a], b)),
  declare('@in', overload('in_list', [a, list], boolType), overload('in_map', [a, map], boolType)),
];

/** Characters, not UTF-16 units. */
export function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
      count--;
      i++;
    }
  }
  return count;
}
const lengthOf = (value: readonly Value[] | Uint8Array): Value => value.length;
const sizes: FunctionDecl = declare(
  'size',
  ...([['string', stringType, characters], ['bytes', bytesType, lengthOf], ['list', list, lengthOf], ['map', map, (value: MapValue) => value.size]] as const).flatMap(([kind, type, run]) => [overload(`size_${kind}`, [type], intType, run), member(`${kind}_size`, [type], intType, run)]),
);

const conversionError = (value: Value, to: string) => new CelError(`type conversion error from '${typeOfValue(value).name}' to '${to}'`);

const trueTexts = new Set(['1', 't', 'true', 'TRUE', 'True']);
const falseTexts = new Set(['0', 'f', 'false', 'FALSE', 'False']);
function parseBool(text: string): boolean {
  if (trueTexts.has(text)) return true;
  if (falseTexts.has(text)) return false;
  throw conversionError(text, 'bool');
}
function parseInteger(text: string): Int {
  if (!/^[+-]?\d+$/.test(text)) throw conversionError(text, 'int');
  try {
    return checkedInt(BigInt(text.replace(/^\+/, '')));
  } catch {
    throw conversionError(text, 'int');
  }
}
function parseUnsigned(text: string): Uint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 1n << 64n) throw conversionError(text, 'uint');
  return new Uint(BigInt(text));
}
function parseDouble(text: string): Double {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) return new Double(special[2].toLowerCase() === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity);
  const value = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw conversionError(text, 'double');
  return new Double(value);
}
/** Towards zero. */
function wholeOf(value: number, limit: number, low: number, message: string): bigint {
  if (Number.isNaN(value) || !Number.isFinite(value) || value <= low || value >= limit) throw new CelError(message);
  return BigInt(Math.trunc(value));
}
const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();
function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}
const identity = (value: Value): Value => value;
const second = 1_000_000_000n;
/** Rounds towards the past. */
const floorSeconds = (nanos: bigint): bigint => (nanos - (((nanos % second) + second) % second)) / second;

const conversions: FunctionDecl[] = [
  declare('type', overload('type', [a], typeOf(a), (value: Value) => typeOfValue(value))),
  declare('dyn', overload('to_dyn', [a], dynType, identity)),
  declare('bool', overload('bool_to_bool', [boolType], boolType, identity), overload('string_to_bool', [stringType], boolType, parseBool)),
  declare('bytes', overload('bytes_to_bytes', [bytesType], bytesType, identity), overload('string_to_bytes', [stringType], bytesType, (text: string) => encoder.encode(text))),
  declare(
    'double',
    overload('double_to_double', [doubleType], doubleType, identity),
    overload('int64_to_double', [intType], doubleType, (value: Int) => new Double(Number(value))),
    overload('string_to_double', [stringType], doubleType, parseDouble),
    overload('uint64_to_double', [uintType], doubleType, ({ value }: Uint) => new Double(Number(value))),
  ),
  declare('duration', overload('duration_to_duration', [durationType], durationType, identity), overload('string_to_duration', [stringType], durationType, (text: string) => duration(parseDuration(text)))),
  declare(
    'int',
    overload('int64_to_int64', [intType], intType, identity),
    overload('double_to_int64', [doubleType], intType, ({ value }: Double) => intOf(wholeOf(value, 2 ** 63, -(2 ** 63), 'integer overflow'))),
    overload('duration_to_int64', [durationType], intType, ({ nanos }: Duration) => intOf(nanos)),
    overload('string_to_int64', [stringType], intType, parseInteger),
    overload('timestamp_to_int64', [timestampType], intType, ({ nanos }: Timestamp) => intOf(floorSeconds(nanos))),
    overload('uint64_to_int64', [uintType], intType, ({ value }: Uint) => checkedInt(value)),
  ),
  declare(
    'string',
    overload('string_to_string', [stringType], stringType, identity),
    overload('bool_to_string', [boolType], stringType, String),
    overload('bytes_to_string', [bytesType], stringType, decode),
    overload('double_to_string', [doubleType], stringType, ({ value }: Double) => formatDouble(value)),
    overload('duration_to_string', [durationType], stringType, formatDuration),
    overload('int64_to_string', [intType], stringType, String),
    overload('timestamp_to_string', [timestampType], stringType, formatTimestamp),
    overload('uint64_to_string', [uintType], stringType, ({ value }: Uint) => String(value)),
  ),
  declare(
    'timestamp',
    overload('timestamp_to_timestamp', [timestampType], timestampType, identity),
    overload('int64_to_timestamp', [intType], timestampType, (value: Int) => timestamp(BigInt(value) * second)),
    overload('string_to_timestamp', [stringType], timestampType, (text: string) => timestamp(parseTimestamp(text))),
  ),
  declare(
    'uint',
    overload('uint64_to_uint64', [uintType], uintType, identity),
    overload('double_to_uint64', [doubleType], uintType, ({ value }: Double) => new Uint(wholeOf(value, 2 ** 64, -1, 'unsigned integer overflow'))),
    overload('int64_to_uint64', [intType], uintType, (value: Int) => uint(BigInt(value))),
    overload('string_to_uint64', [stringType], uintType, parseUnsigned),
  ),
];

const texts: FunctionDecl[] = [
  declare('contains', member('contains_string', [stringType, stringType], boolType, (text: string, part: string) => text.includes(part))),
  declare('endsWith', member('ends_with_string', [stringType, stringType], boolType, (text: string, part: string) => text.endsWith(part))),
  declare('startsWith', member('starts_with_string', [stringType, stringType], boolType, (text: string, part: string) => text.startsWith(part))),
  declare('matches', overload('matches', [stringType, stringType], boolType, matchesPattern), member('matches_string', [stringType, stringType], boolType, matchesPattern)),
];

export const standardLibrary: Library = { functions: [...operators, sizes, ...conversions, ...texts, ...timeFunctions], macros: standardMacros };
