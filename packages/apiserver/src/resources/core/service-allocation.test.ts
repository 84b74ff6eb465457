import { ipAddresses, serviceCIDRs, services } from '@pilothouse/apimachinery';
import { Scope } from '@pilothouse/base';
import { StoreUnavailable } from '@pilothouse/storage';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackClient, loopbackClient } from '../../bootstrap/client.ts';
import { keepAllocations, portRepair, repairAddresses } from '../../bootstrap/service-repair.ts';
import { settle, startTestApi, type TestApi } from '../../handlers/testing.ts';
import { createApiServer } from '../../server.ts';
import { builtinDefinitions } from '../index.ts';
import { nodePortsKey } from './node-ports.ts';
import { decodeRangeAllocation, encodeRangeAllocation, PortSet } from './port-range.ts';

const range = { from: 31000, to: 31003 };
const options = { serviceClusterIpRanges: ['10.20.0.0/28'], serviceNodePortRange: range };
const url = '/api/v1/namespaces/n/services';

let api: TestApi;
let client: LoopbackClient;
beforeEach(async () => {
  api = await startTestApi({ definitions: builtinDefinitions(options) });
  client = loopbackClient(api.server.handle);
});
afterEach(() => api.close());

const create = (name: string, spec: object, query = '') => api.call('POST', `${url}${query}`, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } });
const ips = async () => (await client.list(ipAddresses)).map((a) => `${a.metadata!.name} ${a.spec!.parentRef!.name}`);
const ports = async () => {
  const { entry } = await api.store.get(nodePortsKey);
  return entry ? [...decodeRangeAllocation(entry.value, range)!] : [];
};

describe('cluster IPs', () => {
  test('an address is taken by an IPAddress that names the service, and given back when the service goes', async () => {
    const { body } = await create('a', {});
    const ip = body.spec.clusterIP;
    const held = await client.get(ipAddresses, ip);
    expect(held).toMatchObject({ metadata: { labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }, managedFields: [{ manager: 'kube-apiserver' }] }, spec: { parentRef: { resource: 'services', namespace: 'n', name: 'a' } } });
    expect((await create('b', { clusterIP: ip })).body.message).toContain('provided IP is already allocated');
    expect((await create('b', { clusterIP: '10.99.0.1' })).body.message).toContain('the provided network does not match the current range');
    await api.call('DELETE', `${url}/a`);
    expect(await ips()).toEqual([]);
    expect((await create('b', { clusterIP: ip })).status).toBe(201);
  });

  test('what a failed or dry write would have taken stays free', async () => {
    await create('a', {});
    const before = await ips();
    expect((await create('a', {})).status).toBe(409);
    expect((await create('dry', {}, '?dryRun=All')).body.spec.clusterIP).toBe('10.20.0.0');
    expect((await create('dry', { type: 'NodePort' }, '?dryRun=All')).body.spec.ports[0].nodePort).toBe(32769);
    expect((await create('bad', { clusterIP: '10.20.0.3', type: 'NodePort', ports: [{ port: 80, nodePort: 1 }] })).status).toBe(422);
    expect(await ips()).toEqual(before);
    expect(await ports()).toEqual([]);
  });

  test('a service that becomes an external name gives its address back, and gets one when it is none any more', async () => {
    const { body } = await create('a', { type: 'NodePort' });
    const external = await api.call('PUT', `${url}/a`, { ...body, spec: { type: 'ExternalName', externalName: 'x.example' } });
    expect(external.status).toBe(200);
    expect([await ips(), await ports()]).toEqual([[], []]);
    const back = await api.call('PUT', `${url}/a`, { ...external.body, spec: { ports: [{ port: 80 }], type: 'ClusterIP' } });
    expect(await ips()).toEqual([`${back.body.spec.clusterIP} a`]);
  });

  test('all addresses can be given out, each once, by servers that know nothing of each other but the store', async () => {
    const other = await createApiServer(api.runtime, { store: api.store, definitions: builtinDefinitions(options) });
    const servers = [client, loopbackClient(other.handle)];
    const outcomes = await Promise.allSettled(Array.from({ length: 16 }, (_, i) => servers[i % 2].create(services, { metadata: { name: `s${i}`, namespace: 'n' }, spec: { ports: [{ port: 80 }] } })));
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(14);
    expect(String((outcomes.find((o) => o.status === 'rejected') as PromiseRejectedResult).reason)).toContain('range is full');
    const given = (await client.list(services)).map((s) => s.spec!.clusterIP);
    expect(new Set(given).size).toBe(14);
    expect((await ips()).length).toBe(14);
    await other.close();
  });

  test('ranges are those of the ServiceCIDRs that are ready', async () => {
    const cidr = async (name: string, range: string, ready: string) => {
      await client.create(serviceCIDRs, { metadata: { name }, spec: { cidrs: [range] } });
      const held = await client.get(serviceCIDRs, name);
      await client.update(serviceCIDRs, { ...held!, status: { conditions: [{ type: 'Ready', status: ready, reason: '', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, 'status');
    };
    await cidr('kubernetes', '10.20.0.0/28', 'False');
    await settle();
    expect((await create('a', {})).body.message).toContain('range is full');
    await cidr('more', '10.30.0.0/24', 'True');
    await settle();
    expect((await create('a', {})).body.spec.clusterIP).toMatch(/^10\.30\.0\./);
    expect((await create('b', { clusterIP: '10.20.0.4' })).body.message).toContain('does not match the current range');
  });
});

describe('node ports', () => {
  test('are noted in one key, as kube-apiserver does, and freed with the service', async () => {
    const first = (await create('a', { type: 'NodePort', ports: [{ name: 'a', port: 80, nodePort: 31001 }, { name: 'b', port: 80, protocol: 'UDP' }, { name: 'c', port: 81 }] })).body.spec.ports.map((p: any) => p.nodePort);
    expect(first.slice(0, 2)).toEqual([31001, 31001]);
    expect(await ports()).toEqual([...new Set(first)].sort());
    expect(JSON.parse(Buffer.from((await api.store.get(nodePortsKey)).entry!.value).toString())).toMatchObject({ kind: 'RangeAllocation', apiVersion: 'v1', range: '31000-31003' });
    expect((await create('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 31001 }] })).body.message).toContain('spec.ports[0].nodePort: Invalid value: 31001: provided port is already allocated');
    await api.call('DELETE', `${url}/a`);
    expect(await ports()).toEqual([]);
  });

  test('an update takes what is new and gives back what is gone', async () => {
    const { body } = await create('a', { type: 'NodePort', ports: [{ name: 'a', port: 80, nodePort: 31000 }] });
    const changed = await api.call('PUT', `${url}/a`, { ...body, spec: { ...body.spec, ports: [{ name: 'b', port: 81, nodePort: 31002 }] } });
    expect(changed.status).toBe(200);
    expect(await ports()).toEqual([31002]);
    await api.call('PATCH', `${url}/a`, { metadata: { labels: { a: 'b' } } }, { 'content-type': 'application/merge-patch+json' });
    expect(await ports()).toEqual([31002]);
    await api.call('PATCH', `${url}/a`, { spec: { type: 'ClusterIP' } }, { 'content-type': 'application/merge-patch+json' });
    expect(await ports()).toEqual([]);
  });

  test('each is given out once by servers that know nothing of each other but the store', async () => {
    const other = await createApiServer(api.runtime, { store: api.store, definitions: builtinDefinitions(options) });
    const servers = [client, loopbackClient(other.handle)];
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => servers[i % 2].create(services, { metadata: { name: `s${i}`, namespace: 'n' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } })));
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(4);
    expect((await client.list(services)).map((s) => s.spec!.ports![0].nodePort).sort()).toEqual([31000, 31001, 31002, 31003]);
    // Those that got no port hold no address either.
    expect(await ips()).toHaveLength(4);
    await other.close();
  });

  test.each([[[]], [[31000]], [[31000, 31003]], [[31001, 31002, 31003]]])('%j are written and read as one number', (taken) => {
    const set = new PortSet(range);
    for (const port of taken) set.add(port);
    expect([...decodeRangeAllocation(encodeRangeAllocation(set), range)!]).toEqual(taken);
    // The same, as kube-apiserver writes it: a message of range 2 and data 3 in a runtime.Unknown.
    const content = Buffer.concat([Buffer.from([0x12, 11]), Buffer.from('31000-31003'), Buffer.from([0x1a, set.toBytes().length]), set.toBytes()]);
    const message = Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x12, content.length]), content, Buffer.from([0x1a, 0, 0x22, 0])]);
    expect([...decodeRangeAllocation(message, range)!]).toEqual(taken);
    expect(decodeRangeAllocation(message, { from: 1, to: 2 })).toBeUndefined();
  });

  test('of large ranges the first ones are left to those who choose', () => {
    const large = new PortSet({ from: 30000, to: 32767 });
    expect(large.pick({ below: () => 0 })).toBe(30086);
    for (let port = 30086; port <= 32767; port++) large.add(port);
    expect(large.pick({ below: () => 0 })).toBe(30000);
  });
});

describe('repair', () => {
  const context = () => ({ ...api.runtime, client, store: api.store });

  beforeEach(async () => {
    await client.create(serviceCIDRs, { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.20.0.0/28'] } });
    await settle();
  });

  test('an address that is missing, leaked, or badly labelled is mended; one that is in flight is left', async () => {
    const ip = (await create('a', {})).body.spec.clusterIP;
    await client.delete(ipAddresses, ip);
    await client.create(ipAddresses, { metadata: { name: '10.20.0.14', labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } }, spec: { parentRef: { resource: 'services', namespace: 'n', name: 'gone' } } });
    await repairAddresses(context());
    expect(await ips()).toEqual(expect.arrayContaining([`${ip} a`, '10.20.0.14 gone']));
    api.clock.advance(61_000);
    await repairAddresses(context());
    expect(await ips()).toEqual([`${ip} a`]);
    const reasons = (await api.call('GET', '/apis/events.k8s.io/v1/events')).body.items.map((e: any) => `${e.reason} ${e.regarding.kind}`);
    expect(reasons.sort()).toEqual(['ClusterIPNotAllocated Service', 'IPAddressNotAllocated IPAddress']);
  });

  test('node ports are noted anew from services; a port nobody has is given back after three looks', async () => {
    await create('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 31001 }] });
    const set = new PortSet(range);
    set.add(31003);
    await api.store.put(nodePortsKey, encodeRangeAllocation(set));
    const repair = portRepair(context(), range);
    await repair();
    expect(await ports()).toEqual([31001, 31003]);
    await repair();
    await repair();
    expect(await ports()).toEqual([31001]);
    // Another range was configured.
    await portRepair(context(), { from: 31001, to: 31100 })();
    expect([...decodeRangeAllocation((await api.store.get(nodePortsKey)).entry!.value, { from: 31001, to: 31100 })!]).toEqual([31001]);
  });

  test('what a write of unknown outcome took is not given to another until it is known', async () => {
    const { put } = api.store;
    let fail = true;
    const broken = await createApiServer(api.runtime, {
      store: { ...api.store, put: async (key, value, opts) => {
        if (fail && key.includes('/services/specs/')) throw new StoreUnavailable('gone', { outcomeUnknown: true });
        return put(key, value, opts);
      } },
      definitions: builtinDefinitions(options),
    });
    await expect(loopbackClient(broken.handle).create(services, { metadata: { name: 'a', namespace: 'n' }, spec: { ports: [{ port: 80 }], clusterIP: '10.20.0.5' } })).rejects.toThrow('gone');
    expect(await ips()).toEqual(['10.20.0.5 a']);
    fail = false;
    const scope = new Scope('test');
    keepAllocations(context(), scope, { serviceNodePortRange: range });
    await api.clock.advanceAsync(180_000);
    await scope.close();
    expect(await ips()).toEqual([]);
    await broken.close();
  });
});
