/** What schemas that only narrow name must be part of the shape itself. Facts: apiextensions schema/complete. */
import { type FieldError, required } from '@pilothouse/apimachinery';
import type { JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

interface Places {
  /** Where the shape stands, and where it is narrowed. */
  shape: string;
  narrowing: string;
}

/** Every field and every list in `not`, `allOf`, `anyOf` and `oneOf` is in `shape` too. */
export function validateCompleteness(errors: FieldError[], narrowing: Schema, shape: Schema, at: Places): void {
  const inner = (schema: Schema, step: string) => validateNested(errors, schema, shape, { ...at, narrowing: `${at.narrowing}.${step}` });
  if (narrowing.not) inner(narrowing.not, 'not');
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) narrowing[key]?.forEach((schema, i) => inner(schema, `${key}[${i}]`));
}

function validateNested(errors: FieldError[], narrowing: Schema, shape: unknown, at: Places): void {
  if (!isSchema(shape)) return void errors.push(required(at.shape, `because it is defined in ${at.narrowing}`));
  validateCompleteness(errors, narrowing, shape, at);
  const below = (step: string): Places => ({ shape: `${at.shape}.${step}`, narrowing: `${at.narrowing}.${step}` });
  if (isSchema(narrowing.items)) validateNested(errors, narrowing.items, shape.items, below('items'));
  for (const [name, field] of Object.entries(narrowing.properties ?? {})) validateNested(errors, field, Object.hasOwn(shape.properties ?? {}, name) ? shape.properties![name] : undefined, below(`properties[${name}]`));
}
