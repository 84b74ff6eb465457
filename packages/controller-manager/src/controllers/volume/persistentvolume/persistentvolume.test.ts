import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { StorageClass } from '@pilothouse/api-schemas/types/storage/v1';
import { events, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { volumeBinderController } from './controller.ts';
import { defaultClass } from './provision.ts';
import { deleterOf } from './reclaim.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const volume = (name: string, spec: Partial<PersistentVolume['spec']> = {}): PersistentVolume => ({ metadata: { name }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'm', hostPath: { path: '/tmp/pilothouse-no-such' }, ...spec } });
const claim = (name: string, spec: Partial<PersistentVolumeClaim['spec']> = {}): PersistentVolumeClaim => ({ metadata: { name, namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } });
const said = async () => (await bench!.client.list(events, { namespace: 'default' })).items.map((event) => `${event.type} ${event.reason} ${event.message}`);

test.each<[string, PersistentVolume, ReturnType<typeof deleterOf>]>([
  ['a host path', volume('v'), 'host path'],
  ['a driver\'s volume', volume('v', { hostPath: undefined, csi: { driver: 'd', volumeHandle: 'h' } }), 'external'],
  ['what somebody outside made', { ...volume('v'), metadata: { name: 'v', annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/p' } } }, 'external'],
  ['a directory of a node', volume('v', { hostPath: undefined, local: { path: '/x' } }), { none: 'error getting deleter volume plugin for volume "v": no volume plugin matched' }],
  ['a share', volume('v', { hostPath: undefined, nfs: { server: 's', path: '/' } }), { none: 'error getting deleter volume plugin for volume "v": no deletable volume plugin matched' }],
])('who deletes %s', (_, given, expected) => {
  expect(deleterOf(given)).toEqual(expected);
});

test('of several default classes the newest counts', () => {
  const named = (name: string, creationTimestamp: string, value = 'true'): StorageClass => ({ metadata: { name, creationTimestamp, annotations: { 'storageclass.kubernetes.io/is-default-class': value } }, provisioner: 'p' });
  expect(defaultClass([named('b', '2024-01-01T00:00:00Z'), named('a', '2024-01-01T00:00:00Z'), named('old', '2023-01-01T00:00:00Z'), named('no', '2025-01-01T00:00:00Z', 'false')])?.metadata.name).toBe('a');
  expect(defaultClass([])).toBeUndefined();
});

describe('persistent volume binder', () => {
  test('a claim without class gets the default class that comes later; who provisions is asked', async () => {
    bench = await runOnBench([volumeBinderController]);
    await bench.client.create(persistentVolumeClaims, claim('c'));
    await bench.advance();
    expect(await said()).toEqual(['Normal FailedBinding no persistent volumes available for this claim and no storage class is set']);
    await bench.client.create(storageClasses, { metadata: { name: 'd', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'kubernetes.io/aws-ebs' });
    await bench.advance(16_000);
    const found = await bench.client.get(persistentVolumeClaims, 'c', { namespace: 'default' });
    expect(found.spec?.storageClassName).toBe('d');
    expect(found.metadata.annotations?.['volume.kubernetes.io/storage-provisioner']).toBe('ebs.csi.aws.com');
    expect((await said()).at(-1)).toContain("external provisioner 'ebs.csi.aws.com'");
  });

  test('a provisioner that Kubernetes does not have is said to be missing', async () => {
    bench = await runOnBench([volumeBinderController]);
    await bench.client.create(storageClasses, { metadata: { name: 'n' }, provisioner: 'kubernetes.io/no-provisioner' });
    await bench.client.create(persistentVolumeClaims, claim('c', { storageClassName: 'n' }));
    await bench.advance();
    expect(await said()).toEqual(['Warning ProvisioningFailed no volume plugin matched name: kubernetes.io/no-provisioner']);
  });

  test('a claim whose pod was given a node waits for its own volume, not for any', async () => {
    bench = await runOnBench([volumeBinderController]);
    await bench.client.create(storageClasses, { metadata: { name: 'w' }, provisioner: 'example.com/p', volumeBindingMode: 'WaitForFirstConsumer' });
    await bench.client.create(persistentVolumes, volume('other', { storageClassName: 'w' }));
    const waiting = claim('c', { storageClassName: 'w' });
    waiting.metadata.annotations = { 'volume.kubernetes.io/selected-node': 'n' };
    await bench.client.create(persistentVolumeClaims, waiting);
    await bench.advance();
    expect((await bench.client.get(persistentVolumeClaims, 'c', { namespace: 'default' })).spec?.volumeName).toBeUndefined();
  });

  test('Recycle scrubs by a pod and makes the volume free, through a restart', async () => {
    bench = await runOnBench([volumeBinderController]);
    await bench.client.create(persistentVolumes, volume('v', { persistentVolumeReclaimPolicy: 'Recycle' }));
    await bench.client.create(persistentVolumeClaims, claim('c', { storageClassName: 'm' }));
    await bench.until(async () => (await bench!.client.get(persistentVolumeClaims, 'c', { namespace: 'default' })).status?.phase === 'Bound');
    await bench.client.delete(persistentVolumeClaims, 'c', { namespace: 'default' });
    const pod = await bench.until<Pod | undefined>(() => bench!.client.get(pods, 'recycler-for-v', { namespace: 'default' }).catch(() => undefined));
    expect(pod?.spec).toMatchObject({ activeDeadlineSeconds: 60, restartPolicy: 'Never', volumes: [{ name: 'vol', hostPath: { path: '/tmp/pilothouse-no-such' } }] });
    await bench.restart();
    await bench.client.patch(pods, 'recycler-for-v', { status: { phase: 'Succeeded' } }, { namespace: 'default', subresource: 'status' });
    await bench.until(async () => (await bench!.client.get(persistentVolumes, 'v')).status?.phase === 'Available');
    expect((await bench.client.get(persistentVolumes, 'v')).spec?.claimRef).toBeUndefined();
    expect(await said()).toContain('Normal VolumeRecycled Volume recycled');
  });
});
