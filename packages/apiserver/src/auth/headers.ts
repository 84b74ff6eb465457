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
