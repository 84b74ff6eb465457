/**
 * Path elements in the notation of FieldsV1: `f:name` a field, `k:{"name":"x"}` an item of a keyed list, `v:"x"` an item
 * of a set, `i:0` an index. Facts: sigs.k8s.io/structured-merge-diff fieldpath.
 */

import { parseStored } from '../schema/exact-numbers.ts';

export const self = '.';
const kinds = 'fkvi';

/** JSON as Go writes it: `<`, `>`, `&` and the two line separators escaped. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  return /[<>&\u2028\u2029]/.test(text) ? text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`) : text;
}

export const fieldElement = (name: string): string => `f:${name}`;
export const valueElement = (value: unknown): string => `v:${goJson(value)}`;

type Key = Record<string, unknown>;

/** `k:` with the fields by name. */
export function keyElement(key: Key): string {
  const names = Object.keys(key);
  if (names.length > 1) names.sort();
  return `k:{${names.map((name) => `${goJson(name)}:${goJson(key[name])}`).join(',')}}`;
}

const parsedLimit = 4096;
let parsed = new Map<string, unknown>();
/** What stands after the `k:` or `v:`. @throws SyntaxError */
function payload(element: string): unknown {
  const known = parsed.get(element);
  if (known !== undefined) return known;
  const value: unknown = parseStored(element.slice(2));
  if (parsed.size >= parsedLimit) parsed = new Map();
  parsed.set(element, value);
  return value;
}

const rank = (value: unknown): number => (typeof value === 'number' || typeof value === 'bigint' ? 0 : typeof value === 'string' ? 1 : typeof value === 'boolean' ? 2 : Array.isArray(value) ? 3 : value === null ? 5 : 4);
function compareValues(a: unknown, b: unknown): number {
  const order = rank(a) - rank(b);
  if (order) return order;
  if (typeof a === 'object' && a !== null) return compareTexts(JSON.stringify(a), JSON.stringify(b));
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareKeys(a: Key, b: Key): number {
  const left = Object.keys(a).sort();
  const right = Object.keys(b).sort();
  for (let i = 0; i < left.length && i < right.length; i++) {
    const name = left[i] as string;
    const order = compareTexts(name, right[i] as string) || compareValues(a[name], b[name]);
    if (order) return order;
  }
  return left.length - right.length;
}

/** The order in which FieldsV1 is written: the item itself, fields, keys, values, indices. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  if (a === self || b === self) return a === self ? -1 : 1;
  const kind = a[0] as string;
  if (kind !== b[0]) return kinds.indexOf(kind) - kinds.indexOf(b[0] as string);
  switch (kind) {
    case 'k':
      return compareKeys(payload(a) as Key, payload(b) as Key);
    case 'v':
      return compareValues(payload(a), payload(b));
    case 'i':
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return a < b ? -1 : 1;
  }
}

let canonical = new Map<string, string>();

/** The one way an element is written; undefined for a kind not known, which is skipped. @throws Error for what cannot be read */
export function canonicalElement(element: string): string | undefined {
  if (element.startsWith('f:')) return element;
  const known = canonical.get(element);
  if (known !== undefined) return known;
  const written = canonicalForm(element);
  if (canonical.size >= parsedLimit) canonical = new Map();
  if (written !== undefined) canonical.set(element, written);
  return written;
}

function canonicalForm(element: string): string | undefined {
  if (element.length < 2) throw new Error('key must be 2 characters long:');
  if (element[1] !== ':') throw new Error(`missing colon: ${element}`);
  switch (element[0]) {
    case 'k': {
      const key = payload(element);
      if (typeof key !== 'object' || key === null || Array.isArray(key)) throw new Error(`expected an object: ${element}`);
      return keyElement(key as Key);
    }
    case 'v':
      return valueElement(payload(element));
    case 'i':
      if (!/^[+-]?[0-9]+$/.test(element.slice(2))) throw new Error(`invalid index: ${element}`);
      return `i:${Number(element.slice(2))}`;
    default:
      return undefined;
  }
}

const valueText = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));

/** The element as it stands in a path shown to people: `.spec`, `[name="x"]`, `[="x"]`, `[0]`. */
export function elementText(element: string): string {
  switch (element[0]) {
    case 'k': {
      const key = payload(element) as Key;
      return `[${Object.keys(key).sort().map((name) => `${name}=${valueText(key[name])}`).join(',')}]`;
    }
    case 'v':
      return `[=${valueText(payload(element))}]`;
    case 'i':
      return `[${element.slice(2)}]`;
    default:
      return `.${element.slice(2)}`;
  }
}
