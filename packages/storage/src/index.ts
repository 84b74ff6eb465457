/** The contract, and the three stores behind it. What a store is made with (LMDB, gRPC) is loaded when it is opened. */
import type { Runtime } from '@pilothouse/base';
import type { Store } from './contract.ts';
import type { EtcdStoreOptions } from './etcd/etcd-store.ts';
import type { LmdbStoreOptions } from './lmdb/lmdb-store.ts';

export * from './contract.ts';
export type { EtcdStoreOptions } from './etcd/etcd-store.ts';
export type { EtcdTls } from './etcd/connection.ts';
export type { LmdbStoreOptions } from './lmdb/lmdb-store.ts';
export { type MemoryStoreOptions, openMemoryStore } from './memory/memory-store.ts';

/** See `etcd/etcd-store.ts`. */
export const openEtcdStore = async (runtime: Runtime, options: EtcdStoreOptions): Promise<Store> =>
  (await import('./etcd/etcd-store.ts')).openEtcdStore(runtime, options);

/** See `lmdb/lmdb-store.ts`. */
export const openLmdbStore = async (runtime: Runtime, options: LmdbStoreOptions): Promise<Store> =>
  (await import('./lmdb/lmdb-store.ts')).openLmdbStore(runtime, options);
