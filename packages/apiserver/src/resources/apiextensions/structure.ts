/** That a schema is structural: tells the whole shape of what it is about. Facts: apiextensions schema/validation. */
import { type FieldError, forbidden, goRegExp, invalid, required } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import type { JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { same } from '../validation/equality.ts';
import { validateCompleteness } from './completeness.ts';

type Level = 'root' | 'item' | 'field';

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const entries = (map: unknown): [string, Schema][] => Object.entries((map ?? {}) as Record<string, Schema>);
const given = (value: unknown): boolean => value !== undefined && value !== null;

const missingType: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function problemOfPattern(pattern: string): string | undefined {
  try {
    goRegExp(pattern);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const intOrString = [{ type: 'integer' }, { type: 'string' }];

/** The schemas that only narrow: under `allOf`, `anyOf`, `oneOf`, `not`. They may not say what fields there are. */
function validateNarrowing(errors: FieldError[], schema: Schema, path: string): void {
  validateValues(errors, schema, path);
  if (isSchema(schema.items)) validateNarrowing(errors, schema.items, `${path}.items`);
  for (const [name, property] of entries(schema.properties)) validateNarrowing(errors, property, `${path}.properties[${name}]`);
  if (schema.type) errors.push(forbidden(`${path}.type`, 'must be empty to be structural'));
  if (given(schema.additionalProperties) && schema.additionalProperties !== false) errors.push(forbidden(`${path}.additionalProperties`, 'must be undefined to be structural'));
  if (given(schema.default)) errors.push(forbidden(`${path}.default`, 'must be undefined to be structural'));
  for (const key of ['title', 'description'] as const) if (schema[key]) errors.push(forbidden(`${path}.${key}`, 'must be empty to be structural'));
  for (const key of ['nullable', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'] as const)
    if (schema[key]) errors.push(forbidden(`${path}.${key}`, 'must be false to be structural'));
  for (const key of ['x-kubernetes-list-map-keys', 'x-kubernetes-validations'] as const) if (schema[key]?.length) errors.push(forbidden(`${path}.${key}`, 'must be empty to be structural'));
  for (const key of ['x-kubernetes-list-type', 'x-kubernetes-map-type'] as const) if (given(schema[key])) errors.push(forbidden(`${path}.${key}`, 'must be undefined to be structural'));
  if (schema.properties && 'metadata' in schema.properties) errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
}

function validateValues(errors: FieldError[], schema: Schema, path: string, ofShape = false): void {
  // The one way in which a shape may tell types here: that they are integers or strings.
  const isIntOrString = (list: unknown): boolean => ofShape && same(list, intOrString);
  if (!isIntOrString(schema.anyOf)) schema.anyOf?.forEach((inner, i) => validateNarrowing(errors, inner, `${path}.anyOf[${i}]`));
  schema.allOf?.forEach((inner, i) => {
    const { anyOf, ...rest } = inner;
    validateNarrowing(errors, i === 0 && isIntOrString(anyOf) ? (rest as Schema) : inner, `${path}.allOf[${i}]`);
  });
  schema.oneOf?.forEach((inner, i) => validateNarrowing(errors, inner, `${path}.oneOf[${i}]`));
  if (schema.not) validateNarrowing(errors, schema.not, `${path}.not`);
  const problem = schema.pattern ? problemOfPattern(schema.pattern) : undefined;
  if (problem) errors.push(invalid(`${path}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${problem}`));
}

function validateMetadataSchema(errors: FieldError[], schema: Schema, level: Level, path: string): void {
  if (schema.type !== 'object') errors.push(invalid(`${path}.type`, schema.type ?? '', 'must be object'));
  if (level !== 'root') return;
  const { type: _, default: __, properties = {}, ...rest } = schema;
  const known = Object.keys(properties).every((name) => name === 'name' || name === 'generateName');
  if (!known || Object.keys(rest).length) errors.push(forbidden(path, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
}

/** That the whole shape is told by types, properties and items. */
function validateShape(errors: FieldError[], schema: Schema, level: Level, path: string): void {
  const { type = '', items, properties, additionalProperties: others } = schema;
  const embedded = Boolean(schema['x-kubernetes-embedded-resource']);
  const preserves = Boolean(schema['x-kubernetes-preserve-unknown-fields']);
  const either = Boolean(schema['x-kubernetes-int-or-string']);
  if (type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'));
  if (isSchema(items)) validateShape(errors, items, 'item', `${path}.items`);
  for (const [name, property] of entries(properties)) validateShape(errors, property, 'field', `${path}.properties[${name}]`);
  if (given(others) && level === 'root') errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  if (isSchema(others)) validateShape(errors, others, 'field', `${path}.additionalProperties`);
  if (either && preserves) errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, 'must be false if x-kubernetes-int-or-string is true'));
  if (either && embedded) errors.push(invalid(`${path}.x-kubernetes-embedded-resource`, true, 'must be false if x-kubernetes-int-or-string is true'));
  validateValues(errors, schema, path, true);
  const mustBeObject = 'must be object if x-kubernetes-embedded-resource is true';
  if (embedded && type !== 'object') errors.push(type ? invalid(`${path}.type`, type, mustBeObject) : required(`${path}.type`, mustBeObject));
  else if (!type && !either && !preserves) errors.push(required(`${path}.type`, missingType[level]));
  if (embedded && given(others)) errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type && type !== 'object') errors.push(invalid(`${path}.type`, type, 'must be object at the root'));
  if (level === 'root' || embedded) {
    for (const name of ['kind', 'apiVersion']) {
      const property = entries(properties).find(([key]) => key === name)?.[1];
      if (property && property.type !== 'string') errors.push(invalid(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'));
    }
    const metadata = entries(properties).find(([key]) => key === 'metadata')?.[1];
    if (metadata) validateMetadataSchema(errors, metadata, level, `${path}.properties[metadata]`);
  }
  if (embedded && !preserves && !entries(properties).length) errors.push(required(`${path}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
}

/** In the order of their texts. */
export function validateStructure(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  validateShape(errors, schema, 'root', path);
  validateCompleteness(errors, schema, schema, { shape: path, narrowing: path });
  const text = ({ field, message }: FieldError): string => `${field}: ${message}`;
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
}

/** Why the schema is not structural, in words: `path: what`. */
export const structuralFaults = (schema: Schema, path: string): string[] => validateStructure(schema, path).map(({ field, message }) => `${field}: ${message}`);
