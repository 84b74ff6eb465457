import { type Entry, type KeyRange, type Revision, type Store, type StoreEvent, type WatchBatch } from '../contract.ts';

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

/** An entry as one line: key, value, create revision, mod revision. */
export const line = (entry: Entry): string => `${entry.key}=${text(entry.value)} ${entry.createRevision} ${entry.modRevision}`;

/** Reads a watch in the background. */
export interface Reader {
  events: StoreEvent[];
  batches: WatchBatch[];
  /** Position reached. */
  revision(): Revision;
  /** Resolves when the position is at or past `revision`; rejects with the error of the watch, or when it ends before. */
  reached(revision: Revision): Promise<void>;
  /** Aborts; resolves when the watch has ended. */
  stop(): Promise<void>;
  /** Resolves with the error of the watch, or undefined when it ends quietly. */
  ended: Promise<unknown>;
}

export function readWatch(store: Store, range: KeyRange, after: Revision): Reader {
  const abort = new AbortController();
  const events: StoreEvent[] = [];
  const batches: WatchBatch[] = [];
  const waiting: { revision: Revision; resolve(): void; reject(error: unknown): void }[] = [];
  let at = after;
  let over: { error: unknown } | undefined;
  const ended = (async () => {
    let failure: unknown;
    try {
      for await (const batch of store.watch(range, { after, signal: abort.signal })) {
        batches.push(batch);
        events.push(...batch.events);
        at = batch.revision;
        for (const w of waiting) if (at >= w.revision) w.resolve();
      }
    } catch (error) {
      failure = error;
    }
    over = { error: failure };
    for (const w of waiting) w.reject(failure ?? new Error(`the watch ended at revision ${at}, before ${w.revision}`));
    return failure;
  })();
  return {
    events,
    batches,
    revision: () => at,
    reached: (revision) => new Promise((resolve, reject) => {
      if (at >= revision) return resolve();
      if (over) return reject(over.error ?? new Error(`the watch ended at revision ${at}`));
      waiting.push({ revision, resolve, reject });
      store.requestProgress();
    }),
    async stop() {
      abort.abort();
      await ended;
    },
    ended,
  };
}

/** What a set of events leaves behind, key → line. */
export function replay(events: readonly StoreEvent[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const e of events) {
    if (e.type === 'delete') state.delete(e.key);
    else state.set(e.key, `${e.key}=${text(e.value)} ${e.createRevision} ${e.revision}`);
  }
  return state;
}
