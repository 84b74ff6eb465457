import { Scope } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { loopbackClient } from '../bootstrap/client.ts';
import { settle, startTestApi } from '../handlers/testing.ts';
import { structuralVerdict, withVerdict } from './availability.ts';
import { keepAvailability } from './keep-availability.ts';

const apiService = { metadata: { name: 'v1.x.example.com' }, spec: { group: 'x.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, insecureSkipTLSVerify: true, service: { name: 's', namespace: 'a', port: 443 } } };
const service = (port: number) => ({ metadata: { name: 's', namespace: 'a' }, spec: { type: 'ClusterIP', clusterIP: '10.96.0.9', ports: [{ name: 'web', port }] } });
const slice = (ready: boolean | undefined, name = 'web') => ({ metadata: { name: 's-1', namespace: 'a', labels: { 'kubernetes.io/service-name': 's' } }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], ...(ready !== undefined && { conditions: { ready } }) }], ports: [{ name, port: 8443 }] });

test.each([
  ['no service', undefined, [], 'ServiceNotFound', 'service/s in "a" is not present'],
  ['another port', service(80), [], 'ServicePortError', 'service/s in "a" is not listening on port 443'],
  ['no slices', service(443), [], 'EndpointsNotFound', 'cannot find endpointslices for service/s in "a"'],
  ['nothing ready', service(443), [slice(false)], 'MissingEndpoints', 'endpointslices for service/s in "a" have no addresses with port name "web"'],
  ['a port of another name', service(443), [slice(true, 'other')], 'MissingEndpoints', 'endpointslices for service/s in "a" have no addresses with port name "web"'],
  ['a ready endpoint', service(443), [slice(undefined)], undefined, undefined],
])('with %s an API service is judged so', (_, found, slices, reason, message) => {
  expect(structuralVerdict(apiService, found, slices)).toEqual(reason && { status: 'False', reason, message });
});

test('the time of a condition is that of its last change of status', () => {
  const first = withVerdict(undefined, { status: 'False', reason: 'A', message: 'a' }, '2026-01-01T00:00:00Z')!;
  expect(withVerdict(first, { status: 'False', reason: 'A', message: 'a' }, '2026-01-01T00:00:01Z')).toBeUndefined();
  expect(withVerdict(first, { status: 'False', reason: 'B', message: 'b' }, '2026-01-01T00:00:01Z')).toMatchObject([{ reason: 'B', lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  expect(withVerdict(first, { status: 'True', reason: 'Passed', message: '' }, '2026-01-01T00:00:01Z')).toMatchObject([{ status: 'True', lastTransitionTime: '2026-01-01T00:00:01Z' }]);
});

test('a condition follows the service, its endpoints and what the server behind says', async () => {
  const api = await startTestApi();
  const scope = new Scope('availability');
  const asked: string[] = [];
  await keepAvailability(api.runtime, scope, { client: loopbackClient(api.server.handle), read: api.server.read, checkBackend: async (_, path) => void asked.push(path) });
  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  const reason = async () => (await api.call('GET', `${path}/${apiService.metadata.name}`)).body.status?.conditions?.[0]?.reason;
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'a' } });
  await api.call('POST', path, apiService);
  await settle();
  expect(await reason()).toBe('ServiceNotFound');
  await api.call('POST', '/api/v1/namespaces/a/services', { metadata: { name: 's' }, spec: { clusterIP: '10.96.0.9', ports: [{ name: 'web', port: 443 }] } });
  await settle();
  expect(await reason()).toBe('EndpointsNotFound');
  expect(asked).toEqual([]);
  await api.call('POST', '/apis/discovery.k8s.io/v1/namespaces/a/endpointslices', slice(true));
  await settle();
  expect(await reason()).toBe('Passed');
  expect(asked).toEqual(['/apis/x.example.com/v1']);
  await scope.close();
  await api.close();
});
