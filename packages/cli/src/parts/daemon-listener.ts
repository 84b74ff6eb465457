import { createServer } from 'node:http';
import { metricsType } from '@pilothouse/apiserver/routes/metrics';
import { type MetricsRegistry, type Scope, UserError } from '@pilothouse/base';

export interface DaemonState {
  metrics: MetricsRegistry;
  /** The daemon does its work, or waits for its lease. */
  ready(): boolean;
}

/**
 * Serves `/metrics`, `/healthz`, `/livez` and `/readyz` of a daemon in plain HTTP, on loopback only. `port` 0: not at
 * all. The scope closes it.
 * @throws UserError for a port that cannot be had
 */
export async function serveDaemon(scope: Scope, port: number, { metrics, ready }: DaemonState): Promise<void> {
  if (!port) return;
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache, private' }).end(request.method === 'HEAD' ? undefined : text);
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'Method Not Allowed\n');
    else if (path === '/metrics') answer(200, metrics.text(), metricsType);
    else if (path === '/healthz' || path === '/livez') answer(200, 'ok');
    else if (path === '/readyz') ready() ? answer(200, 'ok') : answer(500, 'not ready\n');
    else answer(404, '404 page not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new UserError(`--metrics-port ${port}: ${error.code === 'EADDRINUSE' ? 'the port is taken' : error.message}`)));
    server.listen(port, '127.0.0.1', resolve);
  });
  scope.defer(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
}
