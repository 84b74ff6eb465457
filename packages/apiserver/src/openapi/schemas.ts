/** Schemas of OpenAPI documents, from the built-in types. */
import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';

/** OpenAPI type name → description under `''`, fields' under their names. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;
export type JsonSchema = Record<string, any>;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Types that are one value: their schemas in v3; v2 writes a union as a string. */
const scalarSchemas: Record<string, { v3: JsonSchema; v2?: JsonSchema }> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { v3: { oneOf: [{ type: 'string' }, { type: 'number' }] }, v2: { type: 'string' } },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }, v2: { type: 'string', format: 'int-or-string' } },
  [`${meta}.Time`]: { v3: { type: 'string', format: 'date-time' } },
  [`${meta}.MicroTime`]: { v3: { type: 'string', format: 'date-time' } },
  [`${meta}.FieldsV1`]: { v3: { type: 'object' } },
  [`${meta}.Patch`]: { v3: { type: 'object' } },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { v3: { type: 'object' } },
  [`${extensions}.JSON`]: { v3: {} },
  [`${extensions}.JSONSchemaPropsOrArray`]: { v3: {} },
  [`${extensions}.JSONSchemaPropsOrBool`]: { v3: {} },
  [`${extensions}.JSONSchemaPropsOrStringArray`]: { v3: {} },
};
/** What the document says of types whose values are free-form. */
const freeFormDescriptions: Record<string, string> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'Quantity is a fixed-point representation of a number: an optionally signed decimal, followed by a suffix of the binary (Ki, Mi, …), decimal (m, k, M, …) or exponent (e3) kind.',
  [`${extensions}.JSON`]: 'Any JSON value: object, array, string, number, boolean or null.',
  [`${extensions}.JSONSchemaPropsOrArray`]: 'A JSONSchemaProps, or an array of them.',
  [`${extensions}.JSONSchemaPropsOrBool`]: 'A JSONSchemaProps, or a boolean.',
  [`${extensions}.JSONSchemaPropsOrStringArray`]: 'A JSONSchemaProps, or an array of strings.',
};
const scalarNames: Partial<Record<TypeRef['t'], string>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity', intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString', time: `${meta}.Time`, microTime: `${meta}.MicroTime`, raw: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
};

export type Dialect = 'v2' | 'v3';
const refTo = (name: string, dialect: Dialect) => (dialect === 'v3' ? `#/components/schemas/${name}` : `#/definitions/${name}`);

/** Name of the schema a value of this type refers to; undefined for plain values. */
function referenced(type: TypeRef, owner: string, field: string): string | undefined {
  if (type.t === 'ref') return type.ref;
  if (type.t === 'json') return jsonTypeName(owner, field);
  return scalarNames[type.t];
}

/** Names of the free-form types at the few places they occur. */
function jsonTypeName(owner: string, field: string): string | undefined {
  if (owner === `${meta}.ManagedFieldsEntry`) return `${meta}.FieldsV1`;
  if (owner === `${extensions}.JSONSchemaProps`) {
    if (field === 'items') return `${extensions}.JSONSchemaPropsOrArray`;
    if (field === 'additionalItems' || field === 'additionalProperties') return `${extensions}.JSONSchemaPropsOrBool`;
    if (field === 'dependencies') return `${extensions}.JSONSchemaPropsOrStringArray`;
    return `${extensions}.JSON`;
  }
  if (owner.startsWith(extensions)) return `${extensions}.CustomResourceSubresourceStatus`;
  return undefined;
}

function valueSchema(type: TypeRef, owner: string, field: FieldSchema, dialect: Dialect, inner: boolean): JsonSchema {
  const ref = referenced(type, owner, field.name);
  if (ref) {
    // Inside a map v3 refers plainly where the element has no default; inside lists, with a default, through allOf.
    return { $ref: refTo(ref, dialect) };
  }
  const plain = (schema: JsonSchema, zero: unknown): JsonSchema => (inner && dialect === 'v3' ? { ...schema, default: zero } : schema);
  switch (type.t) {
    case 'string': case 'duration': return plain({ type: 'string', ...(field.enum && !inner && { enum: field.enum }), ...(field.format && !inner && { format: field.format }) }, '');
    case 'bool': return plain({ type: 'boolean' }, false);
    case 'int32': return plain({ type: 'integer', format: 'int32' }, 0);
    case 'int64': return plain({ type: 'integer', format: 'int64' }, 0);
    case 'double': return plain({ type: 'number', format: 'double' }, 0);
    case 'bytes': return { type: 'string', format: 'byte' };
    case 'list': return { type: 'array', items: elementSchema(type.of, owner, field, dialect) };
    case 'map': return { type: 'object', additionalProperties: elementSchema(type.of, owner, field, dialect) };
    default: return { type: 'object' };
  }
}

/** Element of a list or map: in v3 a struct carries `default: {}` beside its reference. */
function elementSchema(type: TypeRef, owner: string, field: FieldSchema, dialect: Dialect): JsonSchema {
  const schema = valueSchema(type, owner, { ...field, enum: undefined, format: undefined }, dialect, true);
  if (field.elementEnum && type.t === 'string') schema.enum = field.elementEnum;
  if (!schema.$ref || dialect === 'v2') return schema;
  const structural = type.t === 'ref' || type.t === 'raw';
  return structural ? { default: {}, allOf: [schema] } : schema;
}

/** The schema of a built-in type in either dialect. `groups`: the groups of the document, for kinds registered in every group. */
export function typeSchema(name: string, dialect: Dialect, descriptions: Descriptions, gvksOf: (name: string) => { group: string; version: string; kind: string }[]): JsonSchema {
  const scalar = scalarSchemas[name];
  const text = descriptions[name]?.[''] ?? freeFormDescriptions[name];
  if (scalar) return { ...(text && { description: text }), ...(dialect === 'v2' && scalar.v2 ? scalar.v2 : scalar.v3) };
  const type = builtinTypes.get(name);
  if (!type) throw new Error(`no built-in type ${name}`);
  const schema: JsonSchema = { ...(text && { description: text }), type: 'object' };
  const required = type.fields.filter((f) => f.required).map((f) => f.name);
  if (required.length) schema.required = required;
  const properties: JsonSchema = {};
  for (const field of [...type.fields].sort((a, b) => (a.name < b.name ? -1 : 1))) properties[field.name] = fieldSchema(type, field, dialect, descriptions);
  if (type.fields.length) schema.properties = properties;
  const gvks = gvksOf(name);
  if (gvks.length) schema['x-kubernetes-group-version-kind'] = gvks;
  if (type.mapType) schema['x-kubernetes-map-type'] = type.mapType;
  if (type.unions) schema['x-kubernetes-unions'] = type.unions;
  return schema;
}

function fieldSchema(type: TypeSchema, field: FieldSchema, dialect: Dialect, descriptions: Descriptions): JsonSchema {
  const value = valueSchema(field.type, type.name, field, dialect, false);
  const description = descriptions[type.name]?.[field.name];
  const schema: JsonSchema = { ...(description && { description }) };
  if (value.$ref && dialect === 'v3') {
    if (field.default !== undefined) schema.default = field.default;
    const extra = Object.keys(schema).length || hasExtensions(field);
    Object.assign(schema, extra ? { allOf: [value] } : value);
  } else {
    Object.assign(schema, value);
    if (dialect === 'v3' && field.default !== undefined) schema.default = field.default;
  }
  if (field.listMapKeys) schema['x-kubernetes-list-map-keys'] = field.listMapKeys;
  if (field.listType) schema['x-kubernetes-list-type'] = field.listType;
  if (field.mapType) schema['x-kubernetes-map-type'] = field.mapType;
  if (field.patchMergeKey) schema['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.patchStrategy) schema['x-kubernetes-patch-strategy'] = field.patchStrategy;
  return schema;
}
const hasExtensions = (field: FieldSchema) => Boolean(field.listType || field.mapType || field.patchStrategy);

/** All schema names a schema refers to, directly. */
export function references(schema: unknown, into = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) references(item, into);
  else if (schema && typeof schema === 'object') {
    for (const [key, value] of Object.entries(schema)) {
      if (key === '$ref' && typeof value === 'string') into.add(value.slice(value.lastIndexOf('/') + 1));
      else references(value, into);
    }
  }
  return into;
}
