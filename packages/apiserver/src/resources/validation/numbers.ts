import { type FieldError, invalid, negativeText, percent } from '@pilothouse/apimachinery';
import { checkName } from './check-name.ts';

/** The named numbers of an object, where they are set, are not negative. */
export function nonnegative<T extends object>(errors: FieldError[], object: T | undefined, path: string, ...keys: (keyof T & string)[]): void {
  for (const key of keys) {
    const value = object?.[key] as number | undefined;
    if (typeof value === 'number' && value < 0) errors.push(invalid(`${path}.${key}`, value, negativeText));
  }
}

/** Counters that cannot be more than another. */
export function notMoreThan<T extends object>(errors: FieldError[], object: T, path: string, than: keyof T & string, message: string, ...keys: (keyof T & string)[]): void {
  const limit = (object[than] as number | undefined) ?? 0;
  for (const key of keys) {
    const value = (object[key] as number | undefined) ?? 0;
    if (value > limit) errors.push(invalid(`${path}.${key}`, value, message));
  }
}

export function notDecremented(errors: FieldError[], now: number | undefined, before: number | undefined, path: string): void {
  if (before !== undefined && (now ?? -1) < before) errors.push(invalid(path, now ?? 0, 'cannot be decremented'));
}

/** A number that is not negative, or a percentage. */
export function validateIntOrPercent(errors: FieldError[], value: number | string | undefined, path: string): void {
  if (typeof value === 'string') checkName(errors, path, value, percent);
  else if ((value ?? 0) < 0) errors.push(invalid(path, value, negativeText));
}

const percentOf = (value: number | string | undefined): number | undefined => (typeof value === 'string' && percent(value).length === 0 ? Number(value.slice(0, -1)) : undefined);

/** The number before the percent sign, or the number itself; text that is neither counts as 0. */
export const intOrPercent = (value: number | string | undefined): number => percentOf(value) ?? (typeof value === 'number' ? value : Number.parseInt(String(value ?? 0), 10) || 0);

export function notMoreThan100Percent(errors: FieldError[], value: number | string | undefined, path: string): void {
  if ((percentOf(value) ?? 0) > 100) errors.push(invalid(path, value, 'must not be greater than 100%'));
}
