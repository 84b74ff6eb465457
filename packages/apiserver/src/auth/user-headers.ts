/** How a front proxy tells the server behind it whom it has authenticated. */
import type { User } from '../contract.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what no header may hold
const unfit = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const legalInKey = /[A-Za-z0-9!#$&'*+\-.^_`|~]/;

/** Header names hold tokens only: every other byte of a key is percent-encoded. */
export const escapeExtraKey = (key: string): string => [...Buffer.from(key)].map((byte) => (legalInKey.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');

/** Headers carry bytes: text goes as UTF-8. */
function value(name: string, text: string): string {
  if (unfit.test(text)) throw new Error(`net/http: invalid header field value for "${name}"`);
  return Buffer.from(text).toString('latin1');
}

/** `X-Remote-*` of the user, names in lower case. @throws Error for what no header can hold, in Go's words */
export function userHeaders({ name, uid, groups, extra = {} }: User): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': value('X-Remote-User', name) };
  if (uid) headers['x-remote-uid'] = value('X-Remote-Uid', uid);
  if (groups.length) headers['x-remote-group'] = groups.map((group) => value('X-Remote-Group', group));
  for (const [key, values] of Object.entries(extra)) if (values.length) headers[`x-remote-extra-${escapeExtraKey(key).toLowerCase()}`] = values.map((one) => value(`X-Remote-Extra-${escapeExtraKey(key)}`, one));
  return headers;
}

/** The headers without those in which a client says who it is. */
export function withoutIdentity<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  const kept: Record<string, T> = {};
  for (const name in headers) if (name !== 'authorization' && !name.startsWith('impersonate-') && !name.startsWith('x-remote-')) kept[name] = headers[name];
  return kept;
}
