import { formatMicroTime, formatTime } from '@pilothouse/base';
import type { Node, Pod, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { leases, nodes, pods } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { createCidrSet } from '../nodeipam/cidr-set.ts';
import { nodeIpamController } from '../nodeipam/controller.ts';
import { taintEvictionController } from '../tainteviction/controller.ts';
import { stayMs } from '../tainteviction/plan.ts';
import { nodeLifecycleController } from './controller.ts';
import { zoneState } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const readyNode = (name: string, nowMs: number): Node => ({ metadata: { name, labels: { 'kubernetes.io/os': 'linux' } }, status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: formatTime(nowMs), lastTransitionTime: formatTime(nowMs) }] } });
const toleration = (seconds?: number): Toleration => ({ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', ...(seconds !== undefined && { tolerationSeconds: seconds }) });
const boundPod = (name: string, nodeName: string, tolerations: Toleration[]): Pod => ({ metadata: { name, namespace: 'default' }, spec: { nodeName, tolerations, containers: [{ name: 'c', image: 'i' }] } });

describe('node lifecycle', () => {
  test('a node that falls silent becomes Unknown after its grace period, is tainted, and its pods leave when they tolerate it no longer', async () => {
    bench = await runOnBench([nodeLifecycleController, taintEvictionController]);
    const { client, clock } = bench;
    for (const name of ['dead', 'alive']) {
      await client.create(nodes, readyNode(name, clock.now()));
      await client.patch(nodes, name, { status: readyNode(name, clock.now()).status }, { subresource: 'status' });
    }
    const podNames = async () => (await client.list(pods, { namespace: 'default' })).items.filter((p) => !p.metadata.deletionTimestamp).map((p) => p.metadata.name);
    for (const [name, seconds] of [['patient', 60], ['eternal', undefined]] as const) await client.create(pods, boundPod(name, 'dead', [toleration(seconds)]));
    await client.create(pods, boundPod('brittle', 'dead', []));
    await client.patch(pods, 'eternal', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }, { namespace: 'default', subresource: 'status' });
    await client.create(leases, { metadata: { name: 'alive', namespace: 'kube-node-lease' }, spec: { renewTime: formatMicroTime(clock.now()) } });
    /** Only one of the two kubelets goes on renewing its lease. */
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 5000) {
        await client.patch(leases, 'alive', { spec: { renewTime: formatMicroTime(clock.now()) } }, { namespace: 'kube-node-lease' });
        await bench!.advance(Math.min(left, 5000));
      }
    };
    await pass(45_000);
    expect((await client.get(nodes, 'dead')).status?.conditions?.[0].status).toBe('True');
    await pass(15_000);
    const dead = await client.get(nodes, 'dead');
    expect(dead.status?.conditions?.map((c) => [c.type, c.status, c.reason])).toEqual([['Ready', 'Unknown', 'NodeStatusUnknown'], ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'], ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'], ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated']]);
    expect(dead.spec?.taints?.map((t) => `${t.key}:${t.effect}`).sort()).toEqual(['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
    expect(dead.metadata.labels?.['beta.kubernetes.io/os']).toBe('linux');
    expect((await client.get(nodes, 'alive')).spec?.taints ?? []).toEqual([]);
    expect(await podNames()).toEqual(['eternal', 'patient']);
    expect((await client.get(pods, 'eternal', { namespace: 'default' })).status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('False');
    await pass(70_000);
    expect(await podNames()).toEqual(['eternal']);
    await client.patch(nodes, 'dead', { status: readyNode('dead', clock.now()).status }, { subresource: 'status' });
    await pass(10_000);
    expect((await client.get(nodes, 'dead')).spec?.taints ?? []).toEqual([]);
  });

  test('every node gets its own range of pod addresses, also after a restart', async () => {
    bench = await runOnBench([nodeIpamController], { flags: { 'allocate-node-cidrs': true, 'cluster-cidr': '10.244.0.0/16' } });
    const { client } = bench;
    for (const name of ['a', 'b']) await client.create(nodes, { metadata: { name } });
    await bench.advance();
    await bench.restart();
    await client.create(nodes, { metadata: { name: 'c' } });
    await bench.advance();
    expect((await client.list(nodes)).items.map((n) => n.spec?.podCIDRs)).toEqual([['10.244.0.0/24'], ['10.244.1.0/24'], ['10.244.2.0/24']]);
  });

  test.each([
    [[undefined, 'True'], 'Normal'],
    [['False', 'Unknown'], 'FullDisruption'],
    [['False', 'False', 'False', 'True'], 'PartialDisruption'],
    [['False', 'False', 'True'], 'Normal'],
  ] as const)('a zone with nodes %j is in state %s', (statuses, state) => {
    expect(zoneState([...statuses], 0.55)).toBe(state);
  });

  test.each([
    ['no toleration', [], 0],
    ['one without an end', [toleration()], undefined],
    ['the shortest of those used', [toleration(30)], 30_000],
    ['a negative time', [toleration(-5)], 0],
  ])('a pod with %s stays so long', (_, tolerations, ms) => {
    expect(stayMs(boundPod('p', 'n', tolerations), [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }])).toBe(ms);
  });

  test('blocks are cut from a range of either family and reused once all were given', () => {
    const set = createCidrSet('fd00:1::/62', 64);
    expect([set.allocate(), set.allocate(), set.allocate(), set.allocate(), set.allocate()]).toEqual(['fd00:1::/64', 'fd00:1:0:1::/64', 'fd00:1:0:2::/64', 'fd00:1:0:3::/64', undefined]);
    set.release('fd00:1:0:2::/64');
    expect(set.allocate()).toBe('fd00:1:0:2::/64');
    expect(set.occupy('10.0.0.0/24')).toBe(false);
  });
});
