/** Going into values: fields, keys, indices; optional values are gone through. */
import { CelError } from './errors.ts';
import { indexOf } from './operators.ts';
import { display, isList, MapValue, none, Optional, type Value } from './values.ts';

const missing = (key: Value): CelError => new CelError(`no such key: ${display(key)}`);

/** What is at a key or index; undefined where nothing is. @throws CelError for what has no parts */
export function lookUp(operand: Value, key: Value): Value | undefined {
  if (operand instanceof MapValue) return operand.find(key);
  if (isList(operand)) {
    const index = Number(indexOf(key));
    return index >= 0 && index < operand.length ? operand[index] : undefined;
  }
  throw missing(key);
}

/** @throws CelError where nothing is there */
export function qualify(operand: Value, key: Value): Value {
  if (operand instanceof Optional) return qualifyOptional(operand, key);
  const value = lookUp(operand, key);
  if (value !== undefined) return value;
  throw isList(operand) ? new CelError(`index out of bounds: ${display(key)}`) : missing(key);
}

/** `operand.?key`, `operand[?key]`, and everything after them. */
export function qualifyOptional(operand: Value, key: Value): Optional {
  const inner = operand instanceof Optional ? operand.value : operand;
  if (inner === undefined) return none;
  if (!(inner instanceof MapValue) && !isList(inner)) return none;
  const value = lookUp(inner, key);
  return value === undefined ? none : new Optional(value);
}

/** `has(operand.field)`. */
export function isPresent(operand: Value, field: string): boolean {
  const inner = operand instanceof Optional ? operand.value : operand;
  if (inner === undefined) return false;
  return inner instanceof MapValue && inner.find(field) !== undefined;
}
