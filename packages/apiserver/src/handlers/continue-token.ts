import { badRequestError, goQuote } from '@pilothouse/apimachinery';

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
  const refuse = (why: string) => badRequestError(`invalid continue token: ${why}`);
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw refuse('continue key is not valid: illegal base64 data');
  let value: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString()) as typeof value;
  } catch {
    throw refuse('continue key is not valid: invalid character');
  }
  if (value?.v !== 'meta.k8s.io/v1') throw refuse(`continue key is not valid: server does not recognize this encoded version ${goQuote(String(value?.v ?? ''))}`);
  if (!value.rv || typeof value.rv !== 'number') throw refuse('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof value.start !== 'string' || !value.start) throw refuse('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  if (value.start.split('/').includes('..')) throw refuse(`invalid continue token (not from this server)`);
  return { revision: value.rv, start: value.start };
}
