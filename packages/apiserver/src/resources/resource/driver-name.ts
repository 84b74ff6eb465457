import { dns1123Subdomain, type FieldError, invalid, required, tooLong } from '@pilothouse/apimachinery';

export function validateDriverName(errors: FieldError[], name: string, path: string): void {
  if (!name) return void errors.push(required(path));
  if (name.length > 63) errors.push(tooLong(path, 63));
  for (const message of dns1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, message));
}
