/**
 * How the fields of a type are owned and merged, compiled once per type: what structured-merge-diff calls a schema.
 * Facts: k8s.io/kube-openapi schemaconv.
 */
import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';
import { fieldElement } from './element.ts';

export type ScalarKind = 'numeric' | 'string' | 'boolean' | 'untyped';

/** A value may be any of the shapes that are set; a type known in full has one. */
export interface FieldType {
  scalar?: ScalarKind;
  list?: ListType;
  map?: MapType;
  /** Has no part in ownership: managedFields themselves, and what the API server sets. */
  unowned?: boolean;
}

export interface ListType {
  atomic: boolean;
  of: FieldType;
  /** Names of the fields that tell items apart; none for a set. Only for lists that are not atomic. */
  keys: readonly string[];
  /** Values of keys that an item leaves out. */
  keyDefaults: Readonly<Record<string, unknown>>;
}

export interface MapType {
  atomic: boolean;
  /** Declared fields. */
  fields: ReadonlyMap<string, MapField>;
  /** Of keys that are not declared; where it is absent there are none. */
  of?: FieldType;
}

export interface MapField {
  element: string;
  type: FieldType;
  /** A number that no other field has. */
  code: number;
}

let fieldsMade = 0;
const mapField = (name: string, type: FieldType): MapField => ({ element: fieldElement(name), type, code: ++fieldsMade });

const noFields: ReadonlyMap<string, MapField> = new Map();
const scalarTypes: Record<ScalarKind, FieldType> = { numeric: { scalar: 'numeric' }, string: { scalar: 'string' }, boolean: { scalar: 'boolean' }, untyped: { scalar: 'untyped' } };

/** A value of any shape that is owned as one. */
export const untypedAtomic: FieldType = { scalar: 'untyped', list: { atomic: true, of: scalarTypes.untyped, keys: [], keyDefaults: {} }, map: { atomic: true, fields: noFields } };

/** A value of any shape: objects are owned field by field, lists as one. Custom resources without a schema. */
export const deducedValue: FieldType = { scalar: 'untyped', list: { atomic: true, of: scalarTypes.untyped, keys: [], keyDefaults: {} }, map: { atomic: false, fields: noFields } };
for (const any of [untypedAtomic, deducedValue]) {
  (any.list as ListType).of = any;
  (any.map as MapType).of = any;
}

const scalarOf: Partial<Record<TypeRef['t'], FieldType>> = {
  string: scalarTypes.string,
  bytes: scalarTypes.string,
  time: scalarTypes.string,
  microTime: scalarTypes.string,
  duration: scalarTypes.string,
  bool: scalarTypes.boolean,
  int32: scalarTypes.numeric,
  int64: scalarTypes.numeric,
  double: scalarTypes.numeric,
  quantity: scalarTypes.untyped,
  intOrString: scalarTypes.untyped,
};

const byName = new Map<string, FieldType>();

/** The field type of a built-in type. */
export const fieldTypeOf = (type: TypeSchema): FieldType => {
  const struct = structOf(type);
  return type.gvk ? rootOf(type, struct) : struct;
};

const roots = new WeakMap<TypeSchema, FieldType>();
/** A kind: its apiVersion and kind are nobody's. */
function rootOf(type: TypeSchema, struct: FieldType): FieldType {
  let root = roots.get(type);
  if (!root) {
    root = asRoot(struct);
    roots.set(type, root);
  }
  return root;
}
function asRoot(struct: FieldType): FieldType {
  if (!struct.map) return struct;
  const fields = new Map(struct.map.fields);
  for (const name of ['apiVersion', 'kind']) fields.set(name, mapField(name, { ...scalarTypes.string, unowned: true }));
  return { map: { ...struct.map, fields } };
}

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const unownedMeta = new Set(['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion']);

function structOf(type: TypeSchema): FieldType {
  const known = byName.get(type.name);
  if (known) return known;
  const fields = new Map<string, MapField>();
  const struct: FieldType = { map: { atomic: type.mapType === 'atomic', fields } };
  // Before its fields: types may contain themselves.
  byName.set(type.name, struct);
  for (const field of type.fields) {
    const fieldType = typeOfField(field);
    fields.set(field.name, mapField(field.name, type.name === metaName && unownedMeta.has(field.name) ? { ...fieldType, unowned: true } : fieldType));
  }
  return struct;
}

function typeOfField(field: FieldSchema): FieldType {
  const { type } = field;
  if (type.t === 'list') return { list: listOf(type.of, field) };
  const own = typeOfRef(type);
  return own.map && field.mapType && (field.mapType === 'atomic') !== own.map.atomic ? { ...own, map: { ...own.map, atomic: field.mapType === 'atomic' } } : own;
}

function typeOfRef(ref: TypeRef): FieldType {
  if (ref.t === 'ref') {
    const schema = builtinTypes.get(ref.ref);
    return schema ? structOf(schema) : untypedAtomic;
  }
  if (ref.t === 'list') return { list: { atomic: true, of: typeOfRef(ref.of), keys: [], keyDefaults: {} } };
  if (ref.t === 'map') return { map: { atomic: false, fields: noFields, of: typeOfRef(ref.of) } };
  return scalarOf[ref.t] ?? untypedAtomic;
}

/** Lists without a list type follow their patch strategy, and are atomic without either. */
function listOf(items: TypeRef, field: FieldSchema): ListType {
  const merges = field.patchStrategy?.split(',').includes('merge') ?? false;
  const kind = field.listType ?? (merges ? (field.patchMergeKey ? 'map' : 'set') : 'atomic');
  const keys = kind === 'map' ? (field.listMapKeys ?? (field.patchMergeKey ? [field.patchMergeKey] : [])) : [];
  const keyDefaults: Record<string, unknown> = {};
  const schema = items.t === 'ref' ? builtinTypes.get(items.ref) : undefined;
  for (const key of keys) {
    const fallback = schema?.fields.find((f) => f.name === key)?.default;
    if (fallback !== undefined) keyDefaults[key] = fallback;
  }
  return { atomic: kind === 'atomic', of: typeOfRef(items), keys, keyDefaults };
}

/** A structural schema of a custom resource, as far as ownership depends on it. */
export interface OwnershipSchema {
  type?: string;
  properties?: Record<string, OwnershipSchema>;
  additionalProperties?: OwnershipSchema | boolean;
  items?: OwnershipSchema;
  default?: unknown;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
}

const scalarByJsonType: Record<string, ScalarKind> = { string: 'string', integer: 'numeric', number: 'numeric', boolean: 'boolean' };
const compiledSchemas = new WeakMap<OwnershipSchema, FieldType>();

/** The field type of a custom resource with this schema; without one, everything is deduced. Metadata is ObjectMeta in either case. */
export function fieldTypeOfCustomResource(schema: OwnershipSchema | undefined): FieldType {
  if (!schema) return customWithoutSchema;
  let root = compiledSchemas.get(schema);
  if (!root) {
    root = withMetadata(typeOfSchema({ type: 'object', ...schema }));
    compiledSchemas.set(schema, root);
  }
  return root;
}

function withMetadata(own: FieldType): FieldType {
  const meta = builtinTypes.get(metaName);
  const fields = new Map(own.map?.fields);
  if (meta) fields.set('metadata', mapField('metadata', structOf(meta)));
  return asRoot({ map: { atomic: false, fields, ...(own.map?.of && { of: own.map.of }) } });
}
const customWithoutSchema = withMetadata(deducedValue);

function typeOfSchema(schema: OwnershipSchema): FieldType {
  if (schema['x-kubernetes-int-or-string']) return scalarTypes.untyped;
  const scalar = scalarByJsonType[schema.type ?? ''];
  if (scalar) return scalarTypes[scalar];
  if (schema.type === 'array') return { list: customList(schema) };
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (!schema.properties && !schema.additionalProperties) return open ? deducedValue : untypedAtomic;
  const fields = new Map<string, MapField>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) fields.set(name, mapField(name, typeOfSchema(property)));
  if (schema['x-kubernetes-embedded-resource']) {
    const meta = builtinTypes.get(metaName);
    for (const name of ['apiVersion', 'kind']) fields.set(name, mapField(name, scalarTypes.string));
    if (meta) fields.set('metadata', mapField('metadata', structOf(meta)));
  }
  const of = typeof schema.additionalProperties === 'object' ? typeOfSchema(schema.additionalProperties) : schema.additionalProperties || open ? deducedValue : undefined;
  return { map: { atomic: schema['x-kubernetes-map-type'] === 'atomic', fields, ...(of && { of }) } };
}

function customList(schema: OwnershipSchema): ListType {
  const kind = schema['x-kubernetes-list-type'] ?? 'atomic';
  const keys = kind === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  const keyDefaults: Record<string, unknown> = {};
  for (const key of keys) {
    const fallback = schema.items?.properties?.[key]?.default;
    if (fallback !== undefined) keyDefaults[key] = fallback;
  }
  return { atomic: kind === 'atomic', of: schema.items ? typeOfSchema(schema.items) : untypedAtomic, keys, keyDefaults };
}
