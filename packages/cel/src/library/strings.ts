/** cel-go's string extension, second version: what Kubernetes offers. */
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { type Value } from '../eval/values.ts';
import { dynType, intType, listOf, stringType } from '../types.ts';
import { formatString } from './string-format.ts';

const outOfRange = (index: number): CelError => new CelError(`index out of range: ${index}`);

function charAt(text: string, index: number): string {
  const points = [...text];
  if (index < 0 || index > points.length) throw outOfRange(index);
  return points[index] ?? '';
}
/** Positions count characters. */
function indexOf(text: string, part: string, offset = 0): number {
  const points = [...text];
  if (offset < 0) throw outOfRange(offset);
  if (part === '') return Math.min(offset, points.length);
  if (offset >= points.length) return -1;
  const before = points.slice(0, offset).join('').length;
  const at = text.indexOf(part, before);
  return at < 0 ? -1 : [...text.slice(0, at)].length;
}
function lastIndexOf(text: string, part: string, offset?: number): number {
  const points = [...text];
  if (offset !== undefined && offset < 0) throw outOfRange(offset);
  if (part === '') return Math.min(offset ?? points.length, points.length);
  if (offset !== undefined && offset >= points.length) return -1;
  const at = text.lastIndexOf(part, offset === undefined ? undefined : points.slice(0, offset).join('').length);
  return at < 0 ? -1 : [...text.slice(0, at)].length;
}
function substring(text: string, start: number, end?: number): string {
  const points = [...text];
  if (end !== undefined && start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0 || start > points.length) throw outOfRange(start);
  if (end !== undefined && (end < 0 || end > points.length)) throw outOfRange(end);
  return points.slice(start, end).join('');
}
function replace(text: string, from: string, to: string, limit = -1): string {
  if (limit === 0 || from === to) return text;
  if (from === '') {
    const points = [...text];
    const count = limit < 0 ? points.length + 1 : Math.min(limit, points.length + 1);
    return points.map((point, i) => (i < count ? to + point : point)).join('') + (count > points.length ? to : '');
  }
  if (limit < 0) return text.replaceAll(from, () => to);
  const parts = text.split(from);
  const kept = Math.min(limit, parts.length - 1);
  return parts.slice(0, kept + 1).join(to) + parts.slice(kept + 1).map((part) => from + part).join('');
}
function split(text: string, separator: string, limit = -1): Value {
  if (limit === 0) return [];
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}
const ascii = (pattern: RegExp, change: (letter: string) => string) => (text: string) => text.replace(pattern, change);
const quotes: Record<string, string> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are escaped
const quote = (text: string): string => `"${text.toWellFormed().replace(/[\x07\b\f\n\r\t\v\\"]/g, (character) => quotes[character])}"`;
/** Go's idea of white space. */
const leadingBlank = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const trailingBlank = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;
const trim = (text: string): string => text.replace(leadingBlank, '').replace(trailingBlank, '');
const texts = listOf(stringType);
const two = [stringType, stringType];

export const stringsLibrary: Library = {
  functions: [
    declare('charAt', member('string_char_at_int', [stringType, intType], stringType, charAt)),
    declare('indexOf', member('string_index_of_string', two, intType, indexOf), member('string_index_of_string_int', [...two, intType], intType, indexOf)),
    declare('lastIndexOf', member('string_last_index_of_string', two, intType, lastIndexOf), member('string_last_index_of_string_int', [...two, intType], intType, lastIndexOf)),
    declare('lowerAscii', member('string_lower_ascii', [stringType], stringType, ascii(/[A-Z]/g, (letter) => letter.toLowerCase()))),
    declare('upperAscii', member('string_upper_ascii', [stringType], stringType, ascii(/[a-z]/g, (letter) => letter.toUpperCase()))),
    declare('replace', member('string_replace_string_string', [...two, stringType], stringType, replace), member('string_replace_string_string_int', [...two, stringType, intType], stringType, replace)),
    declare('split', member('string_split_string', two, texts, split), member('string_split_string_int', [...two, intType], texts, split)),
    declare('substring', member('string_substring_int', [stringType, intType], stringType, substring), member('string_substring_int_int', [stringType, intType, intType], stringType, substring)),
    declare('trim', member('string_trim', [stringType], stringType, trim)),
    declare('format', member('string_format', [stringType, listOf(dynType)], stringType, formatString)),
    declare('strings.quote', overload('strings_quote', [stringType], stringType, quote)),
    declare(
      'join',
      member('list_join', [texts], stringType, (list: string[]) => join(list, '')),
      member('list_join_string', [texts, stringType], stringType, join),
    ),
  ],
};
function join(list: readonly Value[], separator: string): string {
  for (const element of list) if (typeof element !== 'string') throw new CelError(`join: invalid input: ${String(element)}`);
  return Array.prototype.join.call(list, separator);
}
/** Third version. */
export const stringsReverse: Library = { functions: [declare('reverse', member('string_reverse', [stringType], stringType, (text: string) => [...text].reverse().join('')))] };
