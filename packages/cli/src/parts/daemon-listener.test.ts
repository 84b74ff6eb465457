import { createServer } from 'node:net';
import { metricsRegistry, Scope } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { serveDaemon } from './daemon-listener.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

test('a daemon shows its metrics and whether it is ready, and nothing after it closed', async () => {
  const scope = new Scope('test');
  const metrics = metricsRegistry();
  metrics.counter('things_total', 'Things').with().value = 3;
  let ready = false;
  const port = await freePort();
  await serveDaemon(scope, port, { metrics, ready: () => ready });
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get('/metrics')).toEqual([200, '# HELP things_total Things\n# TYPE things_total counter\nthings_total 3\n']);
  expect(await get('/readyz')).toEqual([500, 'not ready\n']);
  ready = true;
  expect(await get('/readyz')).toEqual([200, 'ok']);
  expect((await get('/else'))[0]).toBe(404);
  await scope.close();
  await expect(get('/healthz')).rejects.toThrow();
});

test('a port that is taken is said so', async () => {
  const scope = new Scope('test');
  const port = await freePort();
  const state = { metrics: metricsRegistry(), ready: () => true };
  await serveDaemon(scope, port, state);
  await expect(serveDaemon(scope, port, state)).rejects.toThrow(`--metrics-port ${port}: the port is taken`);
  await scope.close();
});
