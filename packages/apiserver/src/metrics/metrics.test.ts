import { metricsRegistry } from '@pilothouse/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';
import { metricsRoute } from '../routes/metrics.ts';

let api: TestApi;
const url = '/api/v1/namespaces/ns/configmaps';
beforeEach(async () => {
  const metrics = metricsRegistry();
  api = await startTestApi({ metrics, nonResourceRoutes: [metricsRoute(metrics)] });
});
afterEach(() => api.close());

/** The lines of the answer to `GET /metrics` that begin so, without the `apiserver` component that all have. */
async function lines(start: string): Promise<string[]> {
  const { body } = await api.call('GET', '/metrics');
  return (body as string).split('\n').filter((line) => line.startsWith(start)).map((line) => line.replace('component="apiserver",', ''));
}

test('requests are counted by what they ask for and how they are answered', async () => {
  await api.call('POST', `${url}?dryRun=All`, { metadata: { name: 'a' } });
  await api.call('POST', url, { metadata: { name: 'a' } });
  await api.call('GET', `${url}/a`);
  await api.call('GET', `${url}/b`);
  await api.call('GET', '/api/v1/configmaps');
  await api.call('GET', '/apis/x/v1/none');
  const where = 'group="",resource="configmaps",';
  expect(await lines('apiserver_request_total')).toEqual([
    `apiserver_request_total{code="201",dry_run="All",${where}scope="resource",subresource="",verb="POST",version="v1"} 1`,
    `apiserver_request_total{code="201",dry_run="",${where}scope="resource",subresource="",verb="POST",version="v1"} 1`,
    `apiserver_request_total{code="200",dry_run="",${where}scope="resource",subresource="",verb="GET",version="v1"} 1`,
    `apiserver_request_total{code="404",dry_run="",${where}scope="resource",subresource="",verb="GET",version="v1"} 1`,
    `apiserver_request_total{code="200",dry_run="",${where}scope="cluster",subresource="",verb="LIST",version="v1"} 1`,
    'apiserver_request_total{code="404",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""} 1',
  ]);
  expect(await lines('apiserver_request_duration_seconds_count')).toContain(`apiserver_request_duration_seconds_count{dry_run="",${where}scope="resource",subresource="",verb="GET",version="v1"} 2`);
  expect(await lines('apiserver_storage_objects{resource="configmaps"}')).toEqual(['apiserver_storage_objects{resource="configmaps"} 1']);
  expect(await lines('etcd_requests_total{group="",operation="create",resource="configmaps"}')).toHaveLength(1);
});

test('a watch runs until it ends, and is counted then', async () => {
  const watch = await api.watch(`${url}?watch=1`);
  await api.call('POST', url, { metadata: { name: 'a' } });
  await settle();
  const series = 'group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"';
  expect(await lines('apiserver_longrunning_requests')).toEqual([`apiserver_longrunning_requests{${series}} 1`]);
  expect(await lines('apiserver_watch_events_total')).toEqual(['apiserver_watch_events_total{group="",resource="configmaps",version="v1"} 1']);
  expect((await lines('apiserver_request_total')).some((line) => line.includes('WATCH'))).toBe(false);
  watch.stop();
  await watch.ended;
  expect(await lines('apiserver_longrunning_requests')).toEqual([`apiserver_longrunning_requests{${series}} 0`]);
  expect(await lines('apiserver_request_total')).toContain(`apiserver_request_total{code="200",dry_run="",${series}} 1`);
});
