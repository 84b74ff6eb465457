export * from './contract.ts';
export * from './etcd/etcd-store.ts';
export * from './lmdb/lmdb-store.ts';
export * from './memory/memory-store.ts';
