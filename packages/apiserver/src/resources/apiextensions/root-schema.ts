import { type FieldError, forbidden, invalid } from '@pilothouse/apimachinery';
import type { JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { internalSchema, schemaFields } from './internal-schema.ts';

const allowed = ['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength', 'Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example', 'XPreserveUnknownFields', 'XValidations'];
const withStatus = 'root of the schema if the status subresource is enabled';

/** What may not be said of a custom resource as a whole; of those the status subresource forbids only the first. */
export function validateRoot(errors: FieldError[], schema: Schema, path: string, statusEnabled: boolean): void {
  for (const [name, key, absent] of statusEnabled ? schemaFields : []) {
    const value = schema[key] ?? absent;
    if (value === absent || (name === 'Type' && value === 'object')) continue;
    if (name === 'Type') {
      errors.push(invalid(`${path}.type`, value, `only "object" is allowed as the type at the ${withStatus}`));
      break;
    }
    if (!allowed.includes(name)) {
      errors.push(invalid(path, internalSchema(schema), `only [${allowed.join(' ')}] fields are allowed at the ${withStatus}`));
      break;
    }
  }
  if (schema.nullable) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
}
