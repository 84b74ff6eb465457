/**
 * The files of the embedded store. Two trees, both in order of revision, so that writes append:
 *
 * - `log`: revision → checksum u32, create revision f64 (0: deletion), time of the write f64 (ms), expiry f64 (ms; 0:
 *   none), key (UTF-8). Read once, at opening, to make the index.
 * - `values`: revision → checksum u32, bytes of the value. No entry for a deletion.
 *
 * and `meta`, with the format's version and where history begins (`floor`, f64). Numbers are little endian; checksums
 * are CRC-32 of what follows them.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { UserError } from '@pilothouse/base';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Revision } from '../contract.ts';
import type { Change } from '../mvcc/store.ts';
import { findDamage } from './inspect.ts';

export type Table = Database<Buffer, number>;
export interface Tables {
  env: RootDatabase<Buffer, string>;
  meta: Database<Buffer, string>;
  log: Table;
  values: Table;
}

const format = 1;
const logHeader = 28;

/** Makes the directory and those above it. Not `recursive`, which makes Node loop without end below a file system that refuses directories with ENOENT, such as /proc. */
export function makeDirectory(dir: string): void {
  if (existsSync(dir)) return;
  if (!existsSync(dirname(dir))) makeDirectory(dirname(dir));
  mkdirSync(dir, { mode: 0o700 });
}

const denied = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENOSPC']);

/** Runs `act`; what the file system or LMDB refuses becomes a UserError that names the directory. */
export function namingDirectory<T>(dir: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if ((code && denied.has(code)) || /Permission denied|No space left/.test(message)) throw new UserError(`cannot use the data directory ${dir}: ${message}`, { cause: error });
    throw error;
  }
}

export const damaged = (dir: string, what: string, cause?: unknown) => new UserError(`the data in ${dir} is damaged (${what}): restore it from a backup`, { cause });

// Not overlapping: a commit's promise then resolves after fdatasync, not before.
// No batching by turns of the event loop: batches are explicit here, and each such turn makes a promise nobody can
// catch, which ends the process when the disk is full.
const settings = { noSubdir: false, overlappingSync: false, eventTurnBatching: false, encoding: 'binary', cache: false, maxDbs: 4 } as const;

const dataFile = (dir: string): string => join(dir, 'data.mdb');

/** True where the directory has a store, or what is left of one. */
export const hasData = (dir: string): boolean => existsSync(dataFile(dir)) && statSync(dataFile(dir)).size > 0;

/** Opens the store's trees, or makes them. @throws UserError for data that is damaged or not this program's */
export function openTables(dir: string): Tables {
  const found = hasData(dir);
  if (found) refuseDamage(dir);
  const env = openEnvironment(dir, false, found);
  const { meta, known } = checkedMeta(env, dir, found);
  if (!known) meta.putSync('format', u32(format));
  return tablesOf(env, meta);
}

/** Opens them to read only, which other processes may do while one writes. `live`: one does. @throws UserError as `openTables`, and where there are none */
export function openTablesToRead(dir: string, live: boolean): Tables {
  if (!hasData(dir)) throw new UserError(`there is no embedded store in ${dir}`);
  // Of a file that changes, the look from outside sees halves.
  if (!live) refuseDamage(dir);
  const env = openEnvironment(dir, true, true);
  const { meta, known } = checkedMeta(env, dir, true);
  if (!known) {
    void env.close();
    throw new UserError(`there is no embedded store in ${dir}`);
  }
  return tablesOf(env, meta);
}

function refuseDamage(dir: string): void {
  const damage = findDamage(dataFile(dir));
  if (damage) throw damaged(dir, `${dataFile(dir)}: ${damage}`);
}

function openEnvironment(dir: string, readOnly: boolean, found: boolean): RootDatabase<Buffer, string> {
  try {
    return open<Buffer, string>({ ...settings, path: dir, readOnly });
  } catch (error) {
    if (found && /MDB_/.test((error as Error).message)) throw damaged(dir, (error as Error).message, error);
    throw error;
  }
}

const table = <K extends string | number>(env: RootDatabase<Buffer, string>, name: string) => env.openDB<Buffer, K>({ name, encoding: 'binary', cache: false });

function checkedMeta(env: RootDatabase<Buffer, string>, dir: string, found: boolean): { meta: Tables['meta']; known: Buffer | undefined } {
  const meta = table<string>(env, 'meta');
  const known = meta?.getBinary('format');
  if (!known && found && [...env.getKeys()].some((name) => name !== 'meta')) {
    void env.close();
    throw new UserError(`the data directory ${dir} holds an LMDB database of something else`);
  }
  if (known && known.readUInt32LE() !== format) {
    void env.close();
    throw new UserError(`the data in ${dir} has format ${known.readUInt32LE()}, this version of Pilothouse reads format ${format}`);
  }
  return { meta, known };
}

const tablesOf = (env: RootDatabase<Buffer, string>, meta: Tables['meta']): Tables => ({ env, meta, log: table<number>(env, 'log'), values: table<number>(env, 'values') });

/** The revision at which history begins; 1 before anything was compacted. */
export const readFloor = (meta: Tables['meta']): Revision => meta.getBinary('floor')?.readDoubleLE() ?? 1;

export const floorValue = (floor: Revision): Buffer => {
  const at = Buffer.alloc(8);
  at.writeDoubleLE(floor);
  return at;
};

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
export const unsealed = (bytes: Buffer): Buffer | undefined => {
  const content = bytes.subarray(4);
  return bytes.length >= 4 && bytes.readUInt32LE(0) === crc32(content) ? content : undefined;
};

/** A value as the tree `values` has it. */
export function valueRow(value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + value.length);
  bytes.set(value, 4);
  return sealed(bytes);
}

/** A write as the tree `log` has it. */
export function logRow(change: Omit<Change, 'value' | 'revision'>): Buffer {
  const row = Buffer.allocUnsafe(logHeader + Buffer.byteLength(change.key));
  row.writeDoubleLE(change.createRevision, 4);
  row.writeDoubleLE(change.atMs, 12);
  row.writeDoubleLE(change.expiresAtMs, 20);
  row.write(change.key, logHeader);
  return sealed(row);
}

/** Undefined when it is not whole. */
export function readLogRow(bytes: Buffer): Omit<Change, 'value' | 'revision'> | undefined {
  const row = bytes.length >= logHeader ? unsealed(bytes) : undefined;
  return row && { key: row.toString('utf8', logHeader - 4), createRevision: row.readDoubleLE(0), atMs: row.readDoubleLE(8), expiresAtMs: row.readDoubleLE(16) };
}
