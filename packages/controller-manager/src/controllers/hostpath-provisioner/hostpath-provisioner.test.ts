import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { events, nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { volumeBinderController } from '../volume/persistentvolume/controller.ts';
import { hostPathProvisionerController } from './controller.ts';
import { standardClass } from './objects.ts';
import { unsupported } from './plan.ts';

let base: string;
let bench: ControllerBench;
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'pilothouse-volumes-'));
  bench = await runOnBench([volumeBinderController, hostPathProvisionerController], { flags: { 'hostpath-provisioner-directory': base, 'hostpath-provisioner-node': 'here' } });
  const node = (name: string, runtime: string): Node => ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status: { nodeInfo: { containerRuntimeVersion: runtime } as NonNullable<Node['status']>['nodeInfo'] } });
  for (const [name, runtime] of [['here', 'containerd://2.0.0'], ['there', 'containerd://2.0.0'], ['hollow', 'simulated://1.0.0']]) {
    const { status, ...made } = node(name, runtime);
    await bench.client.create(nodes, made);
    await bench.client.patch(nodes, name, { status }, { subresource: 'status' });
  }
  await bench.client.create(storageClasses, standardClass);
});
afterEach(async () => {
  await bench.close();
  rmSync(base, { recursive: true, force: true });
});

const claim = (node?: string): PersistentVolumeClaim => ({ metadata: { name: 'c', namespace: 'default', ...(node && { annotations: { 'volume.kubernetes.io/selected-node': node } }) }, spec: { storageClassName: 'standard', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } });
const read = () => bench.client.get(persistentVolumeClaims, 'c', { namespace: 'default' });
const reasons = async () => (await bench.client.list(events, { namespace: 'default' })).items.map((event) => event.reason);
/** Directories are real and take real time: between two looks the file system gets a turn. */
const until = (condition: () => Promise<boolean>) => bench.until(async () => {
  await stat(base);
  return condition();
});
const bound = () => until(async () => (await read()).status?.phase === 'Bound');

describe('host path provisioner', () => {
  test('a claim gets a directory on its pod\'s node, which goes with the claim', async () => {
    await bench.client.create(persistentVolumeClaims, claim('here'));
    await bound();
    const volume = await bench.client.get(persistentVolumes, (await read()).spec!.volumeName!);
    const path = volume.spec!.hostPath!.path;
    expect(path).toBe(join(base, volume.metadata.name!));
    expect(statSync(path).mode & 0o777).toBe(0o777);
    expect(volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0].matchExpressions).toEqual([{ key: 'kubernetes.io/hostname', operator: 'In', values: ['here'] }]);
    expect(await reasons()).toEqual(expect.arrayContaining(['ExternalProvisioning', 'Provisioning', 'ProvisioningSucceeded']));
    writeFileSync(join(path, 'data'), 'x');
    await bench.restart();
    await bench.client.delete(persistentVolumeClaims, 'c', { namespace: 'default' });
    await until(async () => (await bench.client.list(persistentVolumes)).items.length === 0);
    expect(existsSync(path)).toBe(false);
  });

  test('nothing is made before a pod is placed, nor on machines that are not ours', async () => {
    await bench.client.create(persistentVolumeClaims, claim());
    await bench.advance();
    expect(await reasons()).toEqual(['WaitForFirstConsumer']);
    await bench.client.patch(persistentVolumeClaims, 'c', { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'there' } } }, { namespace: 'default' });
    await bench.advance(1000);
    expect((await bench.client.list(persistentVolumes)).items).toEqual([]);
  });

  test('a hollow node needs no directory', async () => {
    await bench.client.create(persistentVolumeClaims, claim('hollow'));
    await bound();
    expect(existsSync(join(base, (await read()).spec!.volumeName!))).toBe(false);
  });

  test('a node that is gone is given back to the scheduler', async () => {
    await bench.client.create(persistentVolumeClaims, claim('gone'));
    await until(async () => (await read()).metadata.annotations?.['volume.kubernetes.io/selected-node'] === undefined);
    expect(await reasons()).toContain('ProvisioningFailed');
  });

  test('a volume deleted before its claim keeps its directory until the claim goes', async () => {
    await bench.client.create(persistentVolumeClaims, claim('here'));
    await bound();
    const name = (await read()).spec!.volumeName!;
    await bench.client.delete(persistentVolumes, name);
    await bench.advance();
    expect(existsSync(join(base, name))).toBe(true);
    await bench.client.delete(persistentVolumeClaims, 'c', { namespace: 'default' });
    await until(async () => (await bench.client.list(persistentVolumes)).items.length === 0);
    expect(existsSync(join(base, name))).toBe(false);
  });
});

test.each<[Partial<PersistentVolumeClaim['spec']>, string | undefined]>([
  [{}, undefined],
  [{ volumeMode: 'Block' }, 'pilothouse.dev/hostpath does not support block volume provisioning'],
  [{ accessModes: ['ReadWriteMany'] }, 'access mode ReadWriteMany is not supported: a directory is on one node'],
  [{ selector: {} }, 'claim Selector is not supported'],
])('%j: %s', (spec, expected) => {
  expect(unsupported({ metadata: {}, spec: { ...claim().spec!, ...spec } })).toBe(expected);
});
