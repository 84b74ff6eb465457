import { messageOf, type Runtime } from '@pilothouse/base';
import { isExpired, type KubeObject, keyOf, type ResourceType, StatusError, type WatchEvent } from '@pilothouse/apimachinery';
import type { Client } from '../contract.ts';
import { listAll } from '../list-all.ts';

export interface ReflectorOptions<T extends KubeObject> {
  client: Client;
  runtime: Runtime;
  type: ResourceType<T>;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  metadataOnly?: boolean;
  /** Takes the initial state as a stream of events rather than as a list; falls back where the server refuses. */
  watchList?: boolean;
  /** The whole state as of `resourceVersion`; called first, and again after history was lost. */
  replace(items: T[], resourceVersion: string): void;
  /** One change (ADDED, MODIFIED, DELETED), in order. */
  apply(event: WatchEvent<T>): void;
  /** A resource version up to which everything has been seen. */
  progress(resourceVersion: string): void;
}

/** Marks the bookmark that ends a streamed initial state. */
const initialEventsEnd = 'k8s.io/initial-events-end';

/** While the server cannot be reached, it is tried again at least this often. */
const unreachableCapMs = 800;
const refusedCapMs = 30_000;

/**
 * Keeps a copy of a resource up to date until `signal` aborts: a list, then watches one after another from the last
 * resource version seen. Only when the server no longer knows that version is the list repeated.
 */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const { client, type, runtime: { clock, random, log } } = options;
  const selection = { namespace: options.namespace, labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, metadataOnly: options.metadataOnly, signal };
  let resourceVersion: string | undefined;
  let listFrom = '0';
  let streaming = options.watchList ?? false;
  let failures = 0;

  const list = async () => {
    if (streaming) {
      try {
        return await streamed(listFrom);
      } catch (error) {
        if (!(error instanceof StatusError) || isExpired(error) || error.code >= 500 || error.code === 429 || error.code === 403 || error.code === 401) throw error;
        log.debug('Server refused a streamed list, listing instead', { resource: type.plural, reason: error.message });
        streaming = false;
      }
    }
    return listAll<T>(client, type, { ...selection, resourceVersion: listFrom });
  };

  /** The initial state by watch: ADDED events up to the bookmark that says they are complete. */
  const streamed = async (from: string): Promise<{ items: T[]; resourceVersion: string }> => {
    const found = new Map<string, T>();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const batch of client.watch<T>(type, { ...selection, signal: stop.signal, sendInitialEvents: true, allowWatchBookmarks: true, resourceVersion: from, timeoutSeconds: 300 })) {
        for (const { type: kind, object } of batch) {
          if (kind === 'DELETED') found.delete(keyOf(object));
          else if (kind !== 'BOOKMARK') found.set(keyOf(object), object);
          else if (object.metadata.annotations?.[initialEventsEnd] === 'true') return { items: [...found.values()], resourceVersion: object.metadata.resourceVersion ?? '' };
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop.abort();
    }
    throw new Error('the watch ended before the initial state was complete');
  };

  const watch = async (): Promise<void> => {
    const started = clock.monotonic();
    let seen = 0;
    const watching = client.watch<T>(type, { ...selection, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 300 + random.below(300) });
    for await (const batch of watching) {
      if (signal.aborted) return;
      for (const event of batch) {
        seen++;
        resourceVersion = event.object.metadata.resourceVersion!;
        if (event.type !== 'BOOKMARK') options.apply(event);
        options.progress(resourceVersion);
      }
      failures = 0;
    }
    if (seen === 0 && clock.monotonic() - started < 1000) throw new Error('the watch ended at once without an event');
    failures = 0;
  };

  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        const state = await list();
        if (signal.aborted) return;
        resourceVersion = listFrom = state.resourceVersion;
        options.replace(state.items, state.resourceVersion);
      }
      await watch();
    } catch (error) {
      if (signal.aborted) return;
      if (isExpired(error) || isTooLarge(error)) {
        log.debug('History lost, listing anew', { resource: type.plural, resourceVersion });
        resourceVersion = undefined;
        listFrom = '';
        if (failures++ === 0) continue;
      } else {
        log.debug('Watching failed, will try again', { resource: type.plural, failures, reason: messageOf(error) });
        failures++;
      }
      await clock.sleep(delayMs(error, failures, random.next()), signal).catch(() => undefined);
    }
  }
}

/** The server has not come as far as the version asked for: another server, or one that was set back. */
const isTooLarge = (error: unknown): boolean => error instanceof StatusError && (error.status.details?.causes?.some((cause) => cause.reason === 'ResourceVersionTooLarge') ?? false);

function delayMs(error: unknown, failures: number, chance: number): number {
  const refused = error instanceof StatusError && error.code < 500 && error.code !== 429;
  const grown = 100 * 2 ** Math.min(failures - 1, 20);
  return Math.min(grown, refused ? refusedCapMs : unreachableCapMs) * (0.75 + chance / 2);
}
