import { namespaces, serviceCIDRs, services } from '@pilothouse/apimachinery';
import { Scope } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { settle, startTestApi } from '../handlers/testing.ts';
import { loopbackClient } from './client.ts';
import { keepObjects, readyConditions } from './keep-objects.ts';

const facts = { advertiseAddress: '10.0.0.1', port: 6443, serviceRanges: ['10.96.0.0/16'], serviceAddress: '10.96.0.1' };

test('what every cluster has comes back while the server runs', async () => {
  const api = await startTestApi();
  const scope = new Scope('keep');
  const client = loopbackClient(api.server.handle);
  await client.create(namespaces, { metadata: { name: 'default' } });
  keepObjects(api.runtime, scope, { client, read: api.server.read, facts });
  api.clock.advance(10_000);
  await settle();
  expect((await client.get(serviceCIDRs, 'kubernetes'))?.spec?.cidrs).toEqual(['10.96.0.0/16']);
  api.clock.advance(10_000);
  await settle();
  expect((await client.get(serviceCIDRs, 'kubernetes'))?.status?.conditions).toMatchObject([{ type: 'Ready', status: 'True', message: 'Kubernetes default Service CIDR is ready' }]);
  expect((await client.get(services, 'kubernetes', 'default'))?.spec?.clusterIP).toBe('10.96.0.1');
  await client.delete(services, 'kubernetes', 'default');
  api.clock.advance(10_000);
  await settle();
  expect(await client.get(services, 'kubernetes', 'default')).toBeDefined();
  api.clock.advance(30_000);
  await settle();
  expect((await client.list(namespaces)).map(({ metadata }) => metadata.name)).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  await scope.close();
  await api.close();
});

test('nothing is said of a range that goes, is another, or has its condition', () => {
  const held = { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } };
  const said = (more: object) => readyConditions({ ...held, ...more }, ['10.96.0.0/16'], 'now');
  expect(said({})).toHaveLength(1);
  expect(said({ metadata: { deletionTimestamp: 'x' } })).toBeUndefined();
  expect(said({ spec: { cidrs: ['10.97.0.0/16'] } })).toBeUndefined();
  expect(said({ status: { conditions: [{ type: 'Ready', status: 'False' }] } })).toBeUndefined();
  expect(said({ status: { conditions: [{ type: 'Ready', status: 'Unknown' }, { type: 'Other', status: 'True' }] } })).toMatchObject([{ type: 'Other' }, { type: 'Ready', status: 'True' }]);
});
