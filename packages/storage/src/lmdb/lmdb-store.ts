/**
 * The durable embedded store. The index of keys and versions is in memory (see `mvcc/`), the values are in LMDB (see
 * `tables.ts`) and are read from its memory map when asked for. Writes that come while a transaction is being flushed
 * share the next one; a write is acknowledged when LMDB has written it and fdatasync has returned.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '@pilothouse/base';
import { type Revision, type Store, StoreUnavailable } from '../contract.ts';
import { History } from '../mvcc/history.ts';
import { type Journal, openMvccStore, type Restored } from '../mvcc/store.ts';
import { lockDirectory } from './directory-lock.ts';
import { damaged, floorValue, logRow, makeDirectory, namingDirectory, openTables, readFloor, readLogRow, type Tables, unsealed, valueRow } from './tables.ts';

export interface LmdbStoreOptions {
  /** The data directory; made when it is not there. One process at a time may have it. */
  dir: string;
  /** How long versions that were overwritten can still be read, at least; default one hour. */
  historyMs?: number;
  /** How long a watch's position may stay unreported; default 500. */
  progressMs?: number;
}

/** @throws UserError when the directory cannot be used: in use, no permission, damaged, or written by something else */
export async function openLmdbStore(runtime: Runtime, options: LmdbStoreOptions): Promise<Store> {
  const historyMs = options.historyMs ?? 3_600_000;
  const { dir } = options;
  const lock = namingDirectory(dir, () => {
    makeDirectory(dir);
    return lockDirectory(runtime, dir);
  });
  let tables: Tables | undefined;
  try {
    tables = namingDirectory(dir, () => openTables(dir));
    const restored = restore(tables, dir, historyMs);
    const journal = lmdbJournal(tables, dir, () => lock.release());
    const leftovers = restored.history.leftovers();
    if (leftovers.length) await journal.forget(leftovers, restored.history.floor);
    return openMvccStore(runtime, journal, { historyMs, progressMs: options.progressMs ?? 500 }, restored);
  } catch (error) {
    await tables?.env.close();
    lock.release();
    throw error;
  }
}

/** Makes the index from the log. */
function restore({ meta, log, values }: Tables, dir: string, historyMs: number): Restored {
  const history = new History();
  const floor = readFloor(meta);
  history.start(floor);
  const expiring = new Map<string, { key: string; revision: Revision; atMs: number }>();
  const marks: Restored['marks'] = [];
  let puts = 0;
  for (const { key: revision, value } of log.getRange({ snapshot: false })) {
    const row = readLogRow(value);
    const version = row && { key: row.key, revision, createRevision: row.createRevision };
    if (!version || !history.load(version)) throw damaged(dir, `its log is not whole at revision ${revision}`);
    if (version.createRevision !== 0) puts++;
    const { atMs, expiresAtMs } = row;
    if (expiresAtMs) expiring.set(version.key, { key: version.key, revision, atMs: expiresAtMs });
    else expiring.delete(version.key);
    if (revision > floor && atMs >= (marks.at(-1)?.atMs ?? 0) + historyMs / 60) marks.push({ atMs, revision });
    else if (marks.length) marks[marks.length - 1].revision = revision;
  }
  const kept = (values.getStats() as { entryCount: number }).entryCount;
  if (kept !== puts) throw damaged(dir, `it has ${kept} values where its log tells of ${puts}`);
  return { history, expiring: expiring.values(), marks };
}

function lmdbJournal({ env, meta, log, values }: Tables, dir: string, closed: () => void): Journal {
  const read = (revision: Revision, bytes: Buffer | undefined): Uint8Array | undefined => {
    if (!bytes) return undefined;
    const value = unsealed(bytes);
    if (!value) throw new StoreUnavailable(`the value of revision ${revision} in ${dir} is damaged: restore it from a backup`);
    return value;
  };
  /** Runs writes as one transaction; resolves when it is durable. */
  const commit = async (writes: () => void): Promise<void> => {
    try {
      await env.batch(writes);
    } catch (error) {
      // The reason comes as another promise, which ends the process when nobody waits for it.
      const { commitError } = error as { commitError?: Promise<never> };
      throw commitError ? await commitError.catch((reason: unknown) => reason) : error;
    }
  };
  return {
    append: (changes) =>
      commit(() => {
        for (const change of changes) {
          log.put(change.revision, logRow(change));
          if (change.createRevision === 0) continue;
          values.put(change.revision, valueRow(change.value));
        }
      }),
    value: (revision) => read(revision, values.getBinary(revision)),
    async forget(revisions, floor) {
      // A transaction of moderate size at a time, so that writes are not held up; the floor moves first: what is left
      // over by a crash in between is forgotten at the next opening.
      await commit(() => meta.put('floor', floorValue(floor)));
      // A backup that was killed while it read would keep pages from being used again.
      env.readerCheck();
      for (let i = 0; i < revisions.length; i += 2_000) {
        await commit(() => {
          for (const revision of revisions.slice(i, i + 2_000)) {
            log.remove(revision);
            values.remove(revision);
          }
        });
      }
    },
    intact(committed) {
      const floor = readFloor(meta);
      const [last] = log.getKeys({ reverse: true, limit: 1 });
      return Math.max(last ?? 1, floor) === committed;
    },
    snapshot() {
      const transaction = values.useReadTransaction();
      return {
        value: (revision) => read(revision, (values as unknown as { getBinary(id: number, options: object): Buffer | undefined }).getBinary(revision, { transaction })),
        close: () => (transaction as unknown as { done(): void }).done(),
      };
    },
    size: () => statSync(join(dir, 'data.mdb')).size,
    async close() {
      await env.close();
      closed();
    },
  };
}
