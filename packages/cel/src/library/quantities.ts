/** `quantity()` and `semver()`. */
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity, quantityError, quantityOf, quantityToNumber, signOfQuantity, subQuantities } from '@pilothouse/apimachinery';
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import { type Int, inInt64, intOf } from '../eval/integers.ts';
import { Double, type Opaque } from '../eval/values.ts';
import { boolType, doubleType, intType, stringType, structOf } from '../types.ts';

export const quantityType = structOf('kubernetes.Quantity');
export const semverType = structOf('kubernetes.Semver');

export class QuantityValue implements Opaque {
  readonly celType = quantityType;
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
  equals(other: QuantityValue): boolean {
    return compareQuantities(this.quantity, other.quantity) === 0;
  }
  toString(): string {
    return formatQuantity(this.quantity);
  }
}

function toQuantity(text: string): QuantityValue {
  const why = quantityError(text);
  if (why) throw new CelError(why);
  return new QuantityValue(parseQuantity(text));
}
/** The amount where it is a whole number of 64 bits. */
function wholeOf({ quantity: { units, scale } }: QuantityValue): Int | undefined {
  const amount = BigInt(units);
  const power = 10n ** BigInt(Math.abs(scale));
  if (scale < 0 && amount % power !== 0n) return undefined;
  const whole = scale < 0 ? amount / power : amount * power;
  return inInt64(whole) ? intOf(whole) : undefined;
}
function asInteger(value: QuantityValue): Int {
  const whole = wholeOf(value);
  if (whole === undefined) throw new CelError('cannot convert value to integer');
  return whole;
}
const cmp = (a: QuantityValue, b: QuantityValue): number => compareQuantities(a.quantity, b.quantity);
const two = [quantityType, quantityType];
const ofInt = (value: Int): Quantity => quantityOf(value, 'DecimalExponent');

interface Version {
  numbers: readonly bigint[];
  pre: readonly string[];
}
class Semver implements Opaque {
  readonly celType = semverType;
  readonly version: Version;
  constructor(version: Version) {
    this.version = version;
  }
  equals(other: Semver): boolean {
    return compareVersions(this.version, other.version) === 0;
  }
}

const numeric = (text: string): boolean => /^\d+$/.test(text);
function comparePre(a: readonly string[], b: readonly string[]): number {
  if (!a.length || !b.length) return Math.sign(b.length - a.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] === b[i]) continue;
    if (numeric(a[i]) !== numeric(b[i])) return numeric(a[i]) ? -1 : 1;
    if (numeric(a[i])) return BigInt(a[i]) < BigInt(b[i]) ? -1 : 1;
    return a[i] < b[i] ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}
function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) if (a.numbers[i] !== b.numbers[i]) return a.numbers[i] < b.numbers[i] ? -1 : 1;
  return comparePre(a.pre, b.pre);
}

/** As github.com/blang/semver reads versions, with its words. */
function parseVersion(text: string): Version {
  if (!text) throw new CelError('Version string empty');
  const parts = splitThree(text);
  if (parts.length !== 3) throw new CelError('No Major.Minor.Patch elements found');
  const [major, minor, tail] = parts;
  const match = /^([^+-]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(tail)!;
  const names = ['major', 'minor', 'patch'];
  const numbers = [major, minor, match[1]].map((part, i) => {
    if (!numeric(part)) throw new CelError(i === 2 && part === '' ? 'strconv.ParseUint: parsing "": invalid syntax' : `Invalid character(s) found in ${names[i]} number ${JSON.stringify(part)}`);
    if (part.length > 1 && part.startsWith('0')) throw new CelError(`${names[i][0].toUpperCase()}${names[i].slice(1)} number must not contain leading zeroes ${JSON.stringify(part)}`);
    return BigInt(part);
  });
  const pre = match[2] === undefined ? [] : match[2].split('.');
  for (const part of pre) {
    if (!part) throw new CelError('Prerelease is empty');
    if (!/^[0-9A-Za-z-]+$/.test(part)) throw new CelError(`Invalid character(s) found in prerelease ${JSON.stringify(part)}`);
    if (numeric(part) && part.length > 1 && part.startsWith('0')) throw new CelError(`Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(part)}`);
  }
  for (const part of match[3]?.split('.') ?? []) {
    if (!part) throw new CelError('Build meta data is empty');
    if (!/^[0-9A-Za-z-]+$/.test(part)) throw new CelError(`Invalid character(s) found in build meta data ${JSON.stringify(part)}`);
  }
  return { numbers, pre };
}
function splitThree(text: string): string[] {
  const [major, minor, ...rest] = text.split('.');
  return rest.length ? [major, minor, rest.join('.')] : minor === undefined ? [major] : [major, minor];
}
/** Lenient: a leading v, leading zeros, missing numbers. @throws CelError */
function normalized(text: string): string {
  const parts = splitThree(text.replace(/^v/, '')).map((part) => (part.length > 1 ? part.replace(/^0+/, '').replace(/^(?!\d)/, '0') : part));
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!)) throw new CelError('short version cannot contain PreRelease/Build meta data');
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
}
export const toSemver = (text: string, lenient = false): Semver => new Semver(parseVersion(lenient ? normalized(text) : text));
function isSemver(text: string, lenient = false): boolean {
  try {
    toSemver(text, lenient);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
}
const compareSemver = (a: Semver, b: Semver): number => compareVersions(a.version, b.version);
const versions = [semverType, semverType];
const versionPart = (name: string, index: number) => declare(name, member(`semver_${name}`, [semverType], intType, ({ version }: Semver) => intOf(version.numbers[index])));

export const quantitiesLibrary: Library = {
  functions: [
    declare('quantity', overload('string_to_quantity', [stringType], quantityType, toQuantity)),
    declare('isQuantity', overload('is_quantity_string', [stringType], boolType, (text: string) => quantityError(text) === undefined)),
    declare('sign', member('quantity_sign', [quantityType], intType, ({ quantity }: QuantityValue) => signOfQuantity(quantity))),
    declare('isGreaterThan', member('quantity_is_greater_than', two, boolType, (a: QuantityValue, b: QuantityValue) => cmp(a, b) > 0), member('semver_is_greater_than', versions, boolType, (a: Semver, b: Semver) => compareSemver(a, b) > 0)),
    declare('isLessThan', member('quantity_is_less_than', two, boolType, (a: QuantityValue, b: QuantityValue) => cmp(a, b) < 0), member('semver_is_less_than', versions, boolType, (a: Semver, b: Semver) => compareSemver(a, b) < 0)),
    declare('compareTo', member('quantity_compare_to', two, intType, cmp), member('semver_compare_to', versions, intType, compareSemver)),
    declare('asApproximateFloat', member('quantity_get_float', [quantityType], doubleType, ({ quantity }: QuantityValue) => new Double(quantityToNumber(quantity)))),
    declare('asInteger', member('quantity_get_int', [quantityType], intType, asInteger)),
    declare('isInteger', member('quantity_is_integer', [quantityType], boolType, (value: QuantityValue) => wholeOf(value) !== undefined)),
    declare('add', member('quantity_add', two, quantityType, (a: QuantityValue, b: QuantityValue) => new QuantityValue(addQuantities(a.quantity, b.quantity))), member('quantity_add_int', [quantityType, intType], quantityType, (a: QuantityValue, b: Int) => new QuantityValue(addQuantities(a.quantity, ofInt(b))))),
    declare('sub', member('quantity_sub', two, quantityType, (a: QuantityValue, b: QuantityValue) => new QuantityValue(subQuantities(a.quantity, b.quantity))), member('quantity_sub_int', [quantityType, intType], quantityType, (a: QuantityValue, b: Int) => new QuantityValue(subQuantities(a.quantity, ofInt(b))))),
    declare('semver', overload('string_to_semver', [stringType], semverType, toSemver), overload('string_bool_to_semver', [stringType, boolType], semverType, toSemver)),
    declare('isSemver', overload('is_semver_string', [stringType], boolType, isSemver), overload('is_semver_string_bool', [stringType, boolType], boolType, isSemver)),
    versionPart('major', 0),
    versionPart('minor', 1),
    versionPart('patch', 2),
  ],
};
