import { events, services } from '@pilothouse/apimachinery';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { serviceLbController } from './controller.ts';
import { freeAddress, isInPool, parsePool } from './pool.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const balanced = (name: string, spec: Service['spec'] = {}): Service => ({ metadata: { name, namespace: 'default' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec } });
const start = async (...pool: string[]) => {
  bench = await runOnBench([serviceLbController], { flags: { 'service-lb-pool': pool } });
};
const address = async (name: string) => (await bench!.client.get(services, name, { namespace: 'default' })).status?.loadBalancer?.ingress?.[0]?.ip;
const reasons = async () => (await bench!.client.list(events, { namespace: 'default' })).items.map((event) => event.reason);

test('a pool is ranges, blocks and single addresses', () => {
  const pool = parsePool(['10.0.0.8/30', '10.0.1.1-10.0.1.2', 'fd00::1']);
  expect(isInPool(pool, '10.0.0.11')).toBe(true);
  expect(isInPool(pool, '10.0.1.3')).toBe(false);
  expect(freeAddress(pool, 4, new Set(['10.0.0.8', '10.0.0.9', '10.0.0.10', '10.0.0.11']))).toBe('10.0.1.1');
  expect(freeAddress(pool, 6, new Set(['fd00::1']))).toBeUndefined();
  expect(() => parsePool(['x'])).toThrow('"x" is no range of addresses');
});

describe('service load balancer', () => {
  test('gives each service an address, keeps it through a restart, and gives a freed one on', async () => {
    await start('192.0.2.1-192.0.2.2');
    await bench!.client.create(services, balanced('a'));
    await bench!.client.create(services, balanced('b'));
    await bench!.advance();
    expect([await address('a'), await address('b')]).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await reasons()).toEqual(['EnsuringLoadBalancer', 'EnsuredLoadBalancer', 'EnsuringLoadBalancer', 'EnsuredLoadBalancer']);
    await bench!.restart();
    await bench!.client.create(services, balanced('c'));
    await bench!.advance();
    expect(await address('c')).toBeUndefined();
    expect(await reasons()).toContain('SyncLoadBalancerFailed');
    await bench!.client.delete(services, 'a', { namespace: 'default' });
    await bench!.until(async () => (await address('c')) === '192.0.2.1');
    expect(await address('b')).toBe('192.0.2.2');
  });

  test('a service that is of another type again loses address and finalizer', async () => {
    await start('192.0.2.0/30');
    await bench!.client.create(services, balanced('a'));
    await bench!.until(async () => await address('a'));
    await bench!.client.patch(services, 'a', { spec: { type: 'ClusterIP' } }, { namespace: 'default' });
    await bench!.advance();
    const found = await bench!.client.get(services, 'a', { namespace: 'default' });
    expect([found.metadata.finalizers, found.status?.loadBalancer?.ingress]).toEqual([undefined, undefined]);
  });

  test.each<[string, Service['spec'], string | undefined]>([
    ['the address it asks for', { loadBalancerIP: '192.0.2.3' }, '192.0.2.3'],
    ['none, where it asks for one of nobody\'s', { loadBalancerIP: '198.51.100.1' }, undefined],
    ['none, where it has a class', { loadBalancerClass: 'example.com/x' }, undefined],
  ])('gives %s', async (_, spec, expected) => {
    await start('192.0.2.0/30');
    await bench!.client.create(services, balanced('a', spec));
    await bench!.advance();
    expect(await address('a')).toBe(expected);
  });
});
