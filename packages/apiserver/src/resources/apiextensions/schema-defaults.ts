import { DecodeError, type FieldError, invalid } from '@pilothouse/apimachinery';
import { compileValidator, EmbeddedResourceError, fieldErrors, isSchema, type JSONSchemaProps as Schema, prune, structuralOf } from '@pilothouse/apimachinery/structural/index';
import { validateEmbedded } from '../../custom-resources/embedded.ts';

/** Every default is a value of its own schema, and has no field that the schema does not know. Facts: apiextensions defaulting/validation. */
export function validateDefaults(schema: Schema, path: string): FieldError[] {
  const errors = schema.default === undefined || schema.default === null ? [] : validateDefault(schema.default, schema, `${path}.default`);
  if (isSchema(schema.items)) errors.push(...validateDefaults(schema.items, `${path}.items`));
  for (const [name, property] of Object.entries(schema.properties ?? {})) errors.push(...validateDefaults(property, `${path}.properties[${name}]`));
  return errors;
}

function validateDefault(value: unknown, schema: Schema, path: string): FieldError[] {
  const structural = structuralOf({ type: 'object', properties: { value: schema } });
  const errors: FieldError[] = [];
  try {
    if (prune({ value }, structural).unknown.length) errors.push(invalid(path, value, 'must not have unknown fields'));
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof EmbeddedResourceError)) throw error;
    return [invalid(path, value, error.message)];
  }
  const embedded = validateEmbedded({ value }, structural).map((error) => ({ ...error, field: path + error.field.slice('value'.length) }));
  if (embedded.length) return [...errors, ...embedded];
  return [...errors, ...fieldErrors(compileValidator(anyNumberOrString(schema))(value, undefined, '').errors, path)];
}

/** The schema as upstream checks defaults by it: where a number or a string may stand, anything may. */
function anyNumberOrString(schema: Schema): Schema {
  const { 'x-kubernetes-int-or-string': _, ...rest } = schema;
  const out: Schema = { ...rest };
  if (isSchema(out.items)) out.items = anyNumberOrString(out.items);
  if (isSchema(out.additionalProperties)) out.additionalProperties = anyNumberOrString(out.additionalProperties);
  if (out.properties) out.properties = Object.fromEntries(Object.entries(out.properties).map(([name, property]) => [name, anyNumberOrString(property)]));
  return out;
}
