import { createServer } from 'node:net';
import { UserError } from '@pilothouse/base';

const reasons: Record<string, string> = {
  EADDRINUSE: 'another program has that port',
  EACCES: 'no permission for that port',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** Makes sure that an address can be listened on, before anything else is begun. @throws UserError */
export function ensurePortFree(host: string, port: number): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(new UserError(`cannot listen on ${host}:${port}: ${reasons[error.code ?? ''] ?? error.message}`)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
