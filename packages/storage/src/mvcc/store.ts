/**
 * The embedded multi-version store: decides writes on an index in memory (preconditions, revisions, expiry) and hands
 * them to a journal, which keeps them. A write is visible, to readers and watches alike, once the journal has it; the
 * decisions on writes look at what is under way too, so that many can be made durable together.
 */
import { KeyedHeap, type Runtime, type Timer } from '@pilothouse/base';
import { Compacted, type Entry, RevisionConflict, type Revision, type Store, type StoreEvent, StoreUnavailable } from '../contract.ts';
import { followers } from '../follow.ts';
import { checkKey } from '../keys.ts';
import { RecentValues } from './recent-values.ts';
import { History, type Version } from './history.ts';

/** A write as the journal keeps it. */
export interface Change extends Version {
  /** Empty for a deletion. */
  value: Uint8Array;
  /** Wall-clock milliseconds of the write. */
  atMs: number;
  /** Wall-clock milliseconds when the key is to be deleted; 0: never. */
  expiresAtMs: number;
}

/** Where the writes are kept. */
export interface Journal {
  /** Keeps the changes, all or none. Where that takes time, calls do not overlap. */
  append(changes: readonly Change[]): void | Promise<void>;
  /** The value written at a revision that is kept; undefined when it was forgotten. */
  value(revision: Revision): Uint8Array | undefined;
  /** Forgets revisions; history then starts at `floor`. */
  forget(revisions: readonly Revision[], floor: Revision): void | Promise<void>;
  /** Whether a failed `append` left nothing behind. */
  intact(committed: Revision): boolean;
  /** Values for a long read, which must stay whole while the store goes on; undefined where `value` does. */
  snapshot?(): { value(revision: Revision): Uint8Array | undefined; close(): void };
  size(): number;
  close(): void | Promise<void>;
}

export interface MvccOptions {
  /** How long versions that were overwritten can still be read, at least. */
  historyMs: number;
  /** How long a watch's position may stay unreported. */
  progressMs: number;
}

/** What is known when a store is opened on what a journal kept. */
export interface Restored {
  history: History;
  /** Keys that are to expire, by their newest version. */
  expiring: Iterable<{ key: string; revision: Revision; atMs: number }>;
  /** Times of writes, ascending: nothing after `revision` was written before `atMs`. */
  marks: { atMs: number; revision: Revision }[];
}

interface Pending {
  change: Change;
  resolve(): void;
  reject(error: unknown): void;
  /** What the key's expiry was before, to be put back if the write fails. */
  expiry: Expiry | undefined;
}

interface Expiry {
  key: string;
  revision: Revision;
  atMs: number;
}

const empty = new Uint8Array(0);
/** A watch reads at most so much in one go. */
const readLimits = { events: 500, scan: 10_000 };
/** Long ranges let others run after so many values. */
const slice = 2_000;

export function openMvccStore(runtime: Runtime, journal: Journal, options: MvccOptions, restored?: Restored): Store {
  const { clock, log } = runtime;
  const history = restored?.history ?? new History();
  const recent = new RecentValues();
  let committed = history.head;
  let pending: Pending[] = [];
  let flushing: Promise<void> | undefined;
  /** Settles with the newest write, and so after all before it. */
  let newestWrite: Promise<void> = Promise.resolve();
  let compacting: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;
  /** Why no write is taken any more. */
  let broken: StoreUnavailable | undefined;

  const expiries = new KeyedHeap<Expiry>({ key: (e) => e.key, before: (a, b) => a.atMs < b.atMs });
  let expiryTimer: Timer | undefined;
  /** When the timer is set for. */
  let armedForMs: number | undefined;
  for (const { key, revision, atMs } of restored?.expiring ?? []) expiries.push({ key, revision, atMs });

  const entryOf = (version: Version, value = journal.value): Entry | undefined => {
    const bytes = value.call(journal, version.revision);
    return bytes && { key: version.key, value: bytes, createRevision: version.createRevision, modRevision: version.revision };
  };

  const watches = followers(clock, {
    position: () => committed,
    read(range, after) {
      history.check(after, Number.MAX_SAFE_INTEGER);
      const { versions, reached } = history.since(range, after, committed, readLimits);
      const events = versions.map((v): StoreEvent => ({
        type: v.createRevision === 0 ? 'delete' : 'put',
        key: v.key,
        value: v.createRevision === 0 ? empty : (recent.get(v.revision) ?? journal.value(v.revision)!),
        revision: v.revision,
        createRevision: v.createRevision,
        get previous() {
          return v.previousRevision === undefined ? undefined : journal.value(v.previousRevision);
        },
      }));
      return { events, revision: reached };
    },
  }, options.progressMs);

  const unavailable = () => new StoreUnavailable('the store is closed');
  const readable = (revision: Revision | undefined): Revision => {
    if (closing) throw unavailable();
    if (!revision) return committed;
    history.check(revision, committed);
    return revision;
  };

  /** Makes what is pending durable, batch after batch. Where the journal is immediate, all happens before it returns. */
  const flush = (): void | Promise<void> => {
    const batch = pending;
    pending = [];
    try {
      const appended = journal.append(batch.map((p) => p.change));
      if (appended) return appended.then(() => settle(batch), (error) => fail(batch, error));
      settle(batch);
    } catch (error) {
      fail(batch, error);
    }
  };
  const settle = (batch: Pending[]) => {
    committed = batch[batch.length - 1].change.revision;
    for (const { change, resolve } of batch) {
      if (change.createRevision !== 0) recent.add(change.revision, change.value);
      resolve();
    }
    watches.moved();
  };
  const fail = (batch: Pending[], cause: unknown) => {
    log.error('A write to the store failed', { err: cause, writes: batch.length });
    const all = [...batch, ...pending];
    pending = [];
    const intact = journal.intact(committed);
    for (const p of all.reverse()) {
      history.undo();
      expiries.delete(p.change.key);
      if (p.expiry) expiries.push(p.expiry);
    }
    const error = new StoreUnavailable('the write could not be made durable', { cause, outcomeUnknown: !intact });
    if (!intact) broken = new StoreUnavailable('the store refuses writes since one failed and left its outcome unknown; it must be opened anew', { cause });
    for (const p of all) p.reject(error);
  };
  const flushAll = async () => {
    while (pending.length) await flush();
    flushing = undefined;
  };

  /** Decides a write now; `durable` settles when it is kept, and at once where the journal is immediate. */
  const write = (key: string, value: Uint8Array | undefined, expiresAtMs: number): { change: Change; durable: Promise<void> } => {
    const version = history.append(key, value ? 'put' : 'delete');
    const change: Change = { ...version, value: value ?? empty, atMs: clock.now(), expiresAtMs };
    const expiry = expiries.delete(key);
    if (expiresAtMs) expiries.push({ key, revision: version.revision, atMs: expiresAtMs });
    const durable = new Promise<void>((resolve, reject) => pending.push({ change, resolve, reject, expiry }));
    newestWrite = durable;
    if (!flushing) {
      const running = flush();
      if (running) flushing = running.then(flushAll);
    }
    armExpiry();
    return { change, durable };
  };
  const writable = () => {
    if (closing) throw unavailable();
    if (broken) throw broken;
  };
  /** @throws RevisionConflict, but only when what it conflicts with is durable, and so visible */
  const conflict = async (newest: Version | undefined, key: string): Promise<never> => {
    await newestWrite;
    throw new RevisionConflict(key, newest && newest.createRevision !== 0 ? entryOf(newest) : undefined);
  };
  const revisionOf = (newest: Version | undefined): Revision => (newest && newest.createRevision !== 0 ? newest.revision : 0);

  const armExpiry = () => {
    const next = expiries.peek();
    if (next?.atMs === armedForMs) return;
    expiryTimer?.cancel();
    armedForMs = next?.atMs;
    expiryTimer = next && clock.after(next.atMs - clock.now(), expire);
  };
  const expire = () => {
    expiryTimer = undefined;
    armedForMs = undefined;
    if (closing || broken) return;
    for (let next = expiries.peek(); next && next.atMs <= clock.now(); next = expiries.peek()) {
      expiries.delete(next.key);
      if (history.newest(next.key)?.revision === next.revision) write(next.key, undefined, 0).durable.catch(() => {});
    }
    armExpiry();
  };

  const marks = restored?.marks ?? [];
  const trimmer = clock.every(Math.max(1_000, options.historyMs / 60), () => {
    const horizon = clock.now() - options.historyMs;
    let reach: Revision = 0;
    while (marks.length && marks[0].atMs <= horizon) reach = marks.shift()!.revision;
    if (marks.at(-1)?.revision !== committed) marks.push({ atMs: clock.now(), revision: committed });
    if (reach > history.floor) compact(reach).catch((error) => log.warn('Compaction failed', { err: error }));
  });
  const compact = (revision: Revision): Promise<void> => {
    const done = compacting.then(async () => {
      if (closing) throw unavailable();
      history.check(revision, committed);
      if (revision === history.floor) {
        if (revision > 1) throw new Compacted(revision);
        return;
      }
      await journal.forget(history.compact(revision), revision);
    });
    compacting = done.catch(() => {});
    return done;
  };
  armExpiry();

  return {
    revision: async () => readable(0),
    async get(key, opts) {
      const revision = readable(opts?.revision);
      const version = history.at(key, revision);
      return { entry: version && entryOf(version), revision };
    },
    async range(range, opts) {
      const revision = readable(opts?.revision);
      const limit = opts?.limit ?? 0;
      if (opts?.countOnly) return { entries: [], revision, more: false, count: history.count(range, revision) };
      const { versions, more } = history.list(range, revision, limit);
      const count = more ? history.count(range, revision) : versions.length;
      const snapshot = versions.length > slice ? journal.snapshot?.() : undefined;
      try {
        const entries: Entry[] = [];
        for (let i = 0; i < versions.length; i++) {
          if (snapshot && i > 0 && i % slice === 0) {
            await new Promise<void>((resolve) => clock.soon(resolve));
            if (closing) throw unavailable();
            opts?.signal?.throwIfAborted();
          }
          entries.push(entryOf(versions[i], snapshot?.value)!);
        }
        return { entries, revision, more, count };
      } finally {
        snapshot?.close();
      }
    },
    async put(key, value, opts) {
      writable();
      checkKey(key);
      const newest = history.newest(key);
      if (opts?.ifRevision !== undefined && opts.ifRevision !== revisionOf(newest)) return conflict(newest, key);
      const { change, durable } = write(key, value, opts?.ttlSeconds ? clock.now() + opts.ttlSeconds * 1000 : 0);
      await durable;
      return { key, value, createRevision: change.createRevision, modRevision: change.revision };
    },
    async delete(key, opts) {
      writable();
      checkKey(key);
      const newest = history.newest(key);
      const revision = revisionOf(newest);
      if (opts?.ifRevision !== undefined && opts.ifRevision !== revision) return conflict(newest, key);
      if (!newest || revision === 0) {
        await newestWrite;
        return undefined;
      }
      const { change, durable } = write(key, undefined, 0);
      await durable;
      return {
        revision: change.revision,
        get previous() {
          return entryOf(newest)!;
        },
      };
    },
    watch: (range, opts) => watches.follow(range, opts),
    requestProgress: () => watches.requestProgress(),
    compact,
    compactedRevision: async () => (readable(0), history.floor),
    size: async () => (readable(0), journal.size()),
    async health() {
      writable();
    },
    close() {
      closing ??= (async () => {
        trimmer.cancel();
        expiryTimer?.cancel();
        watches.close();
        await flushing;
        await compacting;
        await journal.close();
      })();
      return closing;
    },
  };
}

