import { builtinTypes, type FieldSchema, type TypeRef } from '@pilothouse/api-schemas';
import { type InternalDifference, internalDifferences } from './internal-types.ts';

/** A type by its group, version and name, such as `apps/v1.DeploymentStrategy`; types of `meta/v1` included. */
export type InternalTypeName = `${string}/v${string}.${string}`;

/**
 * A value as the API server's error texts show it. Upstream hands validation the structs of its internal types, which
 * have no JSON names: printed, they show the fields' Go names, in the order declared, the empty ones too. The types of
 * meta/v1 (label selectors, metadata) keep their JSON form. Made only where a message is; `null` for an absent value.
 */
export function internalForm(type: InternalTypeName, value: unknown): unknown {
  return value === undefined || value === null ? null : formOf({ t: 'ref', ref: openApiName(type) }, value);
}

/** The same for a list of such values. */
export const internalForms = (type: InternalTypeName, values: readonly unknown[] | undefined): unknown => values?.map((value) => internalForm(type, value)) ?? null;

/** A map as Go prints it: by key. `null` for an absent one. */
export const sortedMap = (map: Readonly<Record<string, unknown>> | undefined): unknown => (map ? Object.fromEntries(Object.keys(map).sort().map((key) => [key, map[key]])) : null);

const metaPrefix = 'io.k8s.apimachinery.pkg.apis.meta.';
const packages: readonly (readonly [prefix: string, openApi: string])[] = [
  ['meta/', metaPrefix],
  ['apiextensions/', 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.'],
  ['apiregistration/', 'io.k8s.kube-aggregator.pkg.apis.apiregistration.'],
];

function openApiName(type: string): string {
  for (const [prefix, openApi] of packages) if (type.startsWith(prefix)) return openApi + type.slice(prefix.length);
  return `io.k8s.api.${type.replace('/', '.')}`;
}

const shortName = (ref: string): string => ref.replace(/^io\.k8s\.(api|.*\.apis)\./, '').replace('.', '/');

function formOf(type: TypeRef, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  switch (type.t) {
    case 'list':
      return Array.isArray(value) ? value.map((item) => formOf(type.of, item)) : value;
    case 'map':
      return sortedMap(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, formOf(type.of, item)])));
    case 'ref':
      return type.ref.startsWith(metaPrefix) ? jsonForm(type.ref, value) : structForm(type.ref, value as Fields);
    default:
      return value;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function structForm(ref: string, given: Fields): Record<string, unknown> {
  const { fields, moved } = layoutOf(ref);
  const form: Record<string, unknown> = {};
  for (const field of fields) {
    const value = given[field.name];
    // An embedded ObjectMeta has no name of its own: its fields stand among the struct's.
    if (field.type.t === 'ref' && field.type.ref === `${metaPrefix}v1.ObjectMeta`) Object.assign(form, jsonForm(field.type.ref, value ?? {}));
    else if (moved?.into === field.name) form[goName(field)] = { ...fieldForms(moved.fields, given), ...(formOf(field.type, value ?? {}) as Fields) };
    else form[goName(field)] = fieldForm(field, value);
  }
  return form;
}

const goName = ({ name, goName: given }: FieldSchema): string => given ?? name[0].toUpperCase() + name.slice(1);
const fieldForm = (field: FieldSchema, value: unknown): unknown => formOf(field.type, value === undefined && !field.pointer ? zeroOf(field.type) : value);
const fieldForms = (fields: readonly FieldSchema[], given: Fields): Fields => Object.fromEntries(fields.map((field) => [goName(field), fieldForm(field, given[field.name])]));

/** What Go has where nothing is given: null for lists and maps, a struct of zeros, "", 0, false. */
function zeroOf(type: TypeRef): unknown {
  switch (type.t) {
    case 'string': case 'duration':
      return '';
    case 'bool':
      return false;
    case 'int32': case 'int64': case 'double': case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    case 'ref':
      return {};
    default:
      return null;
  }
}

interface Layout {
  fields: readonly FieldSchema[];
  moved?: { fields: readonly FieldSchema[]; into: string };
}

const layouts = new Map<string, Layout>();

function layoutOf(ref: string): Layout {
  let layout = layouts.get(ref);
  if (!layout) layouts.set(ref, (layout = arrange(fieldsOf(ref), internalDifferences[shortName(ref)] ?? {})));
  return layout;
}

/** A kind's `kind` and `apiVersion` are empty inside the server, and left out. */
function fieldsOf(ref: string): readonly FieldSchema[] {
  const type = builtinTypes.get(ref);
  if (!type) throw new Error(`there is no type ${ref}`);
  return type.gvk ? type.fields.filter(({ name }) => name !== 'kind' && name !== 'apiVersion') : type.fields;
}

function arrange(published: readonly FieldSchema[], { after = {}, absent = [], values = [], moved }: InternalDifference): Layout {
  const fields = published
    .filter(({ name }) => !absent.includes(name) && !moved?.fields.includes(name))
    .map((field) => (values.includes(field.name) ? { ...field, pointer: false } : field));
  for (const [name, before] of Object.entries(after)) {
    const [field] = fields.splice(fields.findIndex((f) => f.name === name), 1);
    fields.splice(fields.findIndex((f) => f.name === before) + 1, 0, field);
  }
  return { fields, ...(moved && { moved: { into: moved.into, fields: moved.fields.map((name) => published.find((f) => f.name === name)!) } }) };
}

/** A type with JSON names: its fields in Go's order, the empty ones left out as `omitempty` says. */
function jsonForm(ref: string, value: unknown): unknown {
  const fields = builtinTypes.get(ref)?.fields;
  if (!fields || typeof value !== 'object' || value === null) return value;
  const given = value as Fields;
  const form: Record<string, unknown> = {};
  for (const field of fields) {
    const part = given[field.name];
    if (part === undefined || (field.omitEmpty && !field.pointer && isEmpty(part))) {
      if (!field.omitEmpty) form[field.name] = field.pointer ? null : zeroOf(field.type);
      continue;
    }
    form[field.name] = field.type.t === 'ref' ? jsonForm(field.type.ref, part) : formOf(field.type, part);
  }
  return form;
}

const isEmpty = (value: unknown): boolean => value === null || value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0) || (typeof value === 'object' && Object.keys(value).length === 0);
