import { goQuote } from '../go-format.ts';
import { isInexact, parseExact } from './exact-numbers.ts';
import { jsonSyntaxError } from './json-error.ts';

export interface ParsedJson {
  value: unknown;
  /** `duplicate field "spec.replicas"`, in the order met; at most 100. */
  duplicateFields: string[];
  /** The first number that no float64 holds (`1e400`), as it was written. */
  tooLarge?: string;
}

/** Nesting that encoding/json allows. */
export const goNesting = 10_000;
/** Nesting that Node's usual stack carries through a write. */
const usualNesting = 1_000;
let nesting = usualNesting;

/** Levels of objects and lists, the outermost counted, that JSON and YAML are read to. */
export const mostNesting = (): number => nesting;

/** For programs that have said how much stack they have: `--stack-size` of Node in KiB. Up to Go's 10,000 levels are read then. */
export function allowNestingFor(stackKiB: number): void {
  nesting = Math.max(usualNesting, Math.min(goNesting, Math.floor(stackKiB / stackKiBPerLevel)));
}
/** What the hungriest of all walks (a structured clone) takes for a level, twice over. */
const stackKiBPerLevel = 0.65;

/**
 * Whether indenting the value would make a text out of all proportion: that grows with the square of the nesting. What is
 * nested so deep is read by no person; it is written in one line.
 */
export const isTooDeepToIndent = (value: unknown, left = usualNesting): boolean => typeof value === 'object' && value !== null && (left < 0 || Object.values(value).some((item) => isTooDeepToIndent(item, left - 1)));

const tooDeep = (value: object): SyntaxError => new SyntaxError(`invalid character '${Array.isArray(value) ? '[' : '{'}' exceeded max depth`);
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const quote = 34;
const backslash = 92;
const colon = 58;

/** Parses JSON. @throws SyntaxError with a text like Go's (`invalid character 'x' looking for beginning of value`). */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decoder.decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError(jsonSyntaxError(text));
  }
  return loneSurrogates(text) ? wellFormed(value) : value;
}

/** Whether the text has escapes that may be halves of surrogate pairs. */
export const loneSurrogates = (text: string): boolean => text.includes('\\u') && surrogateEscape.test(text);
const surrogateEscape = /\\u[dD][89a-fA-F]/;

/** Halves of surrogate pairs that stand alone, which only escapes can write, become U+FFFD as in Go. */
export function wellFormed(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= nesting) throw tooDeep(value);
  if (Array.isArray(value)) return value.map((item) => wellFormed(item, depth + 1));
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) Object.defineProperty(out, key.toWellFormed(), { value: wellFormed((value as Record<string, unknown>)[key], depth + 1), enumerable: true, configurable: true, writable: true });
  return out;
}

/**
 * Parses JSON and finds keys that occur twice in one object (the last one wins). As quick as a parse and a pass over
 * the bytes: keys are counted in the text and in the value, and only where the counts differ is the text read again.
 * @throws SyntaxError as `parseJson`
 */
export function parseJsonStrict(bytes: Uint8Array): ParsedJson {
  const value = parseJson(bytes);
  const seen: Seen = { inexact: false };
  const duplicateFields = countKeysInText(bytes) === countKeys(value, seen) ? [] : findDuplicates(bytes);
  if (!seen.inexact) return { value, duplicateFields };
  const text = decoder.decode(bytes);
  const exact = parseExact(text);
  return { value: loneSurrogates(text) ? wellFormed(exact.value) : exact.value, duplicateFields, ...(exact.tooLarge !== undefined && { tooLarge: exact.tooLarge }) };
}

/** Colons outside strings. */
function countKeysInText(bytes: Uint8Array): number {
  let count = 0;
  const length = bytes.length;
  for (let i = 0; i < length; i++) {
    const c = bytes[i];
    if (c === colon) count++;
    else if (c === quote) {
      for (i++; i < length; i++) {
        const d = bytes[i];
        if (d === quote) break;
        if (d === backslash) i++;
      }
    }
  }
  return count;
}

/** @throws SyntaxError for values nested deeper than Go reads, or than this machine's stack holds */
function countKeys(value: unknown, seen: Seen): number {
  try {
    return countKeysBelow(value, 0, seen);
  } catch (error) {
    throw error instanceof RangeError ? tooDeep(value as object) : error;
  }
}

/** What the walk over a parsed value finds besides. */
interface Seen {
  /** A number that may have lost digits. */
  inexact: boolean;
}

function countKeysBelow(value: unknown, depth: number, seen: Seen): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= nesting) throw tooDeep(value);
  let count = 0;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item === 'object' && item !== null) count += countKeysBelow(item, depth + 1, seen);
      else if (isInexact(item)) seen.inexact = true;
    }
    return count;
  }
  for (const key in value) {
    count++;
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === 'object' && item !== null) count += countKeysBelow(item, depth + 1, seen);
    else if (isInexact(item)) seen.inexact = true;
  }
  return count;
}

interface Frame {
  /** Keys seen; undefined in a list. */
  keys?: Set<string>;
  /** Where the walk stands: key or index. */
  step: string | number;
}

const pathOf = (frames: readonly Frame[]): string => frames.reduce((path, { step }) => (typeof step === 'number' ? `${path}[${step}]` : path ? `${path}.${step}` : step), '');

/** The text is known to be valid JSON. */
function findDuplicates(bytes: Uint8Array): string[] {
  const text = decoder.decode(bytes);
  const found = new Set<string>();
  const frames: Frame[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const top = frames.at(-1);
    if (c === '{') frames.push({ keys: new Set(), step: '' });
    else if (c === '[') frames.push({ step: 0 });
    else if (c === '}' || c === ']') frames.pop();
    else if (c === ',' && top && typeof top.step === 'number') top.step++;
    else if (c === '"') {
      const end = endOfString(text, i);
      if (top?.keys && /^\s*:/.test(text.slice(end + 1, end + 64))) {
        top.step = JSON.parse(text.slice(i, end + 1)) as string;
        if (top.keys.has(top.step) && found.size < 100) found.add(`duplicate field ${goQuote(pathOf(frames))}`);
        top.keys.add(top.step);
      }
      i = end;
    }
  }
  return [...found];
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}
