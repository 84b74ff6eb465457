import { findings as words, type Finding } from './findings.ts';
import type { JSONSchemaProps } from './schema.ts';

/** `format` is one that goes with the schema's type, or ''. */
export function checkNumber(value: number | bigint, schema: JSONSchemaProps, format: string, path: string): Finding[] {
  const errors: Finding[] = [];
  const { multipleOf, maximum, minimum } = schema;
  const type = schema['x-kubernetes-int-or-string'] ? '' : (schema.type ?? '');
  /** The bound as upstream compares by it: a whole value is held against a whole number, where the bound can be one of the schema's type. */
  const bound = (given: number, what: string): number => {
    const range = outOfRange(given, type, format);
    if (range) errors.push(words.plain(`${what} value must be of type ${range} in ${path}`));
    return !range && isInteger(value) ? Math.trunc(given) : given;
  };
  const range = outOfRange(value, type, format);
  if (range) errors.push(words.plain(`Checked value must be of type ${range} in ${path}`));
  if (multipleOf !== undefined) {
    const factor = bound(multipleOf, 'MultipleOf');
    if (factor <= 0) errors.push(words.notPositive(path, factor));
    else if (!isMultiple(value, factor)) errors.push(words.multipleOf(path, factor, value));
  }
  if (minimum !== undefined) {
    const least = bound(minimum, 'Minimum boundary');
    if (schema.exclusiveMinimum ? value <= least : value < least) errors.push(words.minimum(path, least, schema.exclusiveMinimum === true, value));
  }
  if (maximum !== undefined) {
    const most = bound(maximum, 'Maximum boundary');
    if (schema.exclusiveMaximum ? value >= most : value > most) errors.push(words.maximum(path, most, schema.exclusiveMaximum === true, value));
  }
  return errors;
}

const isInteger = (value: number | bigint): boolean => typeof value === 'bigint' || Number.isInteger(value);

function isMultiple(value: number | bigint, factor: number): boolean {
  if (typeof value === 'bigint' && Number.isInteger(factor)) return value % BigInt(factor) === 0n;
  return isWhole(factor < 1 ? (1 / factor) * Number(value) : Number(value) / factor);
}

const epsilon = 1e-9;

/** A whole number but for what calculating with fractions leaves; none that JSON cannot carry. */
function isWhole(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const distance = Math.abs(value - Math.trunc(value));
  return distance === 0 || distance / (Math.abs(value) + Math.abs(Math.trunc(value))) < epsilon || distance < epsilon;
}

/** The type and format that the value is too large for. */
function outOfRange(value: number | bigint, type: string, format: string): string | undefined {
  if (type === 'integer') {
    const whole = isInteger(value);
    if (format === 'int32') return whole && value >= -(2 ** 31) && value < 2 ** 31 ? undefined : 'integer with format int32';
    if (whole && value >= -(2 ** 63) && value < 2 ** 63) return undefined;
    return format ? `integer with format ${format}` : 'integer (default format)';
  }
  if (type === 'number' && format === 'float') return Math.abs(Number(value)) <= 3.4028234663852886e38 ? undefined : 'number with format float';
  return undefined;
}
