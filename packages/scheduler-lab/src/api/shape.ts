/**
 * The fields of the group's types, stated once: bodies are read by them (unknown fields, wrong types), and the OpenAPI document, with which
 * `kubectl explain` works, is made of them.
 */
import { builtinTypes } from '@pilothouse/api-schemas';
import { badRequestError, cannotBeHandled, goQuote } from '@pilothouse/apimachinery';
import { decodeFragment } from '@pilothouse/apimachinery/schema/decode';
import { messageOf } from '@pilothouse/base/errors';

export type Shape =
  | { readonly t: 'string'; readonly oneOf?: readonly string[]; readonly format?: 'date-time' }
  | { readonly t: 'integer' | 'number' | 'boolean' }
  | { readonly t: 'list' | 'map'; readonly of: Shape; readonly nullable?: boolean }
  /** Fields by name, in order. */
  | { readonly t: 'object'; readonly name: string; readonly fields: Readonly<Record<string, Field>> }
  /** A type of Kubernetes' own API. */
  | { readonly t: 'kubernetes'; readonly type: string; readonly text: string }
  /** Any object. */
  | { readonly t: 'any' };

export interface Field {
  readonly shape: Shape;
  readonly text: string;
  readonly required?: boolean;
}

export const string: Shape = { t: 'string' };
export const time: Shape = { t: 'string', format: 'date-time' };
export const integer: Shape = { t: 'integer' };
export const number: Shape = { t: 'number' };
export const boolean: Shape = { t: 'boolean' };
export const any: Shape = { t: 'any' };
export const oneOf = (...values: string[]): Shape => ({ t: 'string', oneOf: values });
export const list = (of: Shape): Shape => ({ t: 'list', of });
export const map = (of: Shape, nullable = false): Shape => ({ t: 'map', of, nullable });
export const kubernetes = (type: string, text: string): Shape => ({ t: 'kubernetes', type, text });
export const object = (name: string, fields: Readonly<Record<string, Field>>): Extract<Shape, { t: 'object' }> => ({ t: 'object', name, fields });
export const field = (shape: Shape, text: string, required = false): Field => ({ shape, text, required });

class Mismatch extends Error {}

const goTypes: Partial<Record<Shape['t'], string>> = { string: 'string', integer: 'int64', number: 'float64', boolean: 'bool' };
const jsonTypeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value);

/** Reads a value as the shape: a copy with only the fields it has. `unknown` gets the paths of others. @throws StatusError 400 where a value does not fit */
export function readShape<T>(shape: Shape, value: unknown, kind: string, version: string, unknown: string[]): T {
  try {
    return read(shape, value, '', kind, unknown) as T;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw cannotBeHandled(kind, version, kind, error.message);
  }
}

function read(shape: Shape, value: unknown, path: string, owner: string, unknown: string[]): unknown {
  const mismatch = (type: string): never => {
    throw new Mismatch(`json: cannot unmarshal ${jsonTypeOf(value)} into Go ${path ? `struct field ${owner}.${path}` : 'value'} of type ${type}`);
  };
  switch (shape.t) {
    case 'string':
      return typeof value === 'string' ? value : mismatch('string');
    case 'boolean':
      return typeof value === 'boolean' ? value : mismatch('bool');
    case 'integer':
    case 'number':
      if (typeof value !== 'number') return mismatch(goTypes[shape.t]!);
      if (shape.t === 'integer' && !Number.isSafeInteger(value)) throw new Mismatch(`json: cannot unmarshal number ${value} into Go struct field ${owner}.${path} of type int64`);
      return value;
    case 'any':
      return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : mismatch('map[string]interface {}');
    case 'list':
      return Array.isArray(value) ? value.map((item, i) => read(shape.of, item, `${path}[${i}]`, owner, unknown)) : mismatch('[]interface {}');
    case 'map':
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return mismatch('map[string]string');
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item === null && shape.nullable ? null : read(shape.of, item, `${path}.${key}`, owner, unknown)]));
    case 'kubernetes':
      return readKubernetes(shape.type, value, path, unknown, mismatch);
    case 'object': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return mismatch(`v1.${shape.name}`);
      const out: Record<string, unknown> = {};
      for (const [name, item] of Object.entries(value)) {
        const known = shape.fields[name];
        const at = path ? `${path}.${name}` : name;
        if (!known) unknown.push(`unknown field ${goQuote(at)}`);
        else if (item !== null) out[name] = read(known.shape, item, at, shape.name, unknown);
      }
      return out;
    }
  }
}

function readKubernetes(type: string, value: unknown, path: string, unknown: string[], mismatch: (type: string) => never): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return mismatch(type.split('.').slice(-2).join('.'));
  const schema = builtinTypes.get(type);
  if (!schema) throw badRequestError(`${path}: there is no type ${type}`);
  try {
    const { object: read, unknownFields } = decodeFragment(schema, value);
    for (const name of unknownFields) unknown.push(`unknown field ${goQuote(`${path}.${name}`)}`);
    return read;
  } catch (error) {
    throw new Mismatch(messageOf(error));
  }
}
