import { goTypeNames } from '@pilothouse/api-schemas';
import { goQuote } from '../go-format.ts';
import { badRequestError } from '../status.ts';

/** Where a decoder stands in the value it reads. One per call of `decodeObject`; depth counts the steps from the root. */
export interface DecodeContext {
  /** Keys and indices from the root; entries at and past the current depth are stale. */
  path: (string | number)[];
  /** Go's name of the struct whose field is at that depth. */
  owners: string[];
  unknown: string[];
  /** Empty lists stay where the type writes the field anyway, rather than become null. */
  keepEmptyLists: boolean;
  /** Some were kept. */
  keptEmptyLists: boolean;
}

export const newContext = (): DecodeContext => ({ path: [], owners: [], unknown: [], keepEmptyLists: false, keptEmptyLists: false });

/** Thrown inside decoders; `decodeObject` turns it into the Status a client sees. */
export class DecodeError extends Error {
  override name = 'DecodeError';
}

const maxStrictErrors = 100;

/** `spec.containers[0].name`, as the strict decoder writes paths. */
export function pathText(path: readonly (string | number)[], depth: number): string {
  let text = '';
  for (let i = 0; i < depth; i++) {
    const step = path[i];
    text += typeof step === 'number' ? `[${step}]` : text ? `.${step}` : step;
  }
  return text;
}

/** Notes a field the type does not have. At most 100 are kept, as upstream keeps. */
export function noteUnknown(context: DecodeContext, depth: number, key: string): void {
  if (context.unknown.length >= maxStrictErrors) return;
  const parent = pathText(context.path, depth);
  context.unknown.push(`unknown field ${goQuote(parent ? `${parent}.${key}` : key)}`);
}

const jsonKind = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : (typeof value as string));

/** The error of encoding/json for a value of the wrong kind: innermost struct, then the whole path without indices. */
export function mismatch(context: DecodeContext, depth: number, value: unknown, goType: string): DecodeError {
  const integer = /^u?int\d+$/.test(goType) && (typeof value === 'number' || typeof value === 'bigint');
  const what = integer ? `number ${value}` : jsonKind(value);
  let innermost = depth - 1;
  while (innermost >= 0 && context.owners[innermost] === '') innermost--;
  if (innermost < 0) return new DecodeError(`json: cannot unmarshal ${what} into Go value of type ${goType}`);
  const named = nameBelow(goTypeNames[context.owners[innermost]]?.[String(context.path[innermost])], depth - 1 - innermost) ?? goType;
  const keys: string[] = [];
  for (let i = 0; i <= innermost; i++) if (context.owners[i] !== '') keys.push(String(context.path[i]));
  return new DecodeError(`json: cannot unmarshal ${what} into Go struct field ${context.owners[innermost]}.${keys.join('.')} of type ${named}`);
}

/** Go's name of what stands so many lists and maps below a field of this type. */
export function nameBelow(goType: string | undefined, levels: number): string | undefined {
  let name = goType;
  for (let i = 0; i < levels && name !== undefined; i++) name = /^(?:\[\]|map\[[^\]]*\])(.+)$/.exec(name)?.[1];
  return name;
}

/** The 400 for a body that is not what its kind says; its cause has the reason alone. */
export const cannotBeHandled = (kind: string, version: string, expectedKind: string, why: string) => badRequestError(`${kind} in version ${goQuote(version)} cannot be handled as a ${expectedKind}: ${why}`, new Error(why));
