import type { JSONSchemaProps } from '@pilothouse/api-schemas/types/apiextensions/v1';

export type { JSONSchemaProps };

/** A structural schema of a custom resource, as reading and comparing objects follow it: every step by name is one look-up. */
export interface Structural {
  properties: ReadonlyMap<string, Structural>;
  /** Of keys that are no properties; 'any': allowed, and nothing more is said. */
  additional: Structural | 'any' | undefined;
  items: Structural | undefined;
  nullable: boolean;
  /** Unknown fields stay. */
  preserve: boolean;
  /** An object with apiVersion, kind and metadata of its own. */
  embedded: boolean;
  /** undefined: none. Never to be mutated. */
  default: unknown;
  listType: string | undefined;
  mapKeys: readonly string[];
  atomicMap: boolean;
}

const noProperties: ReadonlyMap<string, Structural> = new Map();

export const isSchema = (value: unknown): value is JSONSchemaProps => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Compiles a schema; what it says of values alone is `compileValidator`'s. */
export function structuralOf(schema: JSONSchemaProps): Structural {
  const { properties, additionalProperties: others, items } = schema;
  return {
    properties: properties ? new Map(Object.entries(properties).map(([name, property]) => [name, structuralOf(property)])) : noProperties,
    additional: isSchema(others) ? structuralOf(others) : others === undefined || others === null ? undefined : 'any',
    items: isSchema(items) ? structuralOf(items) : undefined,
    nullable: schema.nullable === true,
    preserve: schema['x-kubernetes-preserve-unknown-fields'] === true,
    embedded: schema['x-kubernetes-embedded-resource'] === true,
    default: schema.default ?? undefined,
    listType: schema['x-kubernetes-list-type'],
    mapKeys: schema['x-kubernetes-list-map-keys'] ?? [],
    atomicMap: schema['x-kubernetes-map-type'] === 'atomic',
  };
}

/** What is known of one key's value; undefined: nothing. */
export function stepInto(schema: Structural, key: string): Structural | undefined {
  const property = schema.properties.get(key);
  if (property) return property;
  return schema.additional === 'any' ? undefined : schema.additional;
}
