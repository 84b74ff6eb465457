import type { Runtime } from '@pilothouse/base';
import type { BackupEntry, Snapshot } from '../backup/backup-file.ts';
import type { Revision } from '../contract.ts';
import { isDirectoryInUse } from './directory-lock.ts';
import { damaged, namingDirectory, openTablesToRead, readLogRow, type Tables, unsealed } from './tables.ts';

/**
 * What an embedded store holds now, read by another process than the one that has it, which goes on writing: one
 * transaction of LMDB sees one state. Until `close`, pages that the writer gives up are not used again.
 * @throws UserError where there is no store, or none that can be read
 */
export async function openLmdbSnapshot(runtime: Pick<Runtime, 'clock'>, dir: string): Promise<Snapshot & { close(): Promise<void> }> {
  const tables = namingDirectory(dir, () => openTablesToRead(dir, isDirectoryInUse(runtime, dir)));
  const transaction = tables.env.useReadTransaction();
  const close = async () => {
    (transaction as unknown as { done(): void }).done();
    await tables.env.close();
  };
  try {
    const { live, revision } = newestVersions(tables, transaction, dir);
    return { revision, entries: entriesOf(tables, transaction, dir, live), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Transaction = ReturnType<Tables['env']['useReadTransaction']>;
type Version = Omit<BackupEntry, 'value'>;

/** The typings know of `transaction` for ranges only. */
const read = (from: Tables['values'] | Tables['meta'], key: number | string, transaction: Transaction): Buffer | undefined =>
  (from as unknown as { getBinary(key: number | string, options: object): Buffer | undefined }).getBinary(key, { transaction });

function newestVersions({ meta, log }: Tables, transaction: Transaction, dir: string): { live: Map<string, Version>; revision: Revision } {
  const live = new Map<string, Version>();
  let revision = read(meta, 'floor', transaction)?.readDoubleLE() ?? 1;
  for (const { key: modRevision, value } of log.getRange({ transaction })) {
    const row = readLogRow(value);
    if (!row) throw damaged(dir, `its log is not whole at revision ${modRevision}`);
    const { key, createRevision, expiresAtMs } = row;
    if (createRevision === 0) live.delete(key);
    else live.set(key, { key, createRevision, modRevision, ...(expiresAtMs && { expiresAtMs }) });
    if (modRevision > revision) revision = modRevision;
  }
  return { live, revision };
}

function* entriesOf({ values }: Tables, transaction: Transaction, dir: string, live: ReadonlyMap<string, Version>): Generator<BackupEntry> {
  for (const version of live.values()) {
    const bytes = read(values, version.modRevision, transaction);
    const value = bytes && unsealed(bytes);
    if (!value) throw damaged(dir, `the value of ${version.key} at revision ${version.modRevision} is not whole`);
    yield { ...version, value };
  }
}
