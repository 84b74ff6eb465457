import { expect, test } from 'vitest';
import { startTestApi } from '../handlers/testing.ts';
import { standardRoutes } from './index.ts';

const routes = () => standardRoutes({ serverAddress: () => 'h:1', texts: () => ({ descriptionOf: () => '' }) as never, healthChecks: [], build: { gitCommit: '', buildDate: '', runtime: '', platform: '' } });
const aggregated = 'g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

test.each([
  ['application/json', 'application/json', '"kind":"APIGroupList"'],
  [`application/json;${aggregated}`, `application/json;${aggregated}`, '"kind":"APIGroupDiscoveryList"'],
  [`application/json, application/json;${aggregated}`, `application/json;${aggregated}`, '"kind":"APIGroupDiscoveryList"'],
  [`application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`, 'application/json', '"kind":"APIGroupList"'],
  [`application/yaml;${aggregated}`, `application/yaml;${aggregated}`, 'kind: APIGroupDiscoveryList'],
  [`application/json;${aggregated};profile=nopeer`, `application/json;${aggregated}`, '"kind":"APIGroupDiscoveryList"'],
])('Accept: %s is answered as %s', async (accept, type, text) => {
  const api = await startTestApi({ nonResourceRoutes: routes() });
  const { headers, body } = await api.call('GET', '/apis', undefined, { accept });
  expect(headers['content-type']).toBe(type);
  expect(typeof body === 'string' ? body : JSON.stringify(body)).toContain(text);
  expect(headers['vary']).toBe('Accept');
  await api.close();
});

test('who holds the aggregated document already is not given it again', async () => {
  const api = await startTestApi({ nonResourceRoutes: routes() });
  const accept = `application/json;${aggregated}`;
  const { etag } = (await api.call('GET', '/apis', undefined, { accept })).headers;
  expect(etag).toMatch(/^"[0-9A-F]{128}"$/);
  const again = await api.call('GET', '/apis', undefined, { accept, 'if-none-match': String(etag) });
  expect([again.status, again.body]).toEqual([304, '']);
  await api.close();
});

test('the version is indented, as upstream writes it', async () => {
  const api = await startTestApi({ nonResourceRoutes: routes() });
  const { body } = await api.server.handle({ method: 'GET', url: '/version', headers: {}, signal: new AbortController().signal });
  expect(Buffer.from(body as Uint8Array).toString()).toMatch(/^{\n {2}"major": "1",\n {2}"minor": "36",/);
  await api.close();
});
