/** Parts of definitions as upstream's error texts show them: structs of its internal types, without JSON names, the empty fields too. */
import type { CustomResourceDefinitionVersion as Version, JSONSchemaProps as Schema } from '@pilothouse/api-schemas/types/apiextensions/v1';

type Key = keyof Schema;
type Show = (value: any) => unknown;

const asIs: Show = (value) => value;
/** A map as Go prints it: by key. */
const byKey = (show: Show): Show => (map) => Object.fromEntries(Object.keys(map).sort().map((key) => [key, show(map[key])]));
const json: Show = (value) => (Array.isArray(value) ? value.map(json) : typeof value === 'object' && value !== null ? byKey(json)(value) : value);
const schemaForm: Show = (schema: Schema) => internalSchema(schema);
const schemas: Show = (list: Schema[]) => list.map(schemaForm);
const orBool: Show = (value) => (typeof value === 'boolean' ? { Allows: value, Schema: null } : { Allows: true, Schema: schemaForm(value) });
const orArray: Show = (value) => (Array.isArray(value) ? { Schema: null, JSONSchemas: schemas(value) } : { Schema: schemaForm(value), JSONSchemas: null });
const orNames: Show = (value) => (Array.isArray(value) ? { Schema: null, Property: value } : { Schema: schemaForm(value), Property: null });
const rules: Show = (list: any[]) =>
  list.map((r) => ({ Rule: r.rule ?? '', Message: r.message ?? '', MessageExpression: r.messageExpression ?? '', Reason: r.reason ?? null, FieldPath: r.fieldPath ?? '', OptionalOldSelf: r.optionalOldSelf ?? null }));

/** In the struct's order: Go's name, the JSON name, what an absent one shows, and how others are shown. */
export const schemaFields: readonly (readonly [name: string, key: Key, absent: unknown, show: Show])[] = [
  ['ID', 'id', '', asIs],
  ['Schema', '$schema', '', asIs],
  ['Ref', '$ref', null, asIs],
  ['Description', 'description', '', asIs],
  ['Type', 'type', '', asIs],
  ['Nullable', 'nullable', false, asIs],
  ['Format', 'format', '', asIs],
  ['Title', 'title', '', asIs],
  ['Default', 'default', null, json],
  ['Maximum', 'maximum', null, asIs],
  ['ExclusiveMaximum', 'exclusiveMaximum', false, asIs],
  ['Minimum', 'minimum', null, asIs],
  ['ExclusiveMinimum', 'exclusiveMinimum', false, asIs],
  ['MaxLength', 'maxLength', null, asIs],
  ['MinLength', 'minLength', null, asIs],
  ['Pattern', 'pattern', '', asIs],
  ['MaxItems', 'maxItems', null, asIs],
  ['MinItems', 'minItems', null, asIs],
  ['UniqueItems', 'uniqueItems', false, asIs],
  ['MultipleOf', 'multipleOf', null, asIs],
  ['Enum', 'enum', null, json],
  ['MaxProperties', 'maxProperties', null, asIs],
  ['MinProperties', 'minProperties', null, asIs],
  ['Required', 'required', null, asIs],
  ['Items', 'items', null, orArray],
  ['AllOf', 'allOf', null, schemas],
  ['OneOf', 'oneOf', null, schemas],
  ['AnyOf', 'anyOf', null, schemas],
  ['Not', 'not', null, schemaForm],
  ['Properties', 'properties', null, byKey(schemaForm)],
  ['AdditionalProperties', 'additionalProperties', null, orBool],
  ['PatternProperties', 'patternProperties', null, byKey(schemaForm)],
  ['Dependencies', 'dependencies', null, byKey(orNames)],
  ['AdditionalItems', 'additionalItems', null, orBool],
  ['Definitions', 'definitions', null, byKey(schemaForm)],
  ['ExternalDocs', 'externalDocs', null, ({ description = '', url = '' }) => ({ Description: description, URL: url })],
  ['Example', 'example', null, json],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', null, asIs],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', false, asIs],
  ['XIntOrString', 'x-kubernetes-int-or-string', false, asIs],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', null, asIs],
  ['XListType', 'x-kubernetes-list-type', null, asIs],
  ['XMapType', 'x-kubernetes-map-type', null, asIs],
  ['XValidations', 'x-kubernetes-validations', null, rules],
];

export const internalSchema = (schema: Schema): Record<string, unknown> => Object.fromEntries(schemaFields.map(([name, key, absent, show]) => [name, schema[key] === undefined || schema[key] === null ? absent : show(schema[key])]));

/** `items` by itself. */
export const internalItems = (items: unknown): unknown => orArray(items);

const orNull = <T>(value: T | undefined | null, show: (value: T) => unknown): unknown => (value === undefined || value === null ? null : show(value));

/** A version, without the parts that all versions share: those stand at the top. */
export const internalVersion = (version: Version, hoisted: Readonly<Record<'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields', boolean>>): Record<string, unknown> => ({
  Name: version.name,
  Served: version.served,
  Storage: version.storage,
  Deprecated: version.deprecated ?? false,
  DeprecationWarning: version.deprecationWarning ?? null,
  Schema: hoisted.schema ? null : orNull(version.schema, ({ openAPIV3Schema }) => ({ OpenAPIV3Schema: orNull(openAPIV3Schema, internalSchema) })),
  Subresources: hoisted.subresources
    ? null
    : orNull(version.subresources, ({ status, scale }) => ({ Status: orNull(status, () => ({})), Scale: orNull(scale, (s) => ({ SpecReplicasPath: s.specReplicasPath, StatusReplicasPath: s.statusReplicasPath, LabelSelectorPath: s.labelSelectorPath ?? null })) })),
  AdditionalPrinterColumns: hoisted.additionalPrinterColumns
    ? null
    : orNull(version.additionalPrinterColumns, (columns) => columns.map((c) => ({ Name: c.name, Type: c.type, Format: c.format ?? '', Description: c.description ?? '', Priority: c.priority ?? 0, JSONPath: c.jsonPath }))),
  SelectableFields: hoisted.selectableFields ? null : orNull(version.selectableFields, (fields) => fields.map((f) => ({ JSONPath: f.jsonPath }))),
});
