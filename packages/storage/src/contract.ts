/**
 * The store contract: a multi-version, ordered map from keys to bytes, in etcd's terms. Every backend passes the one
 * suite in `suite/`. The API server is the only user.
 *
 * Guarantees:
 * - Every successful write gets a revision greater than all before it; revisions are numbers below 2^53.
 * - A write is durable when its promise resolves (for backends that are durable at all) and then visible to every
 *   later read of this store, and, for etcd, of every other client.
 * - A watch delivers each event exactly once, ordered by revision, with no gap from the revision asked for.
 * - Values are handed over, not copied: whoever passes or receives one must not change its bytes.
 */

import type { KeyRange } from './keys.ts';

export { inRange, keyFits, type KeyRange, longestKeyBytes, prefixRange } from './keys.ts';

export type Revision = number;

export interface Entry {
  key: string;
  value: Uint8Array;
  /** Revision of the write that made the key (since it was last absent). */
  createRevision: Revision;
  /** Revision of the latest write. */
  modRevision: Revision;
}

export interface StoreEvent {
  type: 'put' | 'delete';
  key: string;
  /** The value written; for a delete, empty. */
  value: Uint8Array;
  /** Revision of the write (or of the deletion). */
  revision: Revision;
  /** For a put: equals `revision` where the key is new. For a delete: 0. */
  createRevision: Revision;
  /** The value before, where there was one and the backend still has it. */
  previous?: Uint8Array;
}

/** Events in order; `revision` is the position reached: everything at or before it has been delivered. May carry no events (progress). */
export interface WatchBatch {
  events: StoreEvent[];
  revision: Revision;
}

export interface RangeResult {
  entries: Entry[];
  /** Revision the range was read at. */
  revision: Revision;
  /** True when the limit cut the result. */
  more: boolean;
  /** Keys in the whole range at that revision (beyond the limit too). */
  count: number;
}

export interface Store {
  /** The newest revision, linearizable: at least that of every write acknowledged before the call, by any client. */
  revision(): Promise<Revision>;
  /** `entry` undefined when absent. `revision` absent or 0: the newest. @throws Compacted, FutureRevision */
  get(key: string, options?: { revision?: Revision; signal?: AbortSignal }): Promise<{ entry: Entry | undefined; revision: Revision }>;
  /** In key order. `limit` absent or 0: all. `countOnly`: no entries. @throws Compacted, FutureRevision */
  range(range: KeyRange, options?: { revision?: Revision; limit?: number; countOnly?: boolean; signal?: AbortSignal }): Promise<RangeResult>;
  /**
   * Writes. `ifRevision` is the key's expected modRevision; 0: it must not exist; absent: no condition.
   * `ttlSeconds`: the key is deleted that long afterwards (at least).
   * @throws RevisionConflict
   */
  put(key: string, value: Uint8Array, options?: { ifRevision?: Revision; ttlSeconds?: number }): Promise<Entry>;
  /** Deletes; resolves with the deletion's revision and what was deleted (to be looked at right away: it may be read only then), or undefined when the key was absent and no `ifRevision` given. @throws RevisionConflict */
  delete(key: string, options?: { ifRevision?: Revision }): Promise<{ revision: Revision; previous: Entry } | undefined>;
  /**
   * Events past `after` (0: from the beginning), until `signal` aborts or the store closes, then ends quietly. Reading
   * slowly costs no memory: events wait in the store's history, not in a queue. A batch without events tells that the
   * position moved on; one comes soon after `requestProgress`, and in any case some time (the store's `progressMs`)
   * after writes elsewhere.
   * @throws Compacted when `after` is older than history; WatcherTooSlow when history overtook a reader under way
   */
  watch(range: KeyRange, options: { after: Revision; signal: AbortSignal }): AsyncIterable<WatchBatch>;
  /** Makes every open watch of this store report, soon, a position at or past the newest revision at the time of the call (unless it did, or started there). */
  requestProgress(): void;
  /** Forgets versions overwritten at or before `revision`. Reads and watches before it then throw Compacted. @throws Compacted when that was done already, FutureRevision */
  compact(revision: Revision): Promise<void>;
  /** Oldest revision that can be read, and that a watch can start after; 1 when nothing was compacted yet. */
  compactedRevision(): Promise<Revision>;
  /** Bytes on disk or in memory, as far as the backend knows. */
  size(): Promise<number>;
  /** Rejects with the reason when the store cannot serve. */
  health(signal?: AbortSignal): Promise<void>;
  /** Ends watches, waits for accepted writes; repeatable. */
  close(): Promise<void>;
}

/** The precondition on the revision failed; `current` is what is there now (undefined: nothing). */
export class RevisionConflict extends Error {
  override name = 'RevisionConflict';
  readonly key: string;
  readonly current: Entry | undefined;
  constructor(key: string, current: Entry | undefined) {
    super(`the key ${key} is not at the expected revision`);
    this.key = key;
    this.current = current;
  }
}

/** The revision asked for has been compacted away. */
export class Compacted extends Error {
  override name = 'Compacted';
  readonly compactedRevision: Revision;
  constructor(compactedRevision: Revision) {
    super(`history before revision ${compactedRevision} has been compacted`);
    this.compactedRevision = compactedRevision;
  }
}

/** The revision asked for does not exist yet. */
export class FutureRevision extends Error {
  override name = 'FutureRevision';
  readonly current: Revision;
  constructor(asked: Revision, current: Revision) {
    super(`revision ${asked} is in the future, the newest is ${current}`);
    this.current = current;
  }
}

/** The watch was ended because its reader fell too far behind. */
export class WatcherTooSlow extends Error {
  override name = 'WatcherTooSlow';
}

/** The store cannot be reached or was closed; whether the write took effect is unknown where `outcomeUnknown`. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
  readonly outcomeUnknown: boolean;
  constructor(message: string, options: { outcomeUnknown?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}
