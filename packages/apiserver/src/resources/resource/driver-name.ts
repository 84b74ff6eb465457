import { invalid, required, tooLong, type FieldError } from '@pilothouse/apimachinery';
import { isDns1123Subdomain } from '../validation/names.ts';

export function validateDriverName(errors: FieldError[], name: string, path: string): void {
  if (!name) return void errors.push(required(path));
  if (name.length > 63) errors.push(tooLong(path, 63));
  for (const message of isDns1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, message));
}
