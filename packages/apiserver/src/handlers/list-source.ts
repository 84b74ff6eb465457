import { type Status, StatusError } from '@pilothouse/apimachinery';
import { Compacted, type Entry, FutureRevision } from '@pilothouse/storage';
import type { CachedObject } from '../cache/cached-object.ts';
import { fromStore } from '../cache/encoding.ts';
import { tooLargeRevision } from '../cache/freshness.ts';
import type { Selection } from '../cache/watcher.ts';
import type { ServedResource } from '../registry.ts';
import { encodeContinue } from './continue-token.ts';
import type { Call } from './call.ts';

/** A page of a list at one revision. */
export interface Page {
  items: CachedObject[];
  revision: number;
  /** Key of the first object that did not fit; undefined: all of it is here. */
  next: string | undefined;
  /** How many did not fit; unknown under a selector. */
  remaining: number | undefined;
}

/** Below this many objects a walk over all is as quick as an index. */
const indexFrom = 1_000;

/** A page of the cache as it is now. `limit` 0: everything. */
export function pageNow(resource: ServedResource, selection: Selection, start: string | undefined, limit: number): Page {
  const { cache } = resource.stored!;
  const items: CachedObject[] = [];
  let next: string | undefined;
  const { namespace, name, matches } = selection;
  if (name && (namespace || !cache.namespaced) && start === undefined) {
    const entry = cache.get(namespace, name);
    if (entry && (!matches || matches(entry))) items.push(entry);
    return { items, revision: cache.revision, next: undefined, remaining: undefined };
  }
  if (selection.exact && !limit && start === undefined && cache.size >= indexFrom) {
    const candidates = cache.withValue(namespace, selection.exact);
    if (candidates) {
      for (const entry of candidates) if ((!name || entry.name === name) && matches!(entry)) items.push(entry);
      return { items, revision: cache.revision, next: undefined, remaining: undefined };
    }
  }
  cache.scan(namespace, start, (entry) => {
    if (limit && items.length === limit) {
      next = entry.key;
      return false;
    }
    if ((!name || entry.name === name) && (!matches || matches(entry))) items.push(entry);
    return true;
  });
  return { items, revision: cache.revision, next, remaining: next !== undefined && !matches && !name ? cache.count(namespace, next) : undefined };
}

/**
 * A page as the list was at an older revision (`continued`: what the continue token says of where to begin): from the cache where nothing of it changed since or its history reaches
 * back, else from the store.
 * @throws StatusError 410 where the store no longer holds that revision, 504 where it does not exist yet
 */
export async function pageAt(call: Call, selection: Selection, start: string | undefined, limit: number, revision: number, continued?: string): Promise<Page> {
  const { resource, core } = call;
  const { cache } = resource.stored!;
  const range = cache.rangeOf(selection.namespace);
  if (revision <= cache.revision) {
    // The cache may remember more than the store: what is compacted is gone for every server alike.
    await core.store.get(range.start, { revision, signal: call.request.signal }).catch((error: unknown) => {
      throw rangeError(error, revision, continued);
    });
    if (cache.changedRevision <= revision) return { ...pageNow(resource, selection, start, limit), revision };
    const changes = cache.changesSince(revision);
    if (changes) return pageWithChanges(resource, selection, start, limit, revision, changes);
  }
  let from = start !== undefined && start > range.start ? start : range.start;
  const items: CachedObject[] = [];
  let next: string | undefined;
  let remaining: number | undefined;
  for (;;) {
    const pageLimit = limit ? Math.max(limit - items.length + 1, selection.matches ? 500 : 0) : 1_000;
    let page: Awaited<ReturnType<typeof core.store.range>>;
    try {
      page = await core.store.range({ start: from, end: range.end }, { revision, limit: pageLimit, signal: call.request.signal });
    } catch (error) {
      throw rangeError(error, revision, continued);
    }
    for (const [i, entry] of page.entries.entries()) {
      if (limit && items.length === limit) {
        next = entry.key;
        remaining = selection.matches || selection.name ? undefined : page.count - i;
        break;
      }
      const object = objectOf(resource, entry);
      if ((!selection.name || object.name === selection.name) && (!selection.matches || selection.matches(object))) items.push(object);
    }
    if (next !== undefined || !page.more) return { items, revision, next, remaining };
    from = `${page.entries[page.entries.length - 1].key}\0`;
  }
}

function pageWithChanges(resource: ServedResource, selection: Selection, start: string | undefined, limit: number, revision: number, changes: Map<string, CachedObject | undefined>): Page {
  const { cache } = resource.stored!;
  const range = cache.rangeOf(selection.namespace);
  const from = start !== undefined && start > range.start ? start : range.start;
  const all: CachedObject[] = [];
  cache.scan(selection.namespace, start, (entry) => {
    if (!changes.has(entry.key)) all.push(entry);
  });
  const added = all.length;
  for (const [key, old] of changes) if (old && key >= from && key < range.end) all.push(old);
  if (all.length > added) all.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const items: CachedObject[] = [];
  const { name, matches } = selection;
  for (const [i, entry] of all.entries()) {
    if (limit && items.length === limit) return { items, revision, next: entry.key, remaining: matches || name ? undefined : all.length - i };
    if ((!name || entry.name === name) && (!matches || matches(entry))) items.push(entry);
  }
  return { items, revision, next: undefined, remaining: undefined };
}

const objectOf = ({ stored }: ServedResource, entry: Entry): CachedObject => stored!.cache.objectOf(entry.key, entry.modRevision, fromStore(entry, entry.modRevision, stored!.reader));

function rangeError(error: unknown, revision: number, remainder: string | undefined): unknown {
  if (error instanceof FutureRevision) return tooLargeRevision(revision, error.current);
  if (!(error instanceof Compacted)) return error;
  if (remainder === undefined) return expired('The resourceVersion for the provided list is too old.');
  return expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    encodeContinue({ revision: -1, start: remainder }),
  );
}

const expired = (message: string, token?: string): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: token ? { continue: token } : {}, status: 'Failure', message, reason: 'Expired', code: 410 } satisfies Status);

