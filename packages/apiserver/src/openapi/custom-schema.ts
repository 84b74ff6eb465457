/** Schemas of custom resources, as OpenAPI documents publish them. Facts: apiextensions controller/openapi. */
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { isSchema, type JSONSchemaProps } from '@pilothouse/apimachinery/structural/index';
import { structuralFaults } from '../resources/apiextensions/structure.ts';
import type { Descriptions, Dialect, JsonSchema } from './schemas.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** `com.example.stable.v1.Widget`. */
export const customTypeName = (group: string, version: string, kind: string): string => `${group.split('.').reverse().join('.')}.${version}.${kind}`;

/** What of a schema is published; the rest is for the definition's author. */
const published = [
  'description', 'type', 'format', 'title', 'default', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems', 'multipleOf', 'enum', 'maxProperties', 'minProperties', 'required', 'nullable',
  'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string', 'x-kubernetes-list-map-keys', 'x-kubernetes-list-type', 'x-kubernetes-map-type', 'x-kubernetes-validations',
] as const;
const either = [{ type: 'integer' }, { type: 'string' }];
const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

type Convert = (schema: JSONSchemaProps) => JsonSchema;

function shallow(schema: JSONSchemaProps, convert: Convert): JsonSchema {
  const out: JsonSchema = {};
  for (const key of published) if (schema[key] !== undefined && schema[key] !== false && schema[key] !== '') out[key] = schema[key];
  if (isSchema(schema.items)) out.items = convert(schema.items);
  if (schema.properties) out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, property]) => [name, convert(property)]));
  if (isSchema(schema.additionalProperties)) out.additionalProperties = convert(schema.additionalProperties);
  else if (schema.additionalProperties !== undefined && schema.additionalProperties !== null) out.additionalProperties = schema.additionalProperties;
  return out;
}

/** As v3 has it: whole, with what int-or-string means spelled out. */
const v3Schema: Convert = (schema) => {
  const out = shallow(schema, v3Schema);
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) if (schema[key]?.length) out[key] = schema[key].map(v3Schema);
  if (schema.not) out.not = v3Schema(schema.not);
  if (!schema['x-kubernetes-int-or-string'] || sameJson(schema.anyOf, either) || sameJson(schema.allOf?.[0]?.anyOf, either)) return out;
  if (!out.anyOf) return { ...out, anyOf: either };
  return { ...out, allOf: [{ anyOf: either }, ...(out.allOf ?? [])] };
};

/** As v2 has it: without what kubectl's reader of v2 trips over. */
const v2Schema: Convert = (schema) => {
  const out = shallow(schema, v2Schema);
  const nullable = Object.entries(schema.properties ?? {}).filter(([, property]) => property.nullable).map(([name]) => name);
  if (out.required && nullable.length) out.required = out.required.filter((name: string) => !nullable.includes(name));
  if (isSchema(schema.additionalProperties) && schema.additionalProperties.nullable) delete out.required;
  if (out.required && !out.required.length) delete out.required;
  if (schema.nullable) for (const key of ['nullable', 'type', 'items', 'properties']) delete out[key];
  if (schema['x-kubernetes-preserve-unknown-fields']) {
    delete out.items;
    delete out.properties;
    if (out.type === 'object') delete out.type;
  }
  if (out.type === 'array' && !out.items) delete out.type;
  return out;
};

/** Texts of fields that every object has. */
interface CommonTexts {
  apiVersion: string;
  kind: string;
  metadata: string;
  listMetadata: string;
}

export const commonTexts = (descriptions: Descriptions): CommonTexts => ({
  apiVersion: descriptions[`${meta}.Status`]?.apiVersion ?? '',
  kind: descriptions[`${meta}.Status`]?.kind ?? '',
  metadata: descriptions['io.k8s.api.core.v1.Pod']?.metadata ?? '',
  listMetadata: descriptions[`${meta}.Status`]?.metadata ?? '',
});

const embeddedTexts = {
  apiVersion: 'apiVersion defines the versioned schema of this representation of an object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
  kind: 'kind is a string value representing the type of this object. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
};

const text = (description: string): JsonSchema => ({ ...(description && { description }), type: 'string' });

function metadataRef(name: string, dialect: Dialect, description: string): JsonSchema {
  if (dialect === 'v3') return { allOf: [{ $ref: `#/components/schemas/${meta}.${name}` }], ...(description && { description }) };
  return { $ref: `#/definitions/${meta}.${name}`, ...(description && { description }) };
}

/** Gives objects inside the object their kind and metadata. */
function withEmbedded(schema: JsonSchema, dialect: Dialect, texts: CommonTexts): void {
  for (const property of Object.values((schema.properties ?? {}) as Record<string, JsonSchema>)) withEmbedded(property, dialect, texts);
  for (const inner of [schema.items, schema.additionalProperties]) if (isSchema(inner)) withEmbedded(inner, dialect, texts);
  if (!schema['x-kubernetes-embedded-resource'] || (dialect === 'v2' && schema['x-kubernetes-preserve-unknown-fields'])) return;
  schema.properties = { ...schema.properties, apiVersion: text(embeddedTexts.apiVersion), kind: text(embeddedTexts.kind), metadata: metadataRef('ObjectMeta', dialect, texts.metadata) };
  schema.required = [...(schema.required ?? []), ...['kind', 'apiVersion'].filter((name) => !schema.required?.includes(name))];
}

/** The schemas of a kind and of its list, by type name. */
export function customSchemas(crd: CustomResourceDefinition, version: string, dialect: Dialect, texts: CommonTexts): Map<string, JsonSchema> {
  const { group, names, versions } = crd.spec;
  const { kind, plural, listKind = `${kind}List` } = names;
  const own = versions.find((one) => one.name === version)?.schema?.openAPIV3Schema;
  const typeName = customTypeName(group, version, kind);
  const gvk = (of: string) => ({ 'x-kubernetes-group-version-kind': [{ group, kind: of, version }] });
  const type = { apiVersion: text(texts.apiVersion), kind: text(texts.kind) };
  let object: JsonSchema = { type: 'object' };
  const opaque = dialect === 'v2' && (own?.['x-kubernetes-preserve-unknown-fields'] || crd.spec.preserveUnknownFields);
  if (own && !opaque && !structuralFaults(own, '').length) {
    object = dialect === 'v3' ? v3Schema(own) : v2Schema(own);
    object.properties = { ...object.properties, metadata: metadataRef('ObjectMeta', dialect, texts.metadata), ...type };
    withEmbedded(object, dialect, texts);
  }
  const ref = dialect === 'v3' ? `#/components/schemas/${typeName}` : `#/definitions/${typeName}`;
  const items = { description: `List of ${plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md`, type: 'array', items: { $ref: ref } };
  const list: JsonSchema = { description: `${listKind} is a list of ${kind}`, type: 'object', required: ['items'], properties: { ...type, items, metadata: metadataRef('ListMeta', dialect, texts.listMetadata) } };
  return new Map([[typeName, { ...object, ...gvk(kind) }], [customTypeName(group, version, listKind), { ...list, ...gvk(listKind) }]]);
}
