import type { ApiRequest } from '@pilothouse/apimachinery';

/** All values of a header; a transport may have kept them apart or not. */
export function headerValues(headers: ApiRequest['headers'], name: string): string[] {
  const value = headers[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** Keys of user extras travel percent-encoded in header names; what is no valid encoding is taken as it is. */
export function unescapeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

const listed = /^(impersonate|x-remote)-/;

/** Headers are bytes, which Node reads as Latin-1; names of users are UTF-8. */
const decoded = (value: string): string => (/[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString() : value);

/** Node joins repeated headers with commas; those that name users, groups and extras are taken apart again, as they were sent. */
export function separateHeaders(headers: ApiRequest['headers'], rawHeaders: readonly string[]): ApiRequest['headers'] {
  let separate: ApiRequest['headers'] | undefined;
  for (const name in headers) {
    if (!listed.test(name)) continue;
    separate ??= { ...headers };
    separate[name] = [];
  }
  if (!separate) return headers;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const values = separate[rawHeaders[i].toLowerCase()];
    if (Array.isArray(values) && listed.test(rawHeaders[i].toLowerCase())) values.push(decoded(rawHeaders[i + 1]));
  }
  return separate;
}
