import { realRuntime, Scope, UserError } from '@pilothouse/base';
import { openBackup } from '@pilothouse/storage/backup/backup-file';
import { restoreIntoStore } from '@pilothouse/storage/backup/store-snapshot';
import { restoreLmdbStore } from '@pilothouse/storage/lmdb/restore';
import { embeddedStoreDir, openEtcd } from '../parts/store.ts';
import { type BackupFlags, registryPrefix } from './backup.ts';

/** `pilothouse restore` */
export async function restore(file: string, flags: BackupFlags): Promise<void> {
  const runtime = realRuntime();
  const { etcdServers, dataDir } = flags;
  if (!etcdServers?.length && !dataDir) throw new UserError('--data-dir or --etcd-servers is needed: where shall the objects go?');
  const backup = await openBackup(file);
  const scope = new Scope('restore');
  try {
    const revision = etcdServers?.length
      ? await restoreIntoStore(scope.own(await openEtcd(runtime, flags, 0)), backup, { prefix: registryPrefix, nowMs: runtime.clock.now() })
      : await restoreLmdbStore(runtime, embeddedStoreDir(dataDir!), backup);
    console.log(`Restored ${backup.count} objects as of revision ${backup.revision} (${backup.createdAt}); the cluster goes on after revision ${revision}.`);
  } finally {
    await scope.close();
  }
}
