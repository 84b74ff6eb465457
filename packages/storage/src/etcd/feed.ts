/**
 * All that happens in etcd, in order: one watch of the whole key space for all readers. Every revision of etcd changes
 * a key, so the newest event's revision is the position, without asking for progress (which etcd before 3.5.8 does not
 * know). Recent events are kept for the readers; one that is further behind is served by a watch from where it is.
 */
import type { Runtime } from '@pilothouse/base';
import { Compacted, type Revision, type StoreEvent, StoreUnavailable, type WatchBatch } from '../contract.ts';
import { inRange, type KeyRange } from '../keys.ts';
import type { Connection } from './connection.ts';
import { type WatchResponse, type WatchedEvent, watchMethod } from './messages.ts';

export interface FeedOptions {
  connection: Connection;
  /** Put before every key in etcd. Events elsewhere move the position and are not kept. */
  prefix: string;
  /** Where to begin: events after it. */
  from: Revision;
  /** The newest revision, for a new beginning when history has overtaken the feed. */
  newest(): Promise<Revision>;
  moved(): void;
  /** How many events, and bytes of values, are kept. */
  keep: { events: number; bytes: number };
}

export interface Feed {
  position(): Revision;
  read(range: KeyRange, after: Revision, signal: AbortSignal): WatchBatch | Promise<WatchBatch>;
  close(): void;
}

/** A reader gets so many events at a time; a catching-up one at most so many, counting all keys. */
const batchEvents = 500;
const replayEvents = 10_000;
const replayBytes = 8 << 20;

const everything = { key: '\0', rangeEnd: '\0' };
const empty = new Uint8Array(0);
/** A copy, so that a value that is kept does not keep the whole message it came in. */
const own = (bytes: Buffer): Uint8Array => Buffer.from(bytes);

function eventOf({ type, kv, prevKv }: WatchedEvent, prefix: string): StoreEvent {
  const deleted = type === 1;
  return {
    type: deleted ? 'delete' : 'put',
    key: kv.key.slice(prefix.length),
    value: deleted ? empty : own(kv.value),
    revision: kv.modRevision,
    createRevision: deleted ? 0 : kv.createRevision,
    previous: prevKv && own(prevKv.value),
  };
}

const weightOf = (event: StoreEvent): number => event.value.length + (event.previous?.length ?? 0);

export function openFeed({ clock, log }: Runtime, options: FeedOptions): Feed {
  const { connection, prefix, keep } = options;
  const closing = new AbortController();
  /** Events after `start` up to `position`, ascending; the first `dropped` are gone. */
  let recent: StoreEvent[] = [];
  let start = options.from;
  let position = options.from;
  let bytes = 0;
  let dropped = 0;

  const take = (response: WatchResponse) => {
    for (const watched of response.events) {
      if (watched.kv.modRevision <= position || !watched.kv.key.startsWith(prefix)) continue;
      const event = eventOf(watched, prefix);
      recent.push(event);
      bytes += weightOf(event);
    }
    // Whole revisions only: a fragment's last revision may go on in the next.
    const last = response.events.at(-1)?.kv.modRevision;
    if (last === undefined) return;
    const reached = response.fragment ? last - 1 : last;
    if (reached > position) {
      position = reached;
      trim();
      options.moved();
    }
  };
  const trim = () => {
    while (dropped < recent.length && (recent.length - dropped > keep.events || bytes > keep.bytes) && recent[dropped].revision <= position) {
      const { revision } = recent[dropped];
      for (; dropped < recent.length && recent[dropped].revision === revision; dropped++) bytes -= weightOf(recent[dropped]);
      start = revision;
    }
    if (dropped > 1_000 && dropped * 2 > recent.length) {
      recent = recent.slice(dropped);
      dropped = 0;
    }
  };

  /** One watch after `after`: each response goes to `handle` until it returns false; resolves when the watch is over. @throws Compacted */
  const watch = (after: Revision, signal: AbortSignal, handle: (response: WatchResponse) => boolean) =>
    new Promise<void>((resolve, reject) => {
      const stream = connection.stream(watchMethod, { create: { ...everything, startRevision: after + 1, prevKv: true, fragment: true, progressNotify: true } });
      const finish = (error?: unknown) => {
        signal.removeEventListener('abort', onAbort);
        stream.cancel();
        if (error) reject(error);
        else resolve();
      };
      const onAbort = () => finish();
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) return finish();
      stream.onMessage((response) => {
        if (response.compactRevision > 0) finish(new Compacted(response.compactRevision));
        else if (response.canceled) finish(new StoreUnavailable(`etcd ended the watch: ${response.cancelReason}`));
        else if (!handle(response)) finish();
      });
      stream.onEnd((error) => finish(new StoreUnavailable('the watch of etcd was cut', { cause: error })));
    });

  const run = async () => {
    for (let pauseMs = 20; !closing.signal.aborted; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      try {
        // A cut fragment is told again from its first revision.
        while (recent.length > dropped && recent[recent.length - 1].revision > position) bytes -= weightOf(recent.pop()!);
        await watch(position, closing.signal, (response) => {
          pauseMs = 20;
          take(response);
          return true;
        });
      } catch (error) {
        if (closing.signal.aborted) return;
        log.warn('The watch of etcd was interrupted', { err: error, revision: position });
        if (error instanceof Compacted) await restart();
        else await clock.sleep(pauseMs, closing.signal).catch(() => {});
      }
    }
  };
  /** Begins anew at the newest revision: readers that are behind it must look for themselves. */
  const restart = async () => {
    const newest = await options.newest().catch(() => undefined);
    if (newest === undefined || newest <= position) return;
    recent = [];
    dropped = 0;
    bytes = 0;
    start = newest;
    position = newest;
    options.moved();
  };

  const fromRecent = (range: KeyRange, after: Revision): WatchBatch => {
    let low = dropped;
    let high = recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (recent[middle].revision > after) high = middle;
      else low = middle + 1;
    }
    const events: StoreEvent[] = [];
    for (let i = low; i < recent.length && recent[i].revision <= position; i++) {
      const event = recent[i];
      // One revision may have several events, and is not cut in two.
      if (events.length >= batchEvents && event.revision !== recent[i - 1].revision) return { events, revision: recent[i - 1].revision };
      if (inRange(range, event.key)) events.push(event);
    }
    return { events, revision: position };
  };

  const replay = async (range: KeyRange, after: Revision, signal: AbortSignal): Promise<WatchBatch> => {
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      const target = start;
      const events: StoreEvent[] = [];
      let revision = after;
      let seen = 0;
      let weight = 0;
      try {
        await watch(after, signal, (response) => {
          for (const watched of response.events) {
            seen++;
            if (!watched.kv.key.startsWith(prefix) || !inRange(range, watched.kv.key.slice(prefix.length))) continue;
            const event = eventOf(watched, prefix);
            weight += weightOf(event);
            events.push(event);
          }
          const last = response.events.at(-1)?.kv.modRevision;
          if (last !== undefined) revision = response.fragment ? last - 1 : last;
          return response.fragment || (revision < target && seen < replayEvents && weight < replayBytes);
        });
        return { events: events.filter((e) => e.revision <= revision), revision };
      } catch (error) {
        if (error instanceof Compacted || signal.aborted) throw error;
        log.warn('Catching up from the history of etcd was interrupted', { err: error, revision: after });
        await clock.sleep(pauseMs, signal);
      }
    }
  };

  /** Runs with a signal that aborts with the given one or with the feed; leaves no listener on the feed's. */
  const untilClosed = async <T>(signal: AbortSignal, act: (either: AbortSignal) => Promise<T>): Promise<T> => {
    const either = new AbortController();
    const abort = () => either.abort();
    for (const s of [signal, closing.signal]) {
      if (s.aborted) abort();
      s.addEventListener('abort', abort, { once: true });
    }
    try {
      return await act(either.signal);
    } finally {
      for (const s of [signal, closing.signal]) s.removeEventListener('abort', abort);
    }
  };

  void run();
  return {
    position: () => position,
    read: (range, after, signal) => (after >= start ? fromRecent(range, after) : untilClosed(signal, (either) => replay(range, after, either))),
    close: () => closing.abort(),
  };
}
