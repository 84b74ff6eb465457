import { invalid, type FieldError } from '@pilothouse/apimachinery';

/** Adds one Invalid finding per complaint of the check, which is one of the grammars of names or numbers. */
export function checkName<T>(errors: FieldError[], path: string, value: T, check: (value: T) => readonly string[]): void {
  for (const message of check(value)) errors.push(invalid(path, value, message));
}
