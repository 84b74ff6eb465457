import { realRuntime, Scope, UserError } from '@pilothouse/base';
import { Compacted } from '@pilothouse/storage';
import { writeBackup } from '@pilothouse/storage/backup/backup-file';
import { snapshotOf } from '@pilothouse/storage/backup/store-snapshot';
import { openLmdbSnapshot } from '@pilothouse/storage/lmdb/snapshot';
import { embeddedStoreDir, type EtcdFlags, openEtcd } from '../parts/store.ts';

export interface BackupFlags extends EtcdFlags {
  dataDir?: string;
}

/** Where all objects lie. */
export const registryPrefix = '/registry/';

/** Live by leases in etcd, for minutes or an hour, and mean nothing to a cluster that begins anew. */
const passing = ['/registry/events/', '/registry/masterleases/'];

/** `pilothouse backup` */
export async function backup(file: string, flags: BackupFlags): Promise<void> {
  const runtime = realRuntime();
  const scope = new Scope('backup');
  try {
    const snapshot = await openSnapshot(flags);
    const count = await writeBackup(runtime, file, snapshot);
    console.log(`Backed up ${count} objects as of revision ${snapshot.revision} into ${file}.`);
  } catch (error) {
    throw error instanceof Compacted ? new UserError('history was compacted while it was read: run the backup again, or make --etcd-compaction-interval longer', { cause: error }) : error;
  } finally {
    await scope.close();
  }

  async function openSnapshot({ etcdServers, dataDir }: BackupFlags) {
    if (etcdServers?.length) return snapshotOf(scope.own(await openEtcd(runtime, flags, 0)), { prefix: registryPrefix, passing });
    if (!dataDir) throw new UserError('--data-dir or --etcd-servers is needed: where are the objects?');
    return scope.own(await openLmdbSnapshot(runtime, embeddedStoreDir(dataDir)));
  }
}
