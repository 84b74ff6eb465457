/** `node packages/apiserver/dev.ts [port]`: an API server in memory on 127.0.0.1 over plain HTTP, everything allowed. */
import { jsonLogger, realRuntime } from '@pilothouse/base';
import { openMemoryStore } from '@pilothouse/storage';
import { createApiServer } from './src/index.ts';

const runtime = realRuntime(jsonLogger({ level: 'info' }));
const store = openMemoryStore(runtime);
const server = await createApiServer(runtime, { store });
const listener = await server.listen({ port: Number(process.argv[2] ?? 8001) });
runtime.log.info('Listening', { url: listener.url });
const stop = async (): Promise<void> => {
  await server.close();
  await store.close();
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
