/**
 * Keys: well-formed strings, ordered by their UTF-8 bytes (which is the order of code points, not JavaScript's `<`
 * where a key holds characters beyond U+FFFF).
 */

/** Keys from `start` (inclusive) to `end` (exclusive), compared as bytes. An empty `end` means: to the last key. */
export interface KeyRange {
  start: string;
  end: string;
}

/** Longest key, in bytes of UTF-8 (LMDB's limit is 1,978; the longest name Kubernetes allows gives about 700). */
export const longestKeyBytes = 1536;

/** Surrogates stand for code points above all others: puts them behind U+E000–U+FFFF. */
const weight = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** Negative, zero or positive, as the bytes of `a` come before, equal or come after those of `b`. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return weight(x) - weight(y);
  }
  return a.length - b.length;
}

export const inRange = (range: KeyRange, key: string): boolean =>
  compareKeys(key, range.start) >= 0 && (range.end === '' || compareKeys(key, range.end) < 0);

/** The range of all keys that begin with `prefix`; of all keys, for an empty prefix. */
export function prefixRange(prefix: string): KeyRange {
  // What almost all prefixes end with, and what comes right after it.
  if (prefix.endsWith('/')) return { start: prefix, end: `${prefix.slice(0, -1)}0` };
  const points = Array.from(prefix);
  while (points.length) {
    const last = points.pop()!.codePointAt(0)!;
    if (last === 0x10ffff) continue;
    // U+D800–U+DFFF are no characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return { start: prefix, end: points.join('') + String.fromCodePoint(next) };
  }
  return { start: prefix, end: '' };
}

/** Whether the key is no longer than backends take. */
export const keyFits = (key: string): boolean => key.length * 3 <= longestKeyBytes || Buffer.byteLength(key) <= longestKeyBytes;

/** @throws RangeError for a key no backend takes: empty, too long, or with half a surrogate pair */
export function checkKey(key: string): void {
  if (key === '') throw new RangeError('a key must not be empty');
  if (!keyFits(key)) throw new RangeError(`a key must not be longer than ${longestKeyBytes} bytes, this one has ${Buffer.byteLength(key)}`);
  if (!key.isWellFormed()) throw new RangeError(`the key ${JSON.stringify(key)} is not well-formed text`);
}
