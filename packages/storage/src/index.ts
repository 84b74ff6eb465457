export * from './contract.ts';
export * from './lmdb/lmdb-store.ts';
export * from './memory/memory-store.ts';
