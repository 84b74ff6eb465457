import { metricsRegistry } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { startTestApi } from '../handlers/testing.ts';
import { type HealthCheck, healthRoutes } from './health.ts';
import { metricsRoute } from './metrics.ts';

const ping: HealthCheck = { name: 'ping', in: ['healthz', 'livez', 'readyz'], check() {} };
const broken: HealthCheck = {
  name: 'etcd',
  in: ['readyz'],
  check() {
    throw new Error('the store is gone');
  },
};
const routes = () => {
  const slis = metricsRegistry();
  return [...healthRoutes([ping, broken], slis), metricsRoute(slis, '/metrics/slis')];
};

test.each([
  ['/livez', 200, 'ok'],
  ['/livez/', 200, 'ok'],
  ['/livez/ping', 200, 'ok'],
  ['/livez/etcd', 404, '404 page not found\n'],
  ['/livez?verbose', 200, '[+]ping ok\nlivez check passed\n'],
  ['/livez?verbose=false', 200, '[+]ping ok\nlivez check passed\n'],
  ['/livez?verbose&exclude=ping', 200, '[+]ping excluded: ok\nlivez check passed\n'],
  ['/livez?verbose&exclude=z&exclude=a', 200, '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for "a","z"\nlivez check passed\n'],
  ['/readyz', 500, '[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n'],
  ['/readyz?exclude=etcd', 200, 'ok'],
  ['/readyz/etcd', 500, 'internal server error: the store is gone\n'],
])('%s is %i', async (path, status, text) => {
  const api = await startTestApi({ nonResourceRoutes: routes() });
  const answer = await api.call('GET', path);
  expect([answer.status, answer.body, answer.headers['x-content-type-options']]).toEqual([status, text, path === '/livez/ping' ? undefined : 'nosniff']);
  await api.close();
});

test('/metrics/slis tells the results of the checks', async () => {
  const api = await startTestApi({ nonResourceRoutes: routes() });
  await api.call('GET', '/readyz');
  await api.call('GET', '/readyz');
  const { body } = await api.call('GET', '/metrics/slis');
  expect(String(body).split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([
    'kubernetes_healthcheck{name="ping",type="readyz"} 1',
    'kubernetes_healthcheck{name="etcd",type="readyz"} 0',
    'kubernetes_healthchecks_total{name="ping",status="success",type="readyz"} 2',
    'kubernetes_healthchecks_total{name="etcd",status="error",type="readyz"} 2',
  ]);
  await api.close();
});
