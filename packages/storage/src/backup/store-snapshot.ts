import { UserError } from '@pilothouse/base';
import { prefixRange, type Revision, RevisionConflict, type Store } from '../contract.ts';
import type { Backup, BackupEntry, Snapshot } from './backup-file.ts';

const page = 1_000;

/**
 * What any store (of etcd) holds under a prefix at its newest revision. Keys below `passing` are left out: they live by
 * a lease, of which the store does not tell.
 * @throws Compacted while reading, where that takes longer than history is kept
 */
export async function snapshotOf(store: Store, { prefix, passing }: { prefix: string; passing: readonly string[] }): Promise<Snapshot> {
  const revision = await store.revision();
  async function* entries(): AsyncGenerator<BackupEntry> {
    let { start, end } = prefixRange(prefix);
    for (;;) {
      const found = await store.range({ start, end }, { revision, limit: page });
      for (const entry of found.entries) if (!passing.some((p) => entry.key.startsWith(p))) yield entry;
      if (!found.more) return;
      start = `${found.entries[found.entries.length - 1].key}\0`;
    }
  }
  return { revision, entries: entries() };
}

/**
 * Writes a backup's keys into a store that has none under the prefix; they get new revisions. What has expired since
 * stays away. Resolves with the store's revision.
 * @throws UserError where there are some, or another writer comes in between
 */
export async function restoreIntoStore(store: Store, backup: Backup, { prefix, nowMs }: { prefix: string; nowMs: number }): Promise<Revision> {
  const { count } = await store.range(prefixRange(prefix), { countOnly: true });
  if (count) throw new UserError(`the store is not empty: it has ${count} keys under ${prefix}`);
  for await (const { key, value, expiresAtMs } of backup.entries()) {
    const ttlSeconds = expiresAtMs === undefined ? undefined : Math.ceil((expiresAtMs - nowMs) / 1000);
    if (ttlSeconds !== undefined && ttlSeconds <= 0) continue;
    try {
      await store.put(key, value, { ifRevision: 0, ...(ttlSeconds && { ttlSeconds }) });
    } catch (error) {
      if (error instanceof RevisionConflict) throw new UserError(`another program has written ${key} meanwhile: the store is restored in part`);
      throw error;
    }
  }
  return store.revision();
}
