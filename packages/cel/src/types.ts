/** CEL's types, as the checker reasons about them and as values are asked for theirs. */

export type TypeKind = 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'list' | 'map' | 'struct' | 'opaque' | 'type' | 'dyn' | 'error' | 'param';

/** One type; simple ones exist once. Also the value that `type(x)` gives. */
export class Type {
  readonly kind: TypeKind;
  /** The name a program sees: `google.protobuf.Timestamp`, `list`, `kubernetes.URL`. */
  readonly name: string;
  readonly params: readonly Type[];

  constructor(kind: TypeKind, name: string, params: readonly Type[] = []) {
    this.kind = kind;
    this.name = name;
    this.params = params;
  }

  /** As results of expressions are reported: `list(string)`, `null_type`. */
  toString(): string {
    return this.params.length ? `${this.name}(${this.params.join(', ')})` : this.name;
  }
}

export const boolType = new Type('bool', 'bool');
export const intType = new Type('int', 'int');
export const uintType = new Type('uint', 'uint');
export const doubleType = new Type('double', 'double');
export const stringType = new Type('string', 'string');
export const bytesType = new Type('bytes', 'bytes');
export const nullType = new Type('null', 'null_type');
export const timestampType = new Type('timestamp', 'google.protobuf.Timestamp');
export const durationType = new Type('duration', 'google.protobuf.Duration');
export const dynType = new Type('dyn', 'dyn');
/** What an expression with an error in it is given, so that the error is told once. */
export const errorType = new Type('error', '!error!');
export const typeType = new Type('type', 'type');

export const listOf = (element: Type): Type => new Type('list', 'list', [element]);
export const mapOf = (key: Type, value: Type): Type => new Type('map', 'map', [key, value]);
export const optionalOf = (type: Type): Type => new Type('opaque', 'optional_type', [type]);
export const typeOf = (type: Type): Type => new Type('type', 'type', [type]);
export const structOf = (name: string): Type => new Type('struct', name);
export const opaqueOf = (name: string): Type => new Type('opaque', name);
export const paramOf = (name: string): Type => new Type('param', name);

export const isOptional = (type: Type): boolean => type.kind === 'opaque' && type.name === 'optional_type';
export const isDynOrError = (type: Type): boolean => type.kind === 'dyn' || type.kind === 'error';

/** Equal in kind, name and parameters. */
export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true;
  return a.kind === b.kind && a.name === b.name && a.params.length === b.params.length && a.params.every((param, i) => sameType(param, b.params[i]));
}

const shortNames: Partial<Record<TypeKind, string>> = { null: 'null', timestamp: 'timestamp', duration: 'duration', error: '!error!' };

/** As the checker's messages name a type: `map(string, timestamp)`. */
export function formatType(type: Type): string {
  const short = shortNames[type.kind];
  if (short) return short;
  return type.params.length ? `${type.name}(${type.params.map(formatType).join(', ')})` : type.name;
}
