import { posix } from 'node:path';
import { badRequestError, parseJson } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';

export interface ContinueToken {
  /** Where the list was read; -1: wherever the store is now (after the old revision expired). */
  revision: number;
  /** First key of what remains, below the list's prefix. */
  start: string;
}

/** kube-apiserver's form: base64url, without padding, of `{"v":"meta.k8s.io/v1","rv":5,"start":"web\u0000"}`. */
export const encodeContinue = (token: ContinueToken): string => Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.start })).toString('base64url');

/** @throws StatusError 400 */
export function decodeContinue(text: string): ContinueToken {
  const refuse = (why: string) => badRequestError(`invalid continue token: continue key is not valid: ${why}`);
  const broken = base64Problem(text);
  if (broken !== undefined) throw refuse(`illegal base64 data at input byte ${broken}`);
  let value: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    value = parseJson(Buffer.from(text, 'base64url')) as typeof value;
  } catch (error) {
    throw refuse(messageOf(error));
  }
  const wrong = wrongType(value);
  if (wrong) throw refuse(wrong);
  const { v = '', rv = 0, start = '' } = (value ?? {}) as { v?: string; rv?: number; start?: string };
  if (v !== 'meta.k8s.io/v1') throw refuse(`server does not recognize this encoded version ${v}`);
  if (!rv) throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (!start) throw refuse('encoded start key empty (version meta.k8s.io/v1)');
  const below = start.startsWith('/') ? start : `/${start}`;
  if (posix.normalize(below) !== below || (below.length > 1 && below.endsWith('/'))) throw refuse(start);
  return { revision: rv, start: below.slice(1) };
}

/** Where base64url without padding goes wrong: the first character that is none of it, or the last where one is left over. */
function base64Problem(text: string): number | undefined {
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\n' || text[i] === '\r') continue;
    if (!/[A-Za-z0-9_-]/.test(text[i])) return i;
    digits++;
  }
  return digits % 4 === 1 ? text.length - 1 : undefined;
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value);

/** What Go says of a token whose parts have other types. */
function wrongType(value: unknown): string | undefined {
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) return `json: cannot unmarshal ${kindOf(value)} into Go value of type storage.continueToken`;
  for (const [field, type] of [['v', 'string'], ['rv', 'int64'], ['start', 'string']] as const) {
    const given = (value as Record<string, unknown>)[field];
    if (given === undefined || given === null) continue;
    if (typeof given !== (type === 'string' ? 'string' : 'number')) return `json: cannot unmarshal ${kindOf(given)} into Go struct field continueToken.${field} of type ${type}`;
    if (typeof given === 'number' && !Number.isInteger(given)) return `json: cannot unmarshal number ${given} into Go struct field continueToken.${field} of type int64`;
  }
  return undefined;
}
