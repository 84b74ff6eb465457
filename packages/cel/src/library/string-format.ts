/** `'…%s…'.format([…])`. */
import { CelError } from '../eval/errors.ts';
import { Double, Duration, isInt, isList, MapValue, Optional, Timestamp, typeOfValue, Uint, type Value } from '../eval/values.ts';
import { Type } from '../types.ts';
import { formatFixed, goExponent } from './format-double.ts';
import { formatDuration, formatTimestamp } from './time-texts.ts';

const decoder = new TextDecoder();
const problem = (why: string) => new CelError(`error during formatting: ${why}`);

function asString(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || isInt(value)) return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Double) return Number.isNaN(value.value) ? 'NaN' : Number.isFinite(value.value) ? formatFixed(value.value) : value.value > 0 ? 'Infinity' : '-Infinity';
  if (value instanceof Uint8Array) return decoder.decode(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Type) return value.name;
  if (isList(value)) return `[${value.map(asString).join(', ')}]`;
  if (value instanceof MapValue) return `{${[...value.keys()].map((key) => [asString(key), asString(value.find(key)!)]).sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.join(': ')).join(', ')}}`;
  throw problem(`string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${value instanceof Optional ? 'optional_type' : typeOfValue(value).name}`);
}

const whole = (value: Value): bigint | undefined => (isInt(value) ? BigInt(value) : value instanceof Uint ? value.value : undefined);
const real = (value: Value): number | undefined => (value instanceof Double ? value.value : undefined);
/** Ties go to the even digit. */
function fixedPoint(value: number, places: number): string {
  const scaled = value * 10 ** places;
  if (Math.abs(scaled % 1) !== 0.5 || scaled / 10 ** places !== value) return value.toFixed(places);
  const down = Math.trunc(scaled);
  return ((down % 2 === 0 ? down : down + Math.sign(scaled)) / 10 ** places).toFixed(places);
}
const special = (value: number): string | undefined => (Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? undefined : value > 0 ? 'Infinity' : '-Infinity');

function clause(verb: string, precision: number, value: Value): string {
  const integer = whole(value);
  switch (verb) {
    case 's':
      return asString(value);
    case 'd':
      if (integer !== undefined) return String(integer);
      if (value instanceof Double && special(value.value)) return special(value.value)!;
      throw problem(`decimal clause can only be used on integers, was given ${typeOfValue(value).name}`);
    case 'f':
    case 'e': {
      const number = real(value) ?? (integer === undefined ? undefined : Number(integer));
      if (number === undefined) throw problem(`${verb === 'f' ? 'fixed-point' : 'scientific'} clause can only be used on doubles, was given ${typeOfValue(value).name}`);
      return special(number) ?? (verb === 'f' ? fixedPoint(number, precision) : goExponent(number.toExponential(precision)));
    }
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      if (integer !== undefined) return integer.toString(2);
      throw problem(`only integers and bools can be formatted as binary, was given ${typeOfValue(value).name}`);
    case 'x':
    case 'X': {
      const cased = (text: string) => (verb === 'X' ? text.toUpperCase() : text);
      if (integer !== undefined) return cased(integer.toString(16));
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value instanceof Uint8Array ? value : undefined;
      if (bytes) return cased(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
      throw problem(`only integers, byte buffers, and strings can be formatted as hex, was given ${typeOfValue(value).name}`);
    }
    case 'o':
      if (integer !== undefined) return integer.toString(8);
      throw problem(`octal clause can only be used on integers, was given ${typeOfValue(value).name}`);
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

/** @throws CelError */
export function formatString(pattern: string, args: readonly Value[]): string {
  let out = '';
  let next = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] !== '%') {
      out += pattern[i];
      continue;
    }
    if (pattern[i + 1] === '%') {
      out += '%';
      i++;
      continue;
    }
    if (i + 1 >= pattern.length) throw new CelError('unexpected end of string');
    const match = /^%(?:\.(\d+))?([a-zA-Z])/.exec(pattern.slice(i));
    if (!match) throw new CelError(`could not parse formatting clause: error while parsing precision: could not convert precision value to integer`);
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    out += clause(match[2], match[1] === undefined ? 6 : Number(match[1]), args[next++]);
    i += match[0].length - 1;
  }
  return out;
}
