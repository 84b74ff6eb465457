/** Opens the store that the flags name. */
import { join } from 'node:path';
import { messageOf, type Runtime, UserError } from '@pilothouse/base';
import { readFlagFile } from './flag-files.ts';
import type { Store } from '@pilothouse/storage';

/** How to reach etcd. */
export interface EtcdFlags {
  etcdServers?: string[];
  /** `--etcd-prefix`; keys are `<prefix>/pods/…`. */
  etcdPrefix: string;
  etcdCafile?: string;
  etcdCertfile?: string;
  etcdKeyfile?: string;
}

export interface StoreFlags extends EtcdFlags {
  /** Milliseconds; 0: etcd is not compacted from here. */
  etcdCompactionInterval: number;
  /** Milliseconds; absent: the store's default. */
  autoCompactionRetention?: number;
  /** Directory of the embedded store. */
  dataDir?: string;
  inMemory?: boolean;
}

/** What the store is, for people. */
export const describeStore = (flags: StoreFlags): string => (flags.etcdServers?.length ? `etcd at ${flags.etcdServers.join(', ')}` : flags.inMemory ? 'memory (gone when the program ends)' : `embedded, in ${flags.dataDir}`);

/** The directory of the embedded store in a cluster's directory. */
export const embeddedStoreDir = (dataDir: string): string => join(dataDir, 'store');

/** @throws UserError in one sentence for whatever the user must mend */
export async function openEtcd(runtime: Runtime, flags: EtcdFlags, compactionIntervalMs: number): Promise<Store> {
  const endpoints = flags.etcdServers ?? [];
  const { openEtcdStore } = await import('@pilothouse/storage/etcd/etcd-store');
  const tls = flags.etcdCafile || flags.etcdCertfile ? {
    ...(flags.etcdCafile && { ca: readFlagFile('etcd-cafile', flags.etcdCafile) }),
    ...(flags.etcdCertfile && { cert: readFlagFile('etcd-certfile', flags.etcdCertfile) }),
    ...(flags.etcdKeyfile && { key: readFlagFile('etcd-keyfile', flags.etcdKeyfile) }),
  } : undefined;
  const prefix = flags.etcdPrefix.replace(/\/registry\/?$/, '').replace(/\/$/, '');
  try {
    return await openEtcdStore(runtime, { endpoints, prefix, compactionIntervalMs, ...(tls && { tls }) });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`no etcd answers at ${endpoints.join(', ')}: ${messageOf(error)}`);
  }
}

/** @throws UserError in one sentence for whatever the user must mend */
export async function openStore(runtime: Runtime, flags: StoreFlags): Promise<Store> {
  if (flags.etcdServers?.length) return openEtcd(runtime, flags, flags.etcdCompactionInterval);
  const historyMs = flags.autoCompactionRetention;
  if (flags.inMemory) return (await import('@pilothouse/storage/memory/memory-store')).openMemoryStore(runtime, { historyMs });
  if (!flags.dataDir) throw new UserError('--data-dir or --etcd-servers is needed: where shall objects be kept?');
  return (await import('@pilothouse/storage/lmdb/lmdb-store')).openLmdbStore(runtime, { dir: flags.dataDir, historyMs });
}
