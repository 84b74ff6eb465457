/**
 * What Go's converter from maps to structs says of a value that does not fit its type: strategic merge patches are read
 * by it rather than by the JSON decoder. Facts: k8s.io/apimachinery/pkg/runtime/converter.go.
 */
import { builtinTypes, goTypeNames, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';
import { nameBelow } from './decode-context.ts';
import { decodeObject } from './decode.ts';

/** Go's kind of a value in such a map. */
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'slice' : typeof value === 'object' ? 'map' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'int64' : typeof value === 'number' ? (Number.isInteger(value) ? 'int64' : 'float64') : typeof value);

/** The first fault, fields in the type's order; undefined where the converter finds none. */
export function unstructuredError(type: TypeSchema, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `cannot restore struct from: ${kindOf(value)}`;
  const names = goTypeNames[type.name.slice(type.name.lastIndexOf('.') + 1)];
  for (const field of type.fields) {
    const given = (value as Record<string, unknown>)[field.name];
    const fault = given === undefined || given === null ? undefined : faultOf(field.type, given, names?.[field.name]);
    if (fault) return fault;
  }
  return undefined;
}

/** `goType`: the type's name where it has one of its own. */
function faultOf(ref: TypeRef, value: unknown, goType: string | undefined): string | undefined {
  const kind = kindOf(value);
  switch (ref.t) {
    case 'ref': {
      const type = builtinTypes.get(ref.ref);
      return type && unstructuredError(type, value);
    }
    case 'map':
      if (kind !== 'map') return `cannot restore map from ${kind}`;
      return firstFault(ref.of, Object.keys(value as object).sort().map((key) => (value as Record<string, unknown>)[key]), nameBelow(goType, 1));
    case 'list':
      return kind === 'slice' ? firstFault(ref.of, value as unknown[], nameBelow(goType, 1)) : `cannot restore slice from ${kind}`;
    case 'bytes':
      return kind === 'string' ? decoderFault(ref, value, 'error decoding from json: ') : kind === 'slice' ? undefined : `cannot restore slice from ${kind}`;
    case 'string':
    case 'bool':
    case 'int32':
    case 'int64':
    case 'double':
      return scalarFault(goKinds[ref.t], kind, value, goType);
    default:
      // Types that read themselves from JSON.
      return decoderFault(ref, value, '');
  }
}

const goKinds: Readonly<Record<'string' | 'bool' | 'int32' | 'int64' | 'double', string>> = { string: 'string', bool: 'bool', int32: 'int32', int64: 'int64', double: 'float64' };

function firstFault(of: TypeRef, values: readonly unknown[], goType: string | undefined): string | undefined {
  for (const value of values) {
    const fault = value === null || value === undefined ? undefined : faultOf(of, value, goType);
    if (fault) return fault;
  }
  return undefined;
}

/** Go converts numbers to numbers; it could make texts of integers as well, but that is refused by another name. */
function scalarFault(wanted: string, kind: string, value: unknown, goType = wanted): string | undefined {
  if (kind === wanted) return undefined;
  const numeric = kind === 'int64' || kind === 'float64';
  if (wanted === 'string') return kind === 'int64' ? `cannot convert int64 to ${goType}` : 'unrecognized type: string';
  if (wanted === 'bool' || !numeric) return `unrecognized type: ${wanted}`;
  return kind === 'float64' && wanted !== 'float64' && !Number.isInteger(value) ? `cannot convert float64 to ${goType}` : undefined;
}

/** What the type's own decoder says, standing alone. */
function decoderFault(ref: TypeRef, value: unknown, prefix: string): string | undefined {
  const holder: TypeSchema = { name: 'holder', fields: [{ name: 'v', type: ref }] } as unknown as TypeSchema;
  try {
    decodeObject(holder, { v: value });
    return undefined;
  } catch (error) {
    const why = (error as { cause?: { message?: string } }).cause?.message ?? (error as Error).message;
    return prefix + why.replace(/ Go struct field \S+ of type /, ' Go value of type ');
  }
}
