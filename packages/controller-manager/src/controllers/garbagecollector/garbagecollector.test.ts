import { configMaps, isNotFound, secrets } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { garbageCollectorController } from './controller.ts';

let bench: ControllerBench;
beforeEach(async () => {
  bench = await runOnBench([garbageCollectorController]);
});
afterEach(() => bench.close());

const at = { namespace: 'default' };
const owner = (name: string, finalizers?: string[]) => bench.client.create(configMaps, { metadata: { name, namespace: 'default', finalizers } });
const child = (name: string, owners: { metadata: { name?: string; uid?: string } }[], blockOwnerDeletion = true) =>
  bench.client.create(secrets, { metadata: { name, namespace: 'default', ownerReferences: owners.map((o) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: o.metadata.name!, uid: o.metadata.uid!, blockOwnerDeletion })) } });
const names = async () => [...(await bench.client.list(configMaps, at)).items, ...(await bench.client.list(secrets, at)).items].map((o) => o.metadata.name);
const refs = async (name: string) => (await bench.client.get(secrets, name, at)).metadata.ownerReferences?.map((r) => r.name) ?? [];
const settle = () => bench.advance(3000);

describe('garbage collector', () => {
  test('deletes what has lost its only owner, at once with background deletion', async () => {
    const o = await owner('o');
    await child('c', [o]);
    await settle();
    await bench.client.delete(configMaps, 'o', { ...at, propagationPolicy: 'Background' });
    await settle();
    expect(await names()).toEqual([]);
  });

  test('keeps what has another owner, and removes the reference that leads nowhere', async () => {
    const [o, p] = [await owner('o'), await owner('p')];
    await child('c', [o, p]);
    await settle();
    await bench.client.delete(configMaps, 'o', at);
    await settle();
    expect(await names()).toEqual(['p', 'c']);
    expect(await refs('c')).toEqual(['p']);
  });

  test('with foreground deletion the owner goes after what blocks it', async () => {
    const o = await owner('o');
    await bench.client.create(secrets, { metadata: { name: 'slow', namespace: 'default', finalizers: ['test/hold'], ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: o.metadata.uid!, blockOwnerDeletion: true }] } });
    await settle();
    await bench.client.delete(configMaps, 'o', { ...at, propagationPolicy: 'Foreground' });
    await settle();
    expect(await names()).toEqual(['o', 'slow']);
    expect((await bench.client.get(secrets, 'slow', at)).metadata.deletionTimestamp).toBeDefined();
    await bench.client.patch(secrets, 'slow', { metadata: { finalizers: null } }, at);
    await settle();
    expect(await names()).toEqual([]);
  });

  test('with orphaning the dependents stay and forget their owner', async () => {
    const o = await owner('o');
    await child('c', [o]);
    await settle();
    await bench.client.delete(configMaps, 'o', { ...at, propagationPolicy: 'Orphan' });
    await settle();
    expect(await names()).toEqual(['c']);
    expect(await refs('c')).toEqual([]);
  });

  test('deletes what names an owner that never was, or another object of its name', async () => {
    const o = await owner('o');
    await child('ghost', [{ metadata: { name: 'nobody', uid: '11111111-1111-1111-1111-111111111111' } }]);
    await child('stranger', [{ metadata: { name: 'o', uid: '22222222-2222-2222-2222-222222222222' } }]);
    await child('right', [o]);
    await settle();
    expect(await names()).toEqual(['o', 'right']);
  });

  test('finds after a restart what was orphaned while it was away', async () => {
    const o = await owner('o');
    await child('c', [o]);
    await settle();
    const restarting = bench.restart();
    await bench.client.delete(configMaps, 'o', { ...at, propagationPolicy: 'Background' }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    await restarting;
    await settle();
    expect(await names()).toEqual([]);
  });
});
