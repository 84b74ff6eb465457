import { badRequestError, expiredError } from '@pilothouse/apimachinery';
import type { Versions } from '../traces/watchable.ts';
import { representList, type RepresentOptions } from './represent.ts';
import type { ResourceView } from './resource-view.ts';
import { selection } from './selection.ts';

/** A page of what is there now. A continued list goes on after the last key it had, in what is there by then. @throws StatusError 400, 410 */
export function list<T>(view: ResourceView<T>, namespace: string, query: URLSearchParams, versions: Versions, options: RepresentOptions): object {
  const wanted = selection(view, namespace, query);
  const limit = limitOf(query);
  const byKey = (a: T, b: T) => (view.key(a) < view.key(b) ? -1 : 1);
  let values = [...view.all()].filter(wanted).sort(view.compare ?? byKey);
  const token = query.get('continue');
  if (token) {
    const last = readToken(token);
    const at = values.findIndex((v) => view.key(v) === last);
    if (at < 0) throw expiredError('The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.');
    values = values.slice(at + 1);
  }
  const metadata: Record<string, unknown> = { resourceVersion: String(versions.current) };
  if (limit && values.length > limit) {
    metadata.remainingItemCount = values.length - limit;
    values = values.slice(0, limit);
    metadata.continue = btoa(encodeURIComponent(view.key(values.at(-1)!)));
  }
  return representList(view, values, metadata, options);
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (!text) return 0;
  const limit = Number(text);
  if (!Number.isInteger(limit)) throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, limit);
}

function readToken(token: string): string {
  try {
    return decodeURIComponent(atob(token));
  } catch {
    throw badRequestError(`continue key is not valid: ${token}`);
  }
}
