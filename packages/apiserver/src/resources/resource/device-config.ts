/** Parameters that drivers read and nobody else. */
import { type FieldError, invalid, required, tooLong } from '@pilothouse/apimachinery';
import type { OpaqueDeviceConfiguration } from '@pilothouse/api-schemas/types/resource/v1';
import { validateCsiDriverName } from '../validation/volume-sources.ts';

export const mostConfigurations = 32;
const longestParameters = 10 * 1024;

/** An object in JSON, at most 10 KiB. */
export function validateRawObject(errors: FieldError[], value: unknown, path: string): void {
  if (value === undefined || value === null) errors.push(required(path));
  else if (Buffer.byteLength(JSON.stringify(value)) > longestParameters) errors.push(tooLong(path, longestParameters));
  else if (typeof value !== 'object' || Array.isArray(value)) errors.push(invalid(path, '<value omitted>', 'must be a valid JSON object'));
}

export function validateOpaque(errors: FieldError[], opaque: OpaqueDeviceConfiguration | undefined, path: string): void {
  if (!opaque) return void errors.push(required(path));
  validateCsiDriverName(errors, opaque.driver, `${path}.driver`);
  validateRawObject(errors, opaque.parameters, `${path}.parameters`);
}
