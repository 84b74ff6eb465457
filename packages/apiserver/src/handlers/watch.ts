import { type ApiResponse, expiredError, type KubeObject, type Status, StatusError } from '@pilothouse/apimachinery';
import type { Random } from '@pilothouse/base';
import { waitForRevision } from '../cache/freshness.ts';
import type { CacheWatcher } from '../cache/watcher.ts';
import { plainError } from '../request/errors.ts';
import type { Call, WatchObserver } from './call.ts';
import { type ListOptions, listOptions, revisionFault, selectionOf } from './list-options.ts';
import { prepareViews } from './view.ts';
import { watchBody } from './watch-body.ts';
import { watchEncoder, type WatchEncoder } from './watch-encoding.ts';

/** Without a wish of the client's a bookmark comes about this often. */
const bookmarkEveryMs = 60_000;
/** The last bookmark comes this long before the watch times out. */
const lastBookmarkMs = 2_000;

/** Streams the changes of what the path and the selectors name. */
export async function watchObjects(call: Call): Promise<ApiResponse> {
  const { core, resource, info, request } = call;
  const options = listOptions(resource, info, true);
  const problem = revisionFault(options.resourceVersion);
  if (problem) throw plainError(problem);
  const opened = await openWatch(call, options);
  const encode = encoderFor(call, opened);
  if (opened instanceof StatusError) return refusal(call, encode, opened.status);
  const watcher = opened;
  const { namespace, name } = info;
  core.log.debug('Watch started', { resource: resource.definition.type.plural, namespace, name });
  const close = armTimers(call, options, watcher);
  const onAbort = (): void => release();
  request.signal.addEventListener('abort', onAbort, { once: true });
  core.draining.addEventListener('abort', onAbort, { once: true });
  const release = (): void => {
    close();
    watcher.end();
    call.observer?.ended();
    request.signal.removeEventListener('abort', onAbort);
    core.draining.removeEventListener('abort', onAbort);
  };
  if (request.signal.aborted || core.draining.aborted) release();
  const slow = (): Status => expiredError(`too old resource version: ${watcher.after} (${resource.stored!.cache.oldestRevision})`).status;
  if (resource.conversion?.remote && !request.wantObjects) return { status: 200, headers: encode.headers, body: preparedBytes(call, watcher, encode, slow, release) };
  if (request.wantObjects) return { status: 200, headers: {}, events: objectEvents(call, watcher, encode.objects, slow, release, call.observer) };
  return { status: 200, headers: encode.headers, body: watchBody({ watcher, encode, slow, release, observer: call.observer, rounds: core.rounds, clock: core.clock, signal: request.signal }) };
}

/** How a watch that is open already is written; it ends where the client wants a form it cannot have. */
function encoderFor(call: Call, opened: CacheWatcher | StatusError): WatchEncoder {
  try {
    return watchEncoder(call);
  } catch (error) {
    if (!(opened instanceof StatusError)) opened.end();
    throw error;
  }
}

/** A watch that cannot begin where it was asked to is one that consists of the error. */
function refusal({ request, observer }: Call, encode: WatchEncoder, status: Status): ApiResponse {
  observer?.ended();
  if (request.wantObjects) return { status: 200, headers: {}, events: once([{ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', ...status } }]) };
  return { status: 200, headers: encode.headers, body: once(encode.error(status)) };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

async function openWatch(call: Call, options: ListOptions): Promise<CacheWatcher | StatusError> {
  const { core, resource, info } = call;
  const { cache } = resource.stored!;
  const { selection, trigger } = selectionOf(resource, info, options);
  const asked = Number(options.resourceVersion || '0');
  if (options.sendInitialEvents) {
    try {
      await waitForRevision(core, options.resourceVersion === '' ? await core.store.revision() : asked);
    } catch (error) {
      if (error instanceof StatusError) return error;
      throw error;
    }
    const watcher = cache.watch(selection, undefined, trigger);
    if (options.allowWatchBookmarks) watcher.bookmark(cache.revision, true);
    return watcher;
  }
  if (options.resourceVersion === '') await waitForRevision(core, await core.store.revision());
  const from = asked === 0 ? cache.revision : asked;
  if (from < cache.oldestRevision) return expiredError(`too old resource version: ${asked} (${cache.oldestRevision})`);
  return cache.watch(selection, from, trigger);
}

/**
 * From 0 up to 1, in steps: of timers that do not keep the process alive Node remembers each different delay until it is
 * over, even where the timer was cancelled, which for watches is up to an hour.
 */
const drawn = (random: Random): number => random.below(500) / 500;

/** Ends the watch in time and sends bookmarks where they are wanted. Returns the timers' end. */
function armTimers(call: Call, options: ListOptions, watcher: CacheWatcher): () => void {
  const { core } = call;
  const { cache } = call.resource.stored!;
  const timeoutMs = options.timeoutSeconds ? options.timeoutSeconds * 1_000 : core.minWatchTimeoutMs * (1 + drawn(core.random));
  const timers = [core.clock.after(timeoutMs, () => watcher.end())];
  if (options.allowWatchBookmarks) {
    const mark = (): void => watcher.bookmark(cache.revision);
    let next = core.clock.after(bookmarkEveryMs * (0.75 + drawn(core.random) * 0.5), function again() {
      mark();
      next = core.clock.after(bookmarkEveryMs, again);
    });
    timers.push({ cancel: () => next.cancel() });
    if (timeoutMs > lastBookmarkMs) timers.push(core.clock.after(timeoutMs - lastBookmarkMs, mark));
  }
  return () => {
    for (const timer of timers) timer.cancel();
  };
}

type Deliveries = NonNullable<Awaited<ReturnType<CacheWatcher['take']>>>;

/** The events of objects that another server has to be asked about, one batch after the other. */
async function* preparedBytes(call: Call, watcher: CacheWatcher, encode: WatchEncoder, slow: () => Status, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const deliveries = await watcher.take();
      if (!deliveries) break;
      await prepareDeliveries(call, deliveries);
      call.observer?.sent(deliveries.length);
      yield* encode.bytes(deliveries);
    }
    if (watcher.ended === 'too-slow') yield encode.error(slow());
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    yield encode.error(error.status);
  } finally {
    release();
  }
}

const prepareDeliveries = async ({ resource }: Call, deliveries: Deliveries): Promise<void> => prepareViews(resource, deliveries.flatMap((delivery) => (delivery.type === 'BOOKMARK' ? [] : [delivery.object])));

async function* objectEvents(call: Call, watcher: CacheWatcher, decode: (deliveries: Deliveries) => { type: string; object: KubeObject }[], slow: () => Status, release: () => void, observer: WatchObserver | undefined): AsyncGenerator<readonly { type: string; object: unknown }[]> {
  try {
    for (;;) {
      const deliveries = await watcher.take();
      if (!deliveries) break;
      if (call.resource.conversion?.remote) await prepareDeliveries(call, deliveries);
      observer?.sent(deliveries.length);
      yield decode(deliveries);
    }
    if (watcher.ended === 'too-slow') yield [{ type: 'ERROR', object: slow() }];
  } finally {
    release();
  }
}
