/**
 * Kubernetes quantities: exact decimal numbers with a suffix (`100m`, `1.5Gi`, `12e6`).
 * Parsing, rounding, canonical form and error texts equal k8s.io/apimachinery/pkg/api/resource.
 */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** An immutable amount: `units × 10^scale`. */
export interface Quantity {
  /** A number while it is a safe integer, else a bigint. */
  readonly units: number | bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text to write, where it is known already. */
  text?: string;
}

/** What a quantity that cannot be read is answered with; the message is the API server's. */
export class QuantityError extends Error {
  override name = 'QuantityError';
}
const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const numericWrong = 'unable to parse numeric part of quantity';
const suffixWrong = "unable to parse quantity's suffix";

const decimalSuffixes: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binarySuffixes: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalByExponent = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binaryByPower = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const maxInt64 = 2n ** 63n - 1n;
const nano = -9;
/** Digits that fit an int64 for certain. */
const maxDigits = 18;
/** A larger exponent is refused: the exact number would not fit any memory worth having. */
const maxExponent = 4096;

const cacheLimit = 8192;
let cache = new Map<string, Quantity>();
const zero: Quantity = { units: 0, scale: 0, format: 'DecimalSI', text: '0' };

/** @throws QuantityError for text that is no quantity. The answer may be shared: it is never to be changed. */
export function parseQuantity(text: string): Quantity {
  const known = cache.get(text);
  if (known) return known;
  const parsed = parse(text);
  if (cache.size >= cacheLimit) cache = new Map();
  cache.set(text, parsed);
  return parsed;
}

/** Why the text is no quantity, or undefined where it is one. */
export function quantityError(text: string): string | undefined {
  try {
    parseQuantity(text);
    return undefined;
  } catch (error) {
    if (error instanceof QuantityError) return error.message;
    throw error;
  }
}

/** The form the API server stores and shows: `1000m` → `1`, `0.5Gi` → `512Mi`. Numbers are taken as JSON would write them. */
export const canonicalQuantity = (text: string | number): string => formatQuantity(parseQuantity(typeof text === 'number' ? String(text) : text.trim()));

const resolve = (q: Quantity | string): Quantity => (typeof q === 'string' ? parseQuantity(q) : q);
const isDigit = (code: number) => code >= 48 && code <= 57;
const suffixChars = 'eEinumkKMGTP';

function parse(text: string): Quantity {
  const end = text.length;
  if (end === 0) throw new QuantityError(formatWrong);
  if (text === '0') return zero;
  let pos = 0;
  const negative = text[0] === '-';
  if (negative || text[0] === '+') pos++;
  while (pos < end && text.charCodeAt(pos) === 48) pos++;
  if (pos === end) return { units: 0, scale: 0, format: 'DecimalSI' };
  const numStart = pos;
  while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
  const num = text.slice(numStart, pos) || '0';
  let fraction = '';
  if (text[pos] === '.') {
    const start = ++pos;
    while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
    fraction = text.slice(start, pos);
  }
  const numberEnd = pos;
  while (pos < end && suffixChars.includes(text.charAt(pos))) pos++;
  if (text[pos] === '-' || text[pos] === '+') pos++;
  while (pos < end && isDigit(text.charCodeAt(pos))) pos++;
  if (pos !== end) throw new QuantityError(formatWrong);
  const { exponent, format } = interpretSuffix(text.slice(numberEnd));
  return fastAmount(text, negative, num, fraction, exponent, format) ?? exactAmount(text.slice(0, numberEnd), negative, num + fraction, fraction.length, exponent, format);
}

function interpretSuffix(suffix: string): { exponent: number; format: QuantityFormat } {
  const decimal = decimalSuffixes[suffix];
  if (decimal !== undefined) return { exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes[suffix];
  if (binary !== undefined) return { exponent: binary, format: 'BinarySI' };
  if (suffix.length > 1 && (suffix[0] === 'e' || suffix[0] === 'E') && /^[+-]?[0-9]+$/.test(suffix.slice(1))) {
    const exponent = Number(suffix.slice(1));
    if (Math.abs(exponent) <= maxExponent) return { exponent, format: 'DecimalExponent' };
  }
  throw new QuantityError(suffixWrong);
}

/** Amounts that fit an int64 without rounding; a text that is canonical as far as upstream looks is kept as it is. */
function fastAmount(text: string, negative: boolean, num: string, fraction: string, exponent: number, format: QuantityFormat): Quantity | undefined {
  const binary = format === 'BinarySI';
  if (binary && fraction) return undefined;
  const precision = binary ? 15 - num.length - Math.trunc((exponent * 3) / 10) - 1 : maxDigits - num.length - fraction.length;
  const scale = (binary ? 0 : exponent) - fraction.length;
  if (precision < 0 || scale < nano) return undefined;
  const digits = num + fraction;
  const written = integer(digits);
  const amount = binary ? multiply(written, 2 ** exponent) : written;
  const keep = binary ? Number(written) % 8 !== 0 : scale % 3 === 0 && !digits.endsWith('000') && digits[0] !== '0';
  return { units: negative ? negate(amount) : amount, scale, format, ...(keep && { text }) };
}

/** Everything else: rounded up (away from zero) to billionths; binary amounts are capped at int64's maximum. */
function exactAmount(numberText: string, negative: boolean, digits: string, places: number, exponent: number, format: QuantityFormat): Quantity {
  if (!/[0-9]/.test(numberText)) throw new QuantityError(numericWrong);
  let units = BigInt(digits);
  let scale = -places;
  if (format === 'BinarySI') units *= 2n ** BigInt(exponent);
  else scale += exponent;
  if (units !== 0n && scale < nano) {
    units = divideAway(units, nano - scale);
    scale = nano;
  }
  if (format === 'BinarySI' && compareUnits(units, scale, maxInt64, 0) > 0) {
    units = maxInt64;
    scale = 0;
  }
  const tiny = format === 'BinarySI' && units > 0n && compareUnits(units, scale, 1, 0) < 0;
  return { units: shrink(negative ? -units : units), scale, format: tiny ? 'DecimalSI' : format };
}

/** `units / 10^places`, rounded away from zero. */
function divideAway(units: bigint, places: number): bigint {
  const magnitude = units < 0n ? -units : units;
  const sign = units < 0n ? -1n : 1n;
  if (magnitude === 0n) return 0n;
  if (places > magnitude.toString().length) return sign;
  const divisor = 10n ** BigInt(places);
  return sign * ((magnitude + divisor - 1n) / divisor);
}

const integer = (digits: string): number | bigint => (digits.length <= 15 ? Number(digits) : shrink(BigInt(digits)));
const shrink = (n: bigint): number | bigint => (n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n);
const negate = (n: number | bigint): number | bigint => (typeof n === 'bigint' ? -n : n === 0 ? 0 : -n);

function multiply(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product;
  }
  return shrink(BigInt(a) * BigInt(b));
}

/** `units` at a smaller or equal scale. */
const rescale = (units: number | bigint, by: number): number | bigint => (by === 0 || units === 0 ? units : by <= 15 ? multiply(units, 10 ** by) : shrink(BigInt(units) * 10n ** BigInt(by)));

function compareUnits(a: number | bigint, aScale: number, b: number | bigint, bScale: number): number {
  const left = aScale > bScale ? rescale(a, aScale - bScale) : a;
  const right = bScale > aScale ? rescale(b, bScale - aScale) : b;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** -1, 0 or 1; exact, whatever the forms. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const x = resolve(a);
  const y = resolve(b);
  return compareUnits(x.units, x.scale, y.units, y.scale);
}

export const isZeroQuantity = (q: Quantity | string): boolean => Number(resolve(q).units) === 0;
/** -1, 0 or 1. */
export const signOfQuantity = (q: Quantity | string): number => Math.sign(Number(resolve(q).units));

/** Exact sum. The form is the first one's, or the second's where the first is zero. */
export function addQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const x = resolve(a);
  const y = resolve(b);
  const scale = y.units === 0 ? x.scale : x.units === 0 ? y.scale : Math.min(x.scale, y.scale);
  const left = x.units === 0 ? 0 : rescale(x.units, x.scale - scale);
  const right = y.units === 0 ? 0 : rescale(y.units, y.scale - scale);
  const sum = typeof left === 'number' && typeof right === 'number' && Number.isSafeInteger(left + right) ? left + right : shrink(BigInt(left) + BigInt(right));
  return { units: sum, scale, format: x.units === 0 ? y.format : x.format };
}

/** Exact difference, in the form that `addQuantities` would give. */
export function subQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  return addQuantities(a, negQuantity(b));
}

export function negQuantity(q: Quantity | string): Quantity {
  const { units, scale, format } = resolve(q);
  return { units: negate(units), scale, format };
}

/** Exact product with an integer. */
export function mulQuantity(q: Quantity | string, factor: number | bigint): Quantity {
  const { units, scale, format } = resolve(q);
  return { units: multiply(units, factor), scale, format };
}

/** Of the two, the larger; the first where they are equal. */
export const maxQuantity = (a: Quantity | string, b: Quantity | string): Quantity => resolve(compareQuantities(a, b) >= 0 ? a : b);
/** Of the two, the smaller; the first where they are equal. */
export const minQuantity = (a: Quantity | string, b: Quantity | string): Quantity => resolve(compareQuantities(a, b) <= 0 ? a : b);

/** An amount of whole units. */
export const quantityOf = (amount: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity => ({ units: typeof amount === 'bigint' ? shrink(amount) : amount, scale: 0, format });
/** An amount of thousandths. */
export const milliQuantity = (amount: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity => ({ units: typeof amount === 'bigint' ? shrink(amount) : amount, scale: -3, format });

/** `q / 10^scale`, rounded away from zero. Beyond 2^53 the number is the nearest one. */
export function scaledValue(q: Quantity | string, scale: number): number {
  const { units, scale: own } = resolve(q);
  if (own === scale) return Number(units);
  if (own > scale) return Number(rescale(units, own - scale));
  const places = scale - own;
  if (typeof units === 'number' && places <= 15) {
    const divisor = 10 ** places;
    const whole = Math.trunc(units / divisor);
    // The remainder is exact where the quotient of two safe integers may not be.
    const rest = units % divisor;
    return rest === 0 ? whole + 0 : whole + Math.sign(units);
  }
  return Number(divideAway(BigInt(units), places));
}

/** Whole units, rounded away from zero: bytes of `1Ki`, cores of `100m` (1). */
export const quantityValue = (q: Quantity | string): number => scaledValue(q, 0);
/** Thousandths, rounded away from zero: `100m` → 100, `1` → 1000. */
export const milliValue = (q: Quantity | string): number => scaledValue(q, -3);
/** The nearest floating-point number. */
export function quantityToNumber(q: Quantity | string): number {
  const { units, scale } = resolve(q);
  return scale === 0 ? Number(units) : scale < 0 && scale >= -22 ? Number(units) / 10 ** -scale : Number(`${units}e${scale}`);
}

/** Canonical text, remembered on the quantity. */
export function formatQuantity(q: Quantity): string {
  q.text ??= canonicalText(q);
  return q.text;
}

function canonicalText({ units, scale, format }: Quantity): string {
  if (units === 0) return '0';
  if (format === 'BinarySI') {
    const small = compareUnits(units, scale, -1024, 0) > 0 && compareUnits(units, scale, 1024, 0) < 0;
    const whole = small ? undefined : wholeUnits(units, scale);
    if (whole !== undefined) {
      const { amount, times } = removeFactors(whole, 1024, 6);
      return `${amount}${binaryByPower[times]}`;
    }
  }
  let { amount, times } = removeFactors(units, 10, Number.POSITIVE_INFINITY);
  let exponent = scale + times;
  while (exponent % 3 !== 0) {
    amount = multiply(amount, 10);
    exponent--;
  }
  // Beyond E upstream writes no suffix at all, and so another number; an exponent keeps the value.
  const suffix = format === 'DecimalExponent' ? undefined : decimalByExponent.get(exponent);
  return `${amount}${suffix ?? (exponent === 0 ? '' : `e${exponent}`)}`;
}

/** The amount as an integer, or undefined where it has a fraction. */
function wholeUnits(units: number | bigint, scale: number): number | bigint | undefined {
  if (scale >= 0) return rescale(units, scale);
  const divisor = 10n ** BigInt(-scale);
  const big = BigInt(units);
  return big % divisor === 0n ? shrink(big / divisor) : undefined;
}

function removeFactors(units: number | bigint, base: number, limit: number): { amount: number | bigint; times: number } {
  let amount = units;
  let times = 0;
  while (times < limit) {
    if (typeof amount === 'bigint') {
      if (amount % BigInt(base) !== 0n) break;
      amount = shrink(amount / BigInt(base));
    } else {
      if (amount % base !== 0) break;
      amount /= base;
    }
    times++;
  }
  return { amount, times };
}
