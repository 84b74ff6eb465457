/** What the schema of a custom resource must be like: structural, and free of what pruning and merging cannot follow. Facts: apiextensions validation. */
import { type FieldError, forbidden, invalid, notSupported, required } from '@pilothouse/apimachinery';
import { checkSchemaRules, fieldPathOf, type RuleSchema } from '@pilothouse/cel';
import type { JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { validateListType } from './list-types.ts';
import { validateRoot } from './root-schema.ts';
import { validateDefaults } from './schema-defaults.ts';
import { validateStructure } from './structure.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const entries = (map: unknown): [string, Schema][] => Object.entries((map ?? {}) as Record<string, Schema>);

const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const;
const given = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
const filled = (map: unknown): boolean => Object.keys(map ?? {}).length > 0;

/** What no structure can be told of. */
const hasUnsupported = (schema: Schema): boolean =>
  (['id', '$schema', '$ref', 'additionalItems'] as const).some((key) => given(schema[key])) ||
  (['patternProperties', 'dependencies', 'definitions'] as const).some((key) => filled(schema[key])) ||
  schema['x-kubernetes-preserve-unknown-fields'] === false ||
  (Array.isArray(schema.items) && schema.items.length > 0) ||
  [schema.items, schema.additionalProperties, schema.not, ...Object.values(schema.properties ?? {}), ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((inner) => isSchema(inner) && hasUnsupported(inner));

/** Where a schema stands. */
interface Place {
  root: boolean;
  /** Within what is about the names and labels of an object. */
  meta: boolean;
  /** Defaults are refused, and why. */
  noDefaults?: string;
}

const metaFields = ['metadata', 'kind', 'apiVersion'];

/** What a schema may not say itself. */
function validateOwn(errors: FieldError[], schema: Schema, path: string, place: Place): void {
  const { type = '' } = schema;
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  if (place.noDefaults && schema.default !== undefined && schema.default !== null) errors.push(forbidden(`${path}.default`, `must not be set ${place.noDefaults}`));
  for (const key of unsupported) {
    const value = schema[key];
    const absent = value === undefined || value === null || (key === 'id' ? value === '' : (key === 'patternProperties' || key === 'definitions') && !filled(value));
    if (!absent) errors.push(forbidden(`${path}.${key}`, `${key} is not supported`));
  }
  if (type === 'null') errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items) && schema.items.length) errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (place.meta && schema['x-kubernetes-embedded-resource']) errors.push(forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const lines = /[\n\r]/;

function validateRules(errors: FieldError[], schema: Schema, path: string): void {
  schema['x-kubernetes-validations']?.forEach((rule, i) => {
    const at = `${path}.x-kubernetes-validations[${i}]`;
    const text = rule.rule?.trim() ?? '';
    const message = rule.message?.trim() ?? '';
    if (!text) errors.push(required(`${at}.rule`, 'rule is not specified'));
    else if (rule.message && !message) errors.push(invalid(`${at}.message`, rule.message, 'must be non-empty if specified'));
    else if (lines.test(message)) errors.push(invalid(`${at}.message`, rule.message, 'must not contain line breaks'));
    else if (lines.test(text) && !message) errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
    if (rule.messageExpression && !rule.messageExpression.trim()) errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
    if (rule.reason !== undefined && !reasons.includes(rule.reason)) errors.push(notSupported(`${at}.reason`, rule.reason, reasons));
    if (rule.fieldPath && !rule.fieldPath.trim()) errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must be non-empty if specified'));
    if (lines.test(rule.fieldPath ?? '')) errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must not contain line breaks'));
    if (rule.fieldPath && fieldPathOf(rule.fieldPath, schema as RuleSchema) === undefined) errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, 'must be a valid path'));
  });
}

/** What is refused wherever it stands. */
function validateEverywhere(errors: FieldError[], schema: Schema, path: string, place: Place): void {
  const { type = '', items, properties, additionalProperties: others, 'x-kubernetes-map-type': mapType } = schema;
  validateOwn(errors, schema, path, place);
  if (schema.uniqueItems) errors.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (others !== undefined && (others as unknown) !== true && entries(properties).length) errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  const inner: Place = { ...place, root: false };
  if (isSchema(others)) validateEverywhere(errors, others, `${path}.additionalProperties`, place.meta ? { ...inner, noDefaults: 'inside additionalProperties applying to object metadata' } : inner);
  for (const [name, property] of entries(properties)) {
    const meta = (place.root || schema['x-kubernetes-embedded-resource']) && metaFields.includes(name);
    validateEverywhere(errors, property, `${path}.properties[${name}]`, meta ? { root: false, meta: true, noDefaults: place.root ? `in top-level ${name}` : place.noDefaults } : inner);
  }
  if (schema.not) validateEverywhere(errors, schema.not, `${path}.not`, inner);
  for (const key of ['allOf', 'oneOf', 'anyOf'] as const) schema[key]?.forEach((each, i) => validateEverywhere(errors, each, `${path}.${key}[${i}]`, inner));
  for (const [name, each] of entries(schema.definitions)) validateEverywhere(errors, each, `${path}.definitions[${name}]`, inner);
  if (isSchema(items)) validateEverywhere(errors, items, `${path}.items`, inner);
  else if (Array.isArray(items)) items.forEach((each, i) => validateEverywhere(errors, each, `${path}.items[${i}]`, inner));
  for (const [name, each] of entries(schema.dependencies)) if (isSchema(each)) validateEverywhere(errors, each, `${path}.dependencies[${name}]`, inner);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (mapType !== undefined && type !== 'object') {
    const detail = 'must be object if x-kubernetes-map-type is specified';
    errors.push(type ? invalid(`${path}.type`, type, detail) : required(`${path}.type`, detail));
  }
  if (mapType !== undefined && !['atomic', 'granular'].includes(mapType)) errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  validateListType(errors, schema, path);
  validateRules(errors, schema, path);
}

/** Whether there is a default anywhere in it. */
export const hasDefaults = (schema: unknown): boolean =>
  isSchema(schema) &&
  ((schema.default !== undefined && schema.default !== null) ||
    [schema.items, schema.additionalProperties, schema.not, ...Object.values(schema.properties ?? {}), ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some(hasDefaults));

export function validateSchema(errors: FieldError[], schema: Schema, path: string, statusEnabled: boolean): void {
  const found: FieldError[] = [];
  validateRoot(found, schema, path, statusEnabled);
  const opaque = hasUnsupported(schema);
  const structure = opaque ? [] : validateStructure(schema, path);
  if (!opaque && !structure.length) structure.push(...validateDefaults(schema, path));
  const everywhere: FieldError[] = [];
  validateEverywhere(everywhere, schema, path, { root: true, meta: false });
  found.push(...structure, ...everywhere);
  // Everything else that makes it opaque has been told of.
  if (opaque && !found.length) found.push(invalid(path, '', "OpenAPIV3Schema 'schema' is not supported"));
  // Rules are judged where the shape of what they are about is told.
  if (!opaque && !structure.length) found.push(...checkSchemaRules(schema as RuleSchema, path, (at) => everywhere.some(({ field }) => field.startsWith(at))));
  errors.push(...found);
}
