/** What operators do with values of any types; what does not fit is "no such overload". */
import { addInts, checkedInt, compareToDouble, divideInts, moduloInts, multiplyInts, negateInt, subtractInts } from './integers.ts';
import { CelError, noSuchOverload } from './errors.ts';
import { AssociativeList, compareBytes, Double, Duration, equal, isInt, MapValue, Timestamp, typeOfValue, Uint, type Value } from './values.ts';

const maxUint = 2n ** 64n;
const minTime = -62135596800n * 1_000_000_000n;
const maxTime = 253402300799n * 1_000_000_000n + 999_999_999n;
const maxNanos = 2n ** 63n;

const uint = (value: bigint): Uint => {
  if (value < 0n || value >= maxUint) throw new CelError('unsigned integer overflow');
  return new Uint(value);
};
export const timestamp = (nanos: bigint): Timestamp => {
  if (nanos < minTime || nanos > maxTime) throw new CelError('timestamp overflow');
  return new Timestamp(nanos);
};
export const duration = (nanos: bigint): Duration => {
  if (nanos < -maxNanos || nanos >= maxNanos) throw new CelError('duration overflow');
  return new Duration(nanos);
};

/** A list that a fold grows in place; nothing else holds it while it does. */
export class GrowingList extends Array<Value> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
  growing = true;
}

const overloadError = (name: string, ...args: Value[]): CelError => new CelError(`no such overload: ${name}(${args.map((arg) => typeOfValue(arg).name).join(', ')})`);

export function add(a: Value, b: Value): Value {
  if (isInt(a)) {
    if (isInt(b)) return addInts(a, b);
  } else if (typeof a === 'string') {
    if (typeof b === 'string') return a + b;
  } else if (Array.isArray(a)) {
    if (Array.isArray(b)) return concat(a, b as readonly Value[]);
  } else if (a instanceof Double) {
    if (b instanceof Double) return new Double(a.value + b.value);
  } else if (a instanceof Uint) {
    if (b instanceof Uint) return uint(a.value + b.value);
  } else if (a instanceof Uint8Array) {
    if (b instanceof Uint8Array) {
      const sum = new Uint8Array(a.length + b.length);
      sum.set(a);
      sum.set(b, a.length);
      return sum;
    }
  } else if (a instanceof Duration) {
    if (b instanceof Duration) return duration(a.nanos + b.nanos);
    if (b instanceof Timestamp) return timestamp(a.nanos + b.nanos);
  } else if (a instanceof Timestamp) {
    if (b instanceof Duration) return timestamp(a.nanos + b.nanos);
  } else throw overloadError('_+_', a, b);
  throw noSuchOverload();
}

function concat(a: readonly Value[], b: readonly Value[]): readonly Value[] {
  if (a instanceof GrowingList && a.growing) {
    for (const element of b) a.push(element);
    return a;
  }
  return a instanceof AssociativeList ? a.plus(b) : Array.prototype.concat.call([], a, b);
}

export function subtract(a: Value, b: Value): Value {
  if (isInt(a)) {
    if (isInt(b)) return subtractInts(a, b);
  } else if (a instanceof Double) {
    if (b instanceof Double) return new Double(a.value - b.value);
  } else if (a instanceof Uint) {
    if (b instanceof Uint) return uint(a.value - b.value);
  } else if (a instanceof Timestamp) {
    if (b instanceof Duration) return timestamp(a.nanos - b.nanos);
    if (b instanceof Timestamp) return duration(a.nanos - b.nanos);
  } else if (a instanceof Duration) {
    if (b instanceof Duration) return duration(a.nanos - b.nanos);
  } else throw overloadError('_-_', a, b);
  throw noSuchOverload();
}

const numeric =
  (name: string, ints: (a: number | bigint, b: number | bigint) => Value, uints: (a: bigint, b: bigint) => bigint, doubles?: (a: number, b: number) => number) =>
  (a: Value, b: Value): Value => {
    if (isInt(a)) {
      if (isInt(b)) return ints(a, b);
    } else if (a instanceof Uint) {
      if (b instanceof Uint) return uint(uints(a.value, b.value));
    } else if (a instanceof Double && doubles) {
      if (b instanceof Double) return new Double(doubles(a.value, b.value));
    } else throw overloadError(name, a, b);
    throw noSuchOverload();
  };
const nonZero = (value: bigint, message: string): bigint => {
  if (value === 0n) throw new CelError(message);
  return value;
};
export const multiply = numeric('_*_', multiplyInts, (a, b) => a * b, (a, b) => a * b);
export const divide = numeric('_/_', divideInts, (a, b) => a / nonZero(b, 'division by zero'), (a, b) => a / b);
export const modulo = numeric('_%_', moduloInts, (a, b) => a % nonZero(b, 'modulus by zero'));

export function negate(a: Value): Value {
  if (isInt(a)) return negateInt(a);
  if (a instanceof Double) return new Double(-a.value);
  if (a instanceof Duration) return duration(-a.nanos);
  throw typeof a === 'boolean' ? noSuchOverload() : overloadError('-_', a);
}

export function not(a: Value): Value {
  if (typeof a !== 'boolean') throw noSuchOverload();
  return !a;
}

const order = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
const amount = (value: Value): number | bigint | undefined => (isInt(value) ? value : value instanceof Uint ? value.value : value instanceof Double ? value.value : undefined);

/** Strings compare by code point, as UTF-8 bytes do. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above all others.
    const highX = x >= 0xd800 && x < 0xe000;
    const highY = y >= 0xd800 && y < 0xe000;
    return highX === highY ? order(x, y) : highX ? 1 : -1;
  }
  return order(a.length, b.length);
}

/** -1, 0 or 1. @throws CelError where the two have no order; `name` is the operator's */
export function compare(a: Value, b: Value, name: string): number {
  const left = amount(a);
  if (left !== undefined) {
    const right = amount(b);
    if (right === undefined) throw noSuchOverload();
    if (Number.isNaN(left) || Number.isNaN(right)) throw new CelError('NaN values cannot be ordered');
    if (b instanceof Double) return compareToDouble(left, b.value);
    return a instanceof Double ? -compareToDouble(right, a.value) : order(left, right);
  }
  if (typeof a === 'string') {
    if (typeof b === 'string') return compareStrings(a, b);
  } else if (typeof a === 'boolean') {
    if (typeof b === 'boolean') return order(Number(a), Number(b));
  } else if (a instanceof Timestamp) {
    if (b instanceof Timestamp) return order(a.nanos, b.nanos);
  } else if (a instanceof Duration) {
    if (b instanceof Duration) return order(a.nanos, b.nanos);
  } else if (a instanceof Uint8Array) {
    if (b instanceof Uint8Array) return compareBytes(a, b);
  } else throw overloadError(name, a, b);
  throw noSuchOverload();
}

export function contains(element: Value, collection: Value): boolean {
  if (Array.isArray(collection)) {
    for (const other of collection as readonly Value[]) if (equal(element, other)) return true;
    return false;
  }
  if (collection instanceof MapValue) return collection.find(element) !== undefined;
  throw overloadError('@in', element, collection);
}

/** A number that is an index, whatever its type. @throws CelError */
export function indexOf(index: Value): number | bigint {
  if (isInt(index)) return index;
  if (index instanceof Uint) return index.value;
  if (index instanceof Double && Number.isInteger(index.value)) return index.value;
  if (index instanceof Double) throw new CelError(`unsupported index value ${index.value} in list`);
  throw new CelError(`unsupported index type '${typeOfValue(index).name}' in list`);
}

export { checkedInt, overloadError, uint };
