import type { StatefulSet } from '@pilothouse/api-schemas/types/apps/v1';
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { statefulSetController } from './controller.ts';

let bench: ControllerBench;
const at = { namespace: 'default' };
beforeEach(async () => {
  bench = await runOnBench([statefulSetController]);
});
afterEach(() => bench.close());

const set = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
  metadata: { name: 'db', namespace: 'default' },
  spec: {
    replicas: 2, serviceName: 'h', podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, selector: { matchLabels: { app: 'db' } },
    template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
    ...spec,
  } as StatefulSet['spec'],
});
const podNames = async () => (await bench.client.list(pods, at)).items.filter((p) => !p.metadata.deletionTimestamp).map((p) => p.metadata.name);
const claimNames = async () => (await bench.client.list(persistentVolumeClaims, at)).items.map((c) => c.metadata.name);
const ready = async (name: string) => {
  await bench.client.patch(pods, name, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { ...at, subresource: 'status' });
  await bench.advance(300);
};
const kill = async (name: string) => {
  await bench.client.delete(pods, name, { ...at, gracePeriodSeconds: 0 });
  await bench.advance(300);
};

describe('stateful set', () => {
  test('pods are made in order, each with its name, labels and claims, the next when the last is ready', async () => {
    await bench.client.create(statefulSets, set());
    await bench.advance();
    expect(await podNames()).toEqual(['db-0']);
    expect(await claimNames()).toEqual(['data-db-0']);
    const pod = await bench.client.get(pods, 'db-0', at);
    const [revision] = (await bench.client.list(controllerRevisions, at)).items;
    expect(pod.metadata.labels).toEqual({ app: 'db', 'apps.kubernetes.io/pod-index': '0', 'controller-revision-hash': revision.metadata.name, 'statefulset.kubernetes.io/pod-name': 'db-0' });
    expect([pod.spec?.hostname, pod.spec?.subdomain, pod.metadata.generateName]).toEqual(['db-0', 'h', 'db-']);
    await ready('db-0');
    expect(await podNames()).toEqual(['db-0', 'db-1']);
    await ready('db-1');
    expect((await bench.client.get(statefulSets, 'db', at)).status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2, currentReplicas: 2, updatedReplicas: 2, currentRevision: revision.metadata.name, collisionCount: 0 });
  });

  test('a new template replaces pods from the last to the first, one at a time, and above the partition only', async () => {
    await bench.client.create(statefulSets, set({ replicas: 3, podManagementPolicy: 'Parallel' }));
    await bench.advance();
    expect(await podNames()).toEqual(['db-0', 'db-1', 'db-2']);
    for (const name of ['db-0', 'db-1', 'db-2']) await ready(name);
    const first = (await bench.client.get(statefulSets, 'db', at)).status?.currentRevision;
    await bench.client.patch(statefulSets, 'db', { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } }, template: { spec: { containers: [{ name: 'c', image: 'i:2' }] } } } }, { ...at, type: 'strategic' });
    await bench.advance();
    const terminating = async () => (await bench.client.list(pods, at)).items.filter((p) => p.metadata.deletionTimestamp).map((p) => p.metadata.name);
    const images = async () => (await bench.client.list(pods, at)).items.map((p) => p.spec?.containers[0].image);
    if ((await terminating()).length) await kill('db-2');
    expect(await images()).toEqual(['i:1', 'i:1', 'i:2']);
    await ready('db-2');
    if ((await terminating()).length) await kill('db-1');
    await ready('db-1');
    expect(await images()).toEqual(['i:1', 'i:2', 'i:2']);
    const status = (await bench.client.get(statefulSets, 'db', at)).status;
    expect([status?.currentRevision, status?.currentReplicas, status?.updatedReplicas]).toEqual([first, 1, 2]);
  });

  test('with whenScaled Delete a claim comes to belong to the pod that is scaled away', async () => {
    await bench.client.create(statefulSets, set({ podManagementPolicy: 'Parallel', persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } }));
    await bench.advance(500);
    const ownersOf = async (name: string) => (await bench.client.get(persistentVolumeClaims, name, at)).metadata.ownerReferences?.map((r) => `${r.kind}/${r.name}`);
    for (const name of ['db-0', 'db-1']) await ready(name);
    expect(await ownersOf('data-db-1')).toEqual(['StatefulSet/db']);
    await bench.client.patch(statefulSets, 'db', { spec: { replicas: 1 } }, at);
    await bench.advance();
    expect(await ownersOf('data-db-1')).toEqual(['Pod/db-1']);
    expect(await ownersOf('data-db-0')).toEqual(['StatefulSet/db']);
  });
});
