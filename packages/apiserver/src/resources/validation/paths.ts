/** Rules for file paths inside API objects. */
import { invalid, type FieldError } from '@pilothouse/apimachinery';

export const fileModeMessage = 'must be a number between 0 and 0777 (octal), both inclusive';

export function validateFileMode(errors: FieldError[], mode: number | undefined, path: string): void {
  if (mode !== undefined && (mode > 0o777 || mode < 0)) errors.push(invalid(path, mode, fileModeMessage));
}

export function validateNoBacksteps(errors: FieldError[], target: string, path: string): void {
  if (target.split('/').includes('..')) errors.push(invalid(path, target, "must not contain '..'"));
}

/** Relative and without `..`. */
export function validateDescendingPath(errors: FieldError[], target: string, path: string): void {
  if (target.startsWith('/')) errors.push(invalid(path, target, 'must be a relative path'));
  validateNoBacksteps(errors, target, path);
}

/** A descending path that does not begin with two dots either: such names are kept for atomic writers. */
export function validateNonReservedPath(errors: FieldError[], target: string, path: string): void {
  validateDescendingPath(errors, target, path);
  if (target.startsWith('..') && !target.startsWith('../')) errors.push(invalid(path, target, "must not start with '..'"));
}
