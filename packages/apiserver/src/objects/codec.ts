import { builtinTypes } from '@pilothouse/api-schemas';
import { applyDefaults, decodeObject } from '@pilothouse/apimachinery';
import type { ObjectCodec, ResourceDefinition } from '../contract.ts';

/** The codec of a definition: its own, or the built-in type's. @throws Error for a definition whose type is not published */
export function codecOf(definition: Pick<ResourceDefinition, 'schema' | 'codec'>): ObjectCodec {
  return definition.codec ?? builtinCodec(definition.schema);
}

/** The codec of a built-in type by its OpenAPI name. */
export function builtinCodec(schema: string): ObjectCodec {
  const type = builtinTypes.get(schema);
  if (!type) throw new Error(`Read objects of type ${schema}: the type is not published`);
  return { decode: (value, options) => decodeObject(type, value, options), defaults: (object) => applyDefaults(type, object) };
}
