/**
 * The durable embedded store. The index of keys and versions is in memory (see `mvcc/`), the values are in LMDB and are
 * read from its memory map when asked for. Two trees, both in order of revision, so that writes append:
 *
 * - `log`: revision → checksum u32, create revision f64 (0: deletion), time of the write f64 (ms), expiry f64 (ms; 0:
 *   none), key (UTF-8). Read once, at opening, to make the index.
 * - `values`: revision → checksum u32, bytes of the value. No entry for a deletion.
 *
 * and `meta`, with the format's version and where history begins. Numbers are little endian; checksums are CRC-32 of
 * what follows them. Writes that come while a transaction is being flushed share the next one; a write is acknowledged
 * when LMDB has written it and fdatasync has returned.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Runtime, UserError } from '@pilothouse/base';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Revision, type Store, StoreUnavailable } from '../contract.ts';
import { History } from '../mvcc/history.ts';
import { type Change, type Journal, openMvccStore, type Restored } from '../mvcc/store.ts';
import { lockDirectory } from './directory-lock.ts';
import { findDamage } from './inspect.ts';

export interface LmdbStoreOptions {
  /** The data directory; made when it is not there. One process at a time may have it. */
  dir: string;
  /** How long versions that were overwritten can still be read, at least; default one hour. */
  historyMs?: number;
  /** How long a watch's position may stay unreported; default 500. */
  progressMs?: number;
}

type Table = Database<Buffer, number>;
interface Tables {
  env: RootDatabase<Buffer, string>;
  meta: Database<Buffer, string>;
  log: Table;
  values: Table;
}

const format = 1;
const logHeader = 28;

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

/** Not `recursive`, which makes Node loop without end below a file system that refuses directories with ENOENT, such as /proc. */
function makeDirectory(dir: string): void {
  if (existsSync(dir)) return;
  if (!existsSync(dirname(dir))) makeDirectory(dirname(dir));
  mkdirSync(dir, { mode: 0o700 });
}

const denied = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENOSPC']);

function namingDirectory<T>(dir: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if ((code && denied.has(code)) || /Permission denied|No space left/.test(message)) throw new UserError(`cannot use the data directory ${dir}: ${message}`, { cause: error });
    throw error;
  }
}

const damaged = (dir: string, what: string, cause?: unknown) => new UserError(`the data in ${dir} is damaged (${what}): restore it from a backup`, { cause });

function openTables(dir: string): Tables {
  const path = join(dir, 'data.mdb');
  const found = existsSync(path) && statSync(path).size > 0;
  const damage = found ? findDamage(path) : undefined;
  if (damage) throw damaged(dir, `${path}: ${damage}`);
  // Not overlapping: a commit's promise then resolves after fdatasync, not before.
  // No batching by turns of the event loop: batches are explicit here, and each such turn makes a promise nobody can
  // catch, which ends the process when the disk is full.
  const settings = { path: dir, noSubdir: false, overlappingSync: false, eventTurnBatching: false, encoding: 'binary', cache: false, maxDbs: 4 } as const;
  let env: RootDatabase<Buffer, string>;
  try {
    env = open<Buffer, string>(settings);
  } catch (error) {
    if (found && /MDB_/.test((error as Error).message)) throw damaged(dir, (error as Error).message, error);
    throw error;
  }
  const table = <K extends string | number>(name: string) => env.openDB<Buffer, K>({ name, encoding: 'binary', cache: false });
  const meta = table<string>('meta');
  const known = meta.getBinary('format');
  if (!known && found && [...env.getKeys()].some((name) => name !== 'meta')) {
    void env.close();
    throw new UserError(`the data directory ${dir} holds an LMDB database of something else`);
  }
  if (known && known.readUInt32LE() !== format) {
    void env.close();
    throw new UserError(`the data in ${dir} has format ${known.readUInt32LE()}, this version of Pilothouse reads format ${format}`);
  }
  if (!known) meta.putSync('format', u32(format));
  return { env, meta, log: table<number>('log'), values: table<number>('values') };
}

const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};

/** Puts the checksum in the first four bytes. */
const sealed = (bytes: Buffer): Buffer => {
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
};

/** What follows the checksum; undefined when it does not fit. */
const unsealed = (bytes: Buffer): Buffer | undefined => {
  const content = bytes.subarray(4);
  return bytes.length >= 4 && bytes.readUInt32LE(0) === crc32(content) ? content : undefined;
};

function logRow(change: Change): Buffer {
  const row = Buffer.allocUnsafe(logHeader + Buffer.byteLength(change.key));
  row.writeDoubleLE(change.createRevision, 4);
  row.writeDoubleLE(change.atMs, 12);
  row.writeDoubleLE(change.expiresAtMs, 20);
  row.write(change.key, logHeader);
  return sealed(row);
}

/** Makes the index from the log. */
function restore({ meta, log, values }: Tables, dir: string, historyMs: number): Restored {
  const history = new History();
  const floor = meta.getBinary('floor')?.readDoubleLE() ?? 1;
  history.start(floor);
  const expiring = new Map<string, { key: string; revision: Revision; atMs: number }>();
  const marks: Restored['marks'] = [];
  let puts = 0;
  for (const { key: revision, value } of log.getRange({ snapshot: false })) {
    const row = value.length >= logHeader ? unsealed(value) : undefined;
    const version = row && { key: row.toString('utf8', logHeader - 4), revision, createRevision: row.readDoubleLE(0) };
    if (!version || !history.load(version)) throw damaged(dir, `its log is not whole at revision ${revision}`);
    if (version.createRevision !== 0) puts++;
    const atMs = row.readDoubleLE(8);
    const expiresAtMs = row.readDoubleLE(16);
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
    if (!value) throw new StoreUnavailable(`the value of revision ${revision} in ${dir} is damaged`);
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
          const bytes = Buffer.allocUnsafe(4 + change.value.length);
          bytes.set(change.value, 4);
          values.put(change.revision, sealed(bytes));
        }
      }),
    value: (revision) => read(revision, values.getBinary(revision)),
    async forget(revisions, floor) {
      // A transaction of moderate size at a time, so that writes are not held up; the floor moves first: what is left
      // over by a crash in between is forgotten at the next opening.
      const at = Buffer.alloc(8);
      at.writeDoubleLE(floor);
      await commit(() => meta.put('floor', at));
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
      const floor = meta.getBinary('floor')?.readDoubleLE() ?? 1;
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
