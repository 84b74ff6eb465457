/** What the schema of a custom resource must be like: structural, and free of what pruning and merging cannot follow. */
import { type FieldError, forbidden, goRegExp, invalid, notSupported, required } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { checkSchemaRules, fieldPathOf, type RuleSchema } from '@pilothouse/cel';
import type { JSONSchemaProps } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { same } from '../validation/equality.ts';
import { validateDefaults } from './schema-defaults.ts';

type Level = 'root' | 'item' | 'field';
type Schema = JSONSchemaProps;

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const entries = (map: unknown): [string, Schema][] => Object.entries((map ?? {}) as Record<string, Schema>);

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
  if (schema.additionalProperties !== undefined) errors.push(forbidden(`${path}.additionalProperties`, 'must be undefined to be structural'));
  if (schema.default !== undefined) errors.push(forbidden(`${path}.default`, 'must be undefined to be structural'));
  for (const key of ['title', 'description'] as const) if (schema[key]) errors.push(forbidden(`${path}.${key}`, 'must be empty to be structural'));
  for (const key of ['nullable', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'] as const)
    if (schema[key]) errors.push(forbidden(`${path}.${key}`, 'must be false to be structural'));
  for (const key of ['x-kubernetes-list-map-keys', 'x-kubernetes-validations'] as const) if (schema[key]?.length) errors.push(forbidden(`${path}.${key}`, 'must be empty to be structural'));
  for (const key of ['x-kubernetes-list-type', 'x-kubernetes-map-type'] as const) if (schema[key] !== undefined) errors.push(forbidden(`${path}.${key}`, 'must be undefined to be structural'));
  if (schema.properties && 'metadata' in schema.properties) errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
}

function validateValues(errors: FieldError[], schema: Schema, path: string, intOrStringSchema = false): void {
  const isIntOrString = (list: unknown): boolean => intOrStringSchema && same(list, intOrString);
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
function validateStructure(errors: FieldError[], schema: Schema, level: Level, path: string): void {
  const { type = '', items, properties, additionalProperties: others } = schema;
  const embedded = Boolean(schema['x-kubernetes-embedded-resource']);
  const preserves = Boolean(schema['x-kubernetes-preserve-unknown-fields']);
  const either = Boolean(schema['x-kubernetes-int-or-string']);
  if (type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'));
  if (isSchema(items)) validateStructure(errors, items, 'item', `${path}.items`);
  for (const [name, property] of entries(properties)) validateStructure(errors, property, 'field', `${path}.properties[${name}]`);
  if (others && level === 'root') errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  if (isSchema(others)) validateStructure(errors, others, 'field', `${path}.additionalProperties`);
  if (either && preserves) errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, 'must be false if x-kubernetes-int-or-string is true'));
  if (either && embedded) errors.push(invalid(`${path}.x-kubernetes-embedded-resource`, true, 'must be false if x-kubernetes-int-or-string is true'));
  validateValues(errors, schema, path, either);
  const mustBeObject = 'must be object if x-kubernetes-embedded-resource is true';
  if (embedded && type !== 'object') errors.push(type ? invalid(`${path}.type`, type, mustBeObject) : required(`${path}.type`, mustBeObject));
  else if (!type && !either && !preserves) errors.push(required(`${path}.type`, missingType[level]));
  if (embedded && others !== undefined) errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
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

const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const;
/** What no structure can be told of: refused for itself. */
const hasUnsupported = (schema: Schema): boolean =>
  unsupported.some((key) => schema[key] !== undefined) ||
  Array.isArray(schema.items) ||
  [schema.items, schema.additionalProperties, schema.not, ...Object.values(schema.properties ?? {}), ...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((inner) => isSchema(inner) && hasUnsupported(inner));
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

function validateListType(errors: FieldError[], schema: Schema, path: string): void {
  const { type = '', items, 'x-kubernetes-list-type': listType, 'x-kubernetes-list-map-keys': keys = [] } = schema;
  const at = `${path}.x-kubernetes-list-type`;
  if (listType !== undefined && type !== 'array') {
    const detail = 'must be array if x-kubernetes-list-type is specified';
    errors.push(type ? invalid(`${path}.type`, type, detail) : required(`${path}.type`, detail));
  } else if (listType === 'set' && isSchema(items)) {
    const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    const inner = items['x-kubernetes-list-type'];
    if (items.type === 'array' && inner !== undefined && inner !== 'atomic') errors.push(invalid(`${path}.items.x-kubernetes-list-type`, inner, detail));
    if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') errors.push(invalid(`${path}.items.x-kubernetes-map-type`, inner, detail));
  }
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(at, listType, ['atomic', 'set', 'map']));
  if (keys.length && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(at, detail) : invalid(at, listType, detail));
  }
  if (listType !== 'map') return;
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (!keys.length) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  if (!items) errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
  if (!isSchema(items)) return;
  if (items.type !== 'object') return void errors.push(invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"));
  keys.forEach((key, i) => {
    const property = entries(items.properties).find(([name]) => name === key)?.[1];
    if (!property) errors.push(invalid(keysPath, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') errors.push(invalid(`${path}.items.properties[${key}].type`, items.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"));
    else if (property.default === undefined && !items.required?.includes(key)) errors.push(required(`${path}.items.properties[${key}].default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
    if (keys.indexOf(key) < i) errors.push(invalid(keysPath, keys, 'must not contain duplicate entries'));
  });
}

/** What is refused wherever it stands. */
function validateEverywhere(errors: FieldError[], schema: Schema, path: string): void {
  const { type = '', items, properties, additionalProperties: others, 'x-kubernetes-map-type': mapType } = schema;
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  for (const key of unsupported) if (schema[key] !== undefined) errors.push(forbidden(`${path}.${key}`, `${key} is not supported`));
  if (type === 'null') errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(items)) errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (schema.uniqueItems) errors.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (others !== undefined && (others as unknown) !== true && entries(properties).length) errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  if (isSchema(others)) validateEverywhere(errors, others, `${path}.additionalProperties`);
  for (const [name, property] of entries(properties)) validateEverywhere(errors, property, `${path}.properties[${name}]`);
  if (schema.not) validateEverywhere(errors, schema.not, `${path}.not`);
  for (const key of ['allOf', 'oneOf', 'anyOf'] as const) schema[key]?.forEach((inner, i) => validateEverywhere(errors, inner, `${path}.${key}[${i}]`));
  if (isSchema(items)) validateEverywhere(errors, items, `${path}.items`);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (mapType !== undefined && type !== 'object') {
    const detail = 'must be object if x-kubernetes-map-type is specified';
    errors.push(type ? invalid(`${path}.type`, type, detail) : required(`${path}.type`, detail));
  }
  if (mapType !== undefined && !['atomic', 'granular'].includes(mapType)) errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  validateListType(errors, schema, path);
  validateRules(errors, schema, path);
}

/** Why the schema is not structural, in words: `path: what`. */
export function structuralFaults(schema: Schema, path: string): string[] {
  const errors: FieldError[] = [];
  validateStructure(errors, schema, 'root', path);
  return errors.map(({ field, message }) => `${field}: ${message}`).sort();
}

export function validateSchema(errors: FieldError[], schema: Schema, path: string, statusEnabled: boolean): void {
  if (statusEnabled && schema.type && schema.type !== 'object') errors.push(invalid(`${path}.type`, schema.type, 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'));
  if (schema.nullable) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  const structure: FieldError[] = [];
  if (!hasUnsupported(schema)) validateStructure(structure, schema, 'root', path);
  const text = ({ field, message }: FieldError): string => `${field}: ${message}`;
  structure.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  if (!structure.length) structure.push(...validateDefaults(schema, path));
  errors.push(...structure);
  const everywhere: FieldError[] = [];
  validateEverywhere(everywhere, schema, path);
  errors.push(...everywhere);
  // Rules are judged where the shape of what they are about is told.
  if (!structure.length) errors.push(...checkSchemaRules(schema as RuleSchema, path, (at) => everywhere.some(({ field }) => field.startsWith(at))));
}

/** The schema of the field a simple path names; undefined where there is none. */
export function schemaAt(schema: Schema, path: string): Schema | undefined {
  let found: Schema | undefined = schema;
  for (const name of path.split('.').slice(1)) found = entries(found?.properties).find(([key]) => key === name)?.[1];
  return found;
}
