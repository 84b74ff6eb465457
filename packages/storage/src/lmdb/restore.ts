import { existsSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Runtime, UserError } from '@pilothouse/base';
import type { Backup, BackupEntry } from '../backup/backup-file.ts';
import type { Revision } from '../contract.ts';
import { floorValue, logRow, makeDirectory, namingDirectory, openTables, type Tables, valueRow } from './tables.ts';

/**
 * By how much a restored store's revision is ahead of the backup's: of more than clients can have seen written after
 * it, so that no revision is given out a second time for something else (`etcdutl snapshot restore --bump-revision`).
 */
export const revisionBump = 1_000_000_000;

const batch = 2_000;

/**
 * Makes an embedded store of a backup; the directory appears when all is in it. Objects keep their revisions; the store
 * goes on past all that were ever given out, and its history begins there, so that watches from before are told to
 * begin anew. Resolves with the revision it goes on after.
 * @throws UserError when the directory is not empty or cannot be made
 */
export async function restoreLmdbStore({ clock }: Pick<Runtime, 'clock'>, dir: string, backup: Backup): Promise<Revision> {
  const parent = dirname(dir);
  const revision = backup.revision + revisionBump;
  const atMs = clock.now();
  const made = namingDirectory(dir, () => {
    if (existsSync(dir) && readdirSync(dir).length) throw new UserError(`${dir} is not empty: a backup is restored into a new directory`);
    makeDirectory(parent);
    return mkdtempSync(join(parent, `${basename(dir)}.restoring-`));
  });
  try {
    const tables = namingDirectory(made, () => openTables(made));
    try {
      await fill(tables, backup, atMs);
      await tables.env.batch(() => tables.meta.put('floor', floorValue(revision)));
    } finally {
      await tables.env.close();
    }
    if (existsSync(dir)) rmdirSync(dir);
    renameSync(made, dir);
    await syncDirectory(parent);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
  return revision;
}

async function fill({ env, log, values }: Tables, backup: Backup, atMs: number): Promise<void> {
  /** Revisions that were used. In etcd one transaction may write several keys; here each has its own. */
  const used = new Set<Revision>();
  let spare = backup.revision;
  let pending: BackupEntry[] = [];
  const flush = () => {
    const entries = pending;
    pending = [];
    return env.batch(() => {
      for (const { key, value, createRevision, modRevision, expiresAtMs = 0 } of entries) {
        const revision = used.has(modRevision) ? ++spare : modRevision;
        used.add(revision);
        log.put(revision, logRow({ key, createRevision, atMs, expiresAtMs }));
        values.put(revision, valueRow(value));
      }
    });
  };
  for await (const entry of backup.entries()) if (pending.push(entry) >= batch) await flush();
  await flush();
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
