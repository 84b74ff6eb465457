import type { Node, PersistentVolume, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
import { events, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, expect, test } from 'vitest';
import { attachDetachController } from './controller.ts';
import { attachmentName, holdsVolumes, planAttachments } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const inUse = 'kubernetes.io/csi/d.example.com^h';
const volume = (mode = 'ReadWriteOnce'): PersistentVolume => ({ metadata: { name: 'pv' }, spec: { accessModes: [mode], capacity: { storage: '1Gi' }, csi: { driver: 'd.example.com', volumeHandle: 'h' } } });
const node = (name: string, more: Partial<Node['status']> = {}, taints?: { key: string; effect: string }[]): Node => ({ metadata: { name, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } }, ...(taints && { spec: { taints } }), status: { conditions: [{ type: 'Ready', status: 'True' }], ...more } });
const pod = (name: string, nodeName: string): Pod => ({ metadata: { name, namespace: 'default' }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } });
const attachment = (nodeName: string): VolumeAttachment => ({ metadata: { name: `at-${nodeName}` }, spec: { attacher: 'd.example.com', nodeName, source: { persistentVolumeName: 'pv' } } });

const down = { conditions: [{ type: 'Ready', status: 'Unknown' }], volumesInUse: [inUse] };
test.each([
  ['attached where a pod wants it', volume(), ['a'], [], node('a'), { attach: ['a'] }],
  ['left where it is wanted', volume(), ['a'], ['a'], node('a'), {}],
  ['not attached by this controller where kubelets do it', volume(), ['a'], [], { ...node('a'), metadata: { name: 'a' } }, {}],
  ['kept from a second node', volume(), ['a', 'b'], ['a'], node('a'), { blocked: ['b'] }],
  ['shared where it may be', volume('ReadWriteMany'), ['a', 'b'], ['a'], node('a'), { attach: ['b'] }],
  ['detached when unwanted', volume(), [], ['a'], node('a'), { detach: ['a'] }],
  ['waited for while mounted', volume(), [], ['a'], node('a', { volumesInUse: [inUse] }), { waiting: ['a'] }],
  ['taken from a node that is down for long', volume(), [], ['a'], node('a', down), { detach: ['a'] }],
  ['taken from a node out of service', volume(), [], ['a'], node('a', { volumesInUse: [inUse] }, [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }]), { detach: ['a'] }],
])('a volume is %s', (_, pv, users, attached, first, expected) => {
  const known = new Map([['a', first as Node], ['b', node('b')]]);
  const plan = planAttachments(pv, users.map((name) => pod(name, name)), attached.map(attachment), { node: (name) => known.get(name), sinceMs: () => 0, nowMs: 400_000 });
  expect({ attach: plan.attach, blocked: plan.blocked.map((p) => p.metadata.name), detach: plan.detach.map((a) => a.spec.nodeName), waiting: plan.waiting.map((a) => a.spec.nodeName) }).toEqual({ attach: [], blocked: [], detach: [], waiting: [], ...expected });
});

test('a pod holds its volumes until its containers have ended', () => {
  const going = { ...pod('p', 'a'), metadata: { name: 'p', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const status = (state: object) => ({ containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state }] });
  expect([holdsVolumes(pod('p', '')), holdsVolumes(pod('p', 'a')), holdsVolumes(going), holdsVolumes({ ...going, status: status({ running: {} }) }), holdsVolumes({ ...going, status: status({ terminated: { exitCode: 0 } }) })]).toEqual([false, true, false, true, false]);
});

test('a volume follows its pods from node to node', async () => {
  bench = await runOnBench([attachDetachController]);
  const { client } = bench;
  for (const name of ['a', 'b']) await client.create(nodes, node(name));
  const claim = await client.create(persistentVolumeClaims, { metadata: { name: 'c', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: 'pv' } });
  await client.create(persistentVolumes, { ...volume(), spec: { ...volume().spec, claimRef: { namespace: 'default', name: 'c', uid: claim.metadata.uid } } });
  await client.create(pods, pod('first', 'a'));
  const named = async (nodeName: string) => (await client.list(volumeAttachments)).items.find((a) => a.spec.nodeName === nodeName);
  const made = await bench.until(() => named('a'));
  expect([made.metadata.name, made.spec]).toEqual([attachmentName(volume(), 'a'), { attacher: 'd.example.com', nodeName: 'a', source: { persistentVolumeName: 'pv' } }]);
  await client.patch(volumeAttachments, made.metadata.name!, { status: { attached: true } }, { subresource: 'status' });
  const attached = async (name: string) => (await client.get(nodes, name)).status?.volumesAttached;
  await bench.until(() => attached('a'));
  expect(await attached('a')).toEqual([{ name: inUse, devicePath: '' }]);
  await client.create(pods, pod('second', 'b'));
  await bench.advance(1000);
  expect(await named('b')).toBeUndefined();
  await client.delete(pods, 'first', { namespace: 'default', gracePeriodSeconds: 0 });
  await bench.until(() => named('b'));
  expect([await named('a'), (await attached('a')) ?? []]).toEqual([undefined, []]);
  await bench.advance(1000);
  expect((await client.list(events, { namespace: 'default' })).items.map((e) => [e.involvedObject.name, e.reason, e.message])).toEqual([
    ['first', 'SuccessfulAttachVolume', 'AttachVolume.Attach succeeded for volume "pv" '],
    ['second', 'FailedAttachVolume', 'Multi-Attach error for volume "pv" Volume is already used by pod(s) first'],
  ]);
});
