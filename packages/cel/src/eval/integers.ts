/**
 * CEL's `int`: a 64-bit signed integer, held as a number while that is exact and as a bigint beyond. Every function
 * gives the one form that fits, so equal integers are identical values.
 */
import { CelError } from './errors.ts';

export type Int = number | bigint;

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
const minSafe = BigInt(Number.MIN_SAFE_INTEGER);
const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

export const inInt64 = (value: bigint): boolean => value >= minInt64 && value <= maxInt64;
/** The canonical form of an integer that is in range. */
export const intOf = (value: bigint): Int => (value >= minSafe && value <= maxSafe ? Number(value) : value);

/** @throws CelError outside 64 bits */
export function checkedInt(value: bigint, message = 'integer overflow'): Int {
  if (!inInt64(value)) throw new CelError(message);
  return intOf(value);
}

export function addInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return checkedInt(BigInt(a) + BigInt(b));
}
export function subtractInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return checkedInt(BigInt(a) - BigInt(b));
}
export function multiplyInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    // Adding 0 makes -0 plain.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return checkedInt(BigInt(a) * BigInt(b));
}
/** Rounds towards zero. */
export function divideInts(a: Int, b: Int): Int {
  if (b === 0) throw new CelError('division by zero');
  if (typeof a === 'number' && typeof b === 'number') return Math.trunc(a / b) + 0 === a / b || Math.abs(a) < 2 ** 51 ? Math.trunc(a / b) + 0 : intOf(BigInt(a) / BigInt(b));
  return checkedInt(BigInt(a) / BigInt(b));
}
/** The sign is the dividend's. */
export function moduloInts(a: Int, b: Int): Int {
  if (b === 0) throw new CelError('modulus by zero');
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0;
  if (a === minInt64 && b === -1) throw new CelError('integer overflow');
  return intOf(BigInt(a) % BigInt(b));
}
export const negateInt = (a: Int): Int => (typeof a === 'number' ? 0 - a : checkedInt(-a));

/** -1, 0 or 1 for an integer and a double that is a number: what lies in range is compared as a double, as upstream does. */
export function compareToDouble(a: number | bigint, b: number): number {
  const left = Number(a);
  return left < b ? -1 : left > b ? 1 : 0;
}
