import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { events, persistentVolumeClaims, pods } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, expect, test } from 'vitest';
import { ephemeralVolumeController } from './controller.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const pod = (name: string): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' } }, spec } } }] },
});

test('a pod gets the claims its volumes describe, and gets them again when they are deleted', async () => {
  bench = await runOnBench([ephemeralVolumeController]);
  const { client } = bench;
  const owner = await client.create(pods, pod('p'));
  const claim = () => client.get(persistentVolumeClaims, 'p-scratch', { namespace: 'default' }).catch(() => undefined);
  const first = await bench.until(claim);
  expect(first.metadata).toMatchObject({ labels: { a: 'b' }, ownerReferences: [{ kind: 'Pod', name: 'p', uid: owner.metadata.uid, controller: true, blockOwnerDeletion: true }] });
  expect(first.spec).toMatchObject(spec);
  await client.delete(persistentVolumeClaims, 'p-scratch', { namespace: 'default' });
  const second = await bench.until(async () => {
    const found = await claim();
    return found?.metadata.uid !== first.metadata.uid && found;
  });
  expect(second.metadata.ownerReferences?.[0].uid).toBe(owner.metadata.uid);
});

test("somebody else's claim of the name is left alone, and the pod told so", async () => {
  bench = await runOnBench([ephemeralVolumeController]);
  const { client } = bench;
  await client.create(persistentVolumeClaims, { metadata: { name: 'p-scratch', namespace: 'default' }, spec });
  await client.create(pods, pod('p'));
  const event = await bench.until(async () => (await client.list(events, { namespace: 'default' })).items.find((e) => e.reason === 'FailedBinding'));
  expect(event.message).toBe('ephemeral volume scratch: PVC default/p-scratch was not created for pod default/p (pod is not owner)');
});
