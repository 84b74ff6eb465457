export * from './contract.ts';
export * from './memory/memory-store.ts';
