/** Types that OpenAPI schemas declare, with what bounds the sizes of their values. */
import type { RuleSchema } from '../rules/contract.ts';
import type { TypeProvider } from '../check/declarations.ts';
import { boolType, bytesType, doubleType, durationType, dynType, intType, listOf, mapOf, stringType, structOf, timestampType, type Type } from '../types.ts';
import { escapeName, fieldNamed } from './escaping.ts';

/** Bytes. */
const maxRequestSize = 3 * 1024 * 1024;

export interface DeclaredType {
  type: Type;
  /** By escaped name. */
  fields?: ReadonlyMap<string, DeclaredField>;
  /** Of lists and maps. */
  element?: DeclaredType;
  /** Items, properties, characters; 0 where nothing bounds them or nothing counts. */
  maxElements: number;
  /** Bytes of the smallest value in JSON. */
  minSize: number;
}
export interface DeclaredField {
  /** As it is in JSON. */
  name: string;
  declared: DeclaredType;
  schema: RuleSchema;
}

const simple = (type: Type, minSize: number, maxElements = 0): DeclaredType => ({ type, minSize, maxElements });
const atLeastZero = (value: number): number => Math.max(value, 0);
const longest = maxRequestSize - 2;

const text: RuleSchema = { type: 'string' };
const isText = (schema: RuleSchema | undefined): boolean => schema?.type === 'string';
/** The schema with what every object has, where it does not say it all. */
export function withTypeMeta(schema: RuleSchema): RuleSchema {
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  if (isText(kind) && isText(apiVersion) && metadata?.type === 'object' && isText(metadata.properties?.name) && isText(metadata.properties?.generateName)) return schema;
  const properties = { ...schema.properties, kind: text, apiVersion: text, metadata: { type: 'object', properties: { name: text, generateName: text } } };
  return { ...schema, properties };
}

function stringDeclared(schema: RuleSchema): DeclaredType {
  switch (schema.format) {
    case 'byte':
      return simple(bytesType, 2, schema.maxLength === undefined ? longest : atLeastZero(schema.maxLength));
    case 'duration':
      return simple(durationType, 3, 32);
    case 'date':
      return simple(timestampType, 12, 12);
    case 'date-time':
      return simple(timestampType, 21, 32);
    default:
  }
  if (schema.maxLength !== undefined) return simple(stringType, 2, atLeastZero(schema.maxLength) * 4);
  if (schema.enum?.length) return simple(stringType, 2, Math.max(0, ...schema.enum.map((value) => (typeof value === 'string' ? new TextEncoder().encode(value).length : 0))));
  return simple(stringType, 2, longest);
}

function objectDeclared(schema: RuleSchema, name: string): DeclaredType | undefined {
  const values = schema.additionalProperties;
  if (typeof values === 'object') {
    const element = declareType(values, { root: values['x-kubernetes-embedded-resource'], name: `${name}.@elem` });
    if (!element) return undefined;
    const maxElements = schema.maxProperties === undefined ? Math.floor(longest / (element.minSize + 6)) : atLeastZero(schema.maxProperties);
    return { type: mapOf(stringType, element.type), element, maxElements, minSize: 2 };
  }
  const fields = new Map<string, DeclaredField>();
  let minSize = 2;
  for (const [property, inner] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(property);
    const declared = declareType(inner, { root: inner['x-kubernetes-embedded-resource'], name: `${name}.${escaped ?? property}` });
    if (!declared) continue;
    if (escaped !== undefined) fields.set(escaped, { name: property, declared, schema: inner });
    if (schema.required?.includes(property) && inner.default === undefined) minSize += property.length + declared.minSize + 4;
  }
  return { type: structOf(name), fields, maxElements: 0, minSize };
}

/**
 * What a schema declares; undefined where nothing is known of the value's shape.
 * `root`: the value is a whole object with kind and metadata. `name`: of the type, where it is an object's.
 */
export function declareType(schema: RuleSchema, { root, name }: { root?: boolean; name: string }): DeclaredType | undefined {
  if (schema['x-kubernetes-int-or-string']) return simple(dynType, 1, schema.maxLength === undefined ? longest : atLeastZero(schema.maxLength) * 4);
  const whole = root ? withTypeMeta(schema) : schema;
  switch (whole.type) {
    case 'array': {
      const items = Array.isArray(whole.items) ? undefined : whole.items;
      const element = items && declareType(items as RuleSchema, { root: (items as RuleSchema)['x-kubernetes-embedded-resource'], name: `${name}.@idx` });
      if (!element) return undefined;
      return { type: listOf(element.type), element, maxElements: whole.maxItems === undefined ? Math.floor(longest / (element.minSize + 1)) : atLeastZero(whole.maxItems), minSize: 2 };
    }
    case 'object':
      return objectDeclared(whole, name);
    case 'string':
      return stringDeclared(whole);
    case 'boolean':
      return simple(boolType, 4);
    case 'number':
      return simple(doubleType, 1);
    case 'integer':
      return simple(intType, 1);
    default:
      return undefined;
  }
}

/** The objects in a declared type, by their types' names. */
export function provideTypes(...roots: readonly DeclaredType[]): TypeProvider {
  const structs = new Map<string, ReadonlyMap<string, DeclaredField>>();
  const visit = (declared: DeclaredType): void => {
    if (declared.element) visit(declared.element);
    if (!declared.fields || structs.has(declared.type.name)) return;
    structs.set(declared.type.name, declared.fields);
    for (const field of declared.fields.values()) visit(field.declared);
  };
  roots.forEach(visit);
  return { hasStruct: (name) => structs.has(name), fieldType: (name, field) => fieldNamed(structs.get(name) ?? new Map<string, DeclaredField>(), field)?.declared.type };
}

/** How large what a path leads to may be; the path's first part is the variable. */
export function maxElementsAt(root: DeclaredType, path: readonly string[]): number | undefined {
  let at: DeclaredType | undefined = root;
  for (const part of path.slice(1)) {
    if (part === '@items' || part === '@values') at = at.element;
    else if (part === '@keys') at = at.type.kind === 'map' ? simple(stringType, 2) : undefined;
    else at = at.fields?.get(part)?.declared;
    if (!at) return undefined;
  }
  return at.maxElements;
}
