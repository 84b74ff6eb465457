export * from './contract.ts';
export * from './options.ts';
export { type ApiServer, createApiServer } from './server.ts';
export type { Listener, ListenOptions } from './listener/listener.ts';
export { builtinDefinitions } from './resources/index.ts';
