/**
 * The store on an etcd v3 cluster (3.4 and later). Keys and values are as the API server gives them, so `etcdctl get
 * --prefix /registry/` shows them. Reads are linearizable; writes are transactions that compare the key's revision.
 * etcd's own limit on a request (1.5 MiB unless configured) bounds a value.
 */
import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Runtime } from '@pilothouse/base';
import { Compacted, type Entry, FutureRevision, type Revision, RevisionConflict, type Store, StoreUnavailable } from '../contract.ts';
import { followers } from '../follow.ts';
import { checkKey, compareKeys, type KeyRange, prefixRange } from '../keys.ts';
import { startCompactor } from './compactor.ts';
import { connect, type EtcdTls } from './connection.ts';
import { openFeed } from './feed.ts';
import { openLeases } from './leases.ts';
import { compactMethod, compareModRevision, deleteMethod, type KeyValue, rangeMethod, type RequestOp, statusMethod, txnMethod, watchMethod } from './messages.ts';

export interface EtcdStoreOptions {
  /** `https://host:port` each; all of one cluster. */
  endpoints: string[];
  /** Put before every key; default none. */
  prefix?: string;
  tls?: EtcdTls;
  /** For one operation with all its attempts; default 10,000. */
  requestTimeoutMs?: number;
  /** History older than this, up to twice this, is compacted, once per cluster; default 300,000; 0: never. */
  compactionIntervalMs?: number;
  /** How long a watch's position may stay unreported; default 500. */
  progressMs?: number;
  /** Recent events kept for watches; default 5,000 events and 32 MiB. */
  keep?: { events: number; bytes: number };
}

/** Long ranges are read in pages of so many entries. */
const page = 2_000;

/** @throws StoreUnavailable when no endpoint answers in time; UserError for endpoints or certificates that cannot be used */
export async function openEtcdStore(runtime: Runtime, options: EtcdStoreOptions): Promise<Store> {
  const { clock } = runtime;
  const prefix = options.prefix ?? '';
  const connection = connect(runtime, { endpoints: options.endpoints, tls: options.tls, requestTimeoutMs: options.requestTimeoutMs ?? 10_000 });
  const leases = openLeases(runtime, connection);
  const writes = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  /** What this process compacted last: the recent events may reach further back, and are not to be told. */
  let floor: Revision = 0;

  const newestRevision = async (signal?: AbortSignal): Promise<Revision> =>
    (await connection.call(rangeMethod, { key: `${prefix}\0`, countOnly: true }, { signal })).header.revision;

  /** etcd says that, but not where, history was compacted; a watch from the beginning is told. */
  const findFloor = async (): Promise<Revision> => {
    try {
      await connection.call(rangeMethod, { key: `${prefix}\0`, countOnly: true, revision: 1 });
      return 1;
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
    return new Promise((resolve, reject) => {
      const stream = connection.stream(watchMethod, { create: { key: `${prefix}\0`, startRevision: 1 } });
      stream.onEnd((error) => reject(new StoreUnavailable('etcd did not tell where its history begins', { cause: error })));
      stream.onMessage(({ compactRevision, canceled }) => {
        if (compactRevision === 0 && !canceled) return;
        stream.cancel();
        resolve(compactRevision);
      });
    });
  };
  const translate = async (error: unknown, asked: Revision): Promise<never> => {
    const { code, details = '' } = error as ServiceError;
    if (isCompacted(error)) throw new Compacted(await findFloor());
    if (code === status.OUT_OF_RANGE && /future revision/.test(details)) throw new FutureRevision(asked, await newestRevision());
    if (/request is too large/.test(details) || (code === status.INVALID_ARGUMENT && /too large/.test(details))) throw new RangeError('the value is larger than etcd takes', { cause: error });
    if (error instanceof Error && 'details' in error) throw new StoreUnavailable(`etcd: ${details}`, { cause: error });
    throw error;
  };

  let from: Revision;
  try {
    from = await newestRevision();
  } catch (error) {
    connection.close();
    throw error;
  }
  let progressWanted: Revision = 0;
  const feed = openFeed(runtime, {
    connection,
    prefix,
    from,
    newest: newestRevision,
    keep: options.keep ?? { events: 5_000, bytes: 32 << 20 },
    moved() {
      watches.moved();
      if (progressWanted && feed.position() >= progressWanted) reportProgress();
    },
  });
  const watches = followers(clock, {
    position: feed.position,
    read(range, after, signal) {
      if (after < floor) throw new Compacted(floor);
      return feed.read(range, after, signal);
    },
  }, options.progressMs ?? 500);
  const reportProgress = () => {
    progressWanted = 0;
    watches.requestProgress();
  };
  const compactor = options.compactionIntervalMs === 0 ? undefined : startCompactor(runtime, connection, options.compactionIntervalMs ?? 300_000);

  const open = () => {
    if (closing) throw new StoreUnavailable('the store is closed');
  };
  const entryOf = (kv: KeyValue): Entry => ({ key: kv.key.slice(prefix.length), value: kv.value, createRevision: kv.createRevision, modRevision: kv.modRevision });
  const wire = (range: KeyRange): { key: string; rangeEnd: string } => ({
    key: prefix + range.start || '\0',
    rangeEnd: (range.end === '' ? prefixRange(prefix).end : prefix + range.end) || '\0',
  });
  /** Remembers a write until it is over, for `close`. */
  const track = async <T>(write: Promise<T>): Promise<T> => {
    writes.add(write);
    try {
      return await write;
    } finally {
      writes.delete(write);
    }
  };
  /** Runs `act` if the key is at the revision. @throws RevisionConflict */
  const guarded = async (key: string, ifRevision: Revision | undefined, success: RequestOp[]) => {
    const compare = ifRevision === undefined ? [] : [{ target: compareModRevision, key: prefix + key, modRevision: ifRevision }];
    const result = await connection.call(txnMethod, { compare, success, failure: compare.length ? [{ range: { key: prefix + key } }] : [] }, { writes: true });
    if (result.succeeded) return result;
    const there = result.responses[0].range!.kvs[0];
    throw new RevisionConflict(key, there && entryOf(there));
  };

  const put = async (key: string, value: Uint8Array, ifRevision: Revision | undefined, ttlSeconds: number | undefined): Promise<Entry> => {
    for (let attempt = 0; ; attempt++) {
      const lease = ttlSeconds ? await leases.take(ttlSeconds) : undefined;
      try {
        // What is there after the put tells the create revision; a key that is made needs no telling.
        const success: RequestOp[] = [{ put: { key: prefix + key, value, lease } }];
        if (ifRevision !== 0) success.push({ range: { key: prefix + key, keysOnly: true } });
        const { header, responses } = await guarded(key, ifRevision, success);
        return { key, value, createRevision: responses[1]?.range?.kvs[0].createRevision ?? header.revision, modRevision: header.revision };
      } catch (error) {
        if (lease === undefined || attempt > 0 || (error as ServiceError).code !== status.NOT_FOUND) throw error;
        leases.forget(lease);
      }
    }
  };

  let askedForProgress: Promise<void> | undefined;
  const askForProgress = async () => {
    // After what is running now, so that a caller during it is served by the next.
    await null;
    askedForProgress = undefined;
    const newest = await newestRevision();
    if (feed.position() >= newest) reportProgress();
    else progressWanted = Math.max(progressWanted, newest);
  };

  return {
    async revision() {
      open();
      return newestRevision().catch((error) => translate(error, 0));
    },
    async get(key, { revision = 0, signal } = {}) {
      open();
      const found = await connection.call(rangeMethod, { key: prefix + key, revision }, { signal }).catch((error) => translate(error, revision));
      return { entry: found.kvs[0] && entryOf(found.kvs[0]), revision: revision || found.header.revision };
    },
    async range(range, { revision = 0, limit = 0, countOnly = false, signal } = {}) {
      open();
      const bounds = wire(range);
      // etcd would take an end before the start for a single key's range.
      if (range.end !== '' && compareKeys(range.end, range.start) <= 0) {
        return { entries: [], revision: revision || (await newestRevision(signal)), more: false, count: 0 };
      }
      const entries: Entry[] = [];
      let at = revision;
      let count: number | undefined;
      for (;;) {
        const wanted = limit > 0 ? Math.min(page, limit - entries.length) : page;
        const part = await connection.call(rangeMethod, { ...bounds, revision: at, limit: wanted, countOnly }, { signal }).catch((error) => translate(error, at));
        at ||= part.header.revision;
        count ??= part.count;
        for (const kv of part.kvs) entries.push(entryOf(kv));
        if (!part.more || countOnly || (limit > 0 && entries.length >= limit)) return { entries, revision: at, more: part.more && !countOnly, count };
        bounds.key = `${part.kvs.at(-1)!.key}\0`;
      }
    },
    async put(key, value, opts) {
      open();
      checkKey(key);
      return track(put(key, value, opts?.ifRevision, opts?.ttlSeconds).catch((error) => translate(error, 0)));
    },
    async delete(key, opts) {
      open();
      checkKey(key);
      const ask = { key: prefix + key, prevKv: true };
      const done = opts?.ifRevision === undefined
        ? connection.call(deleteMethod, ask, { writes: true })
        : guarded(key, opts.ifRevision, [{ deleteRange: ask }]).then(({ header, responses }) => ({ ...responses[0].deleteRange!, header }));
      const { header, prevKvs } = await track(done.catch((error) => translate(error, 0)));
      return prevKvs.length ? { revision: header.revision, previous: entryOf(prevKvs[0]) } : undefined;
    },
    watch: (range, opts) => watches.follow(range, opts),
    requestProgress() {
      if (closing) return;
      askedForProgress ??= askForProgress().catch((error) => runtime.log.warn('Could not learn the newest revision', { err: error }));
    },
    async compact(revision) {
      open();
      await connection.call(compactMethod, { revision }).catch((error) => translate(error, revision));
      floor = Math.max(floor, revision);
    },
    async compactedRevision() {
      open();
      return findFloor();
    },
    async size() {
      open();
      return (await connection.call(statusMethod, {})).dbSize;
    },
    async health(signal) {
      open();
      await newestRevision(signal);
    },
    close() {
      closing ??= (async () => {
        compactor?.stop();
        watches.close();
        await Promise.allSettled([...writes]);
        feed.close();
        connection.close();
      })();
      return closing;
    },
  };
}

const isCompacted = (error: unknown): boolean => (error as ServiceError).code === status.OUT_OF_RANGE && /has been compacted/.test((error as ServiceError).details ?? '');
