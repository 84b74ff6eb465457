import type { DaemonSet } from '@pilothouse/api-schemas/types/apps/v1';
import type { Node, Taint } from '@pilothouse/api-schemas/types/core/v1';
import { daemonSets, nodes, pods } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { daemonSetController } from './controller.ts';
import { fitsNode } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});
const at = { namespace: 'default' };
const set = (spec: Partial<DaemonSet['spec']> = {}, podSpec = {}): DaemonSet => ({
  metadata: { name: 'agent', namespace: 'default' },
  spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } }, selector: { matchLabels: { app: 'agent' } }, template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image: 'i:1' }], nodeSelector: { disk: 'ssd' }, ...podSpec } }, ...spec } as DaemonSet['spec'],
});
const node = (name: string, taints?: Taint[], disk = 'ssd'): Node => ({ metadata: { name, labels: { disk } }, spec: { taints } });

describe('daemon set', () => {
  test('has one pod on every node that fits, meant for that node, and follows labels', async () => {
    bench = await runOnBench([daemonSetController]);
    const { client } = bench;
    for (const name of ['a', 'b']) await client.create(nodes, node(name));
    await client.create(nodes, node('c', undefined, 'hdd'));
    await client.create(daemonSets, set());
    await bench.advance(500);
    const targets = async () => (await client.list(pods, at)).items.filter((p) => !p.metadata.deletionTimestamp).map((p) => p.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0].matchFields?.[0].values?.[0]).sort();
    expect(await targets()).toEqual(['a', 'b']);
    expect((await client.get(daemonSets, 'agent', at)).status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberUnavailable: 2, numberMisscheduled: 0, updatedNumberScheduled: 2 });
    await client.patch(nodes, 'c', { metadata: { labels: { disk: 'ssd' } } });
    await client.patch(nodes, 'a', { metadata: { labels: { disk: 'hdd' } } });
    await bench.advance(500);
    expect(await targets()).toEqual(['b', 'c']);
  });

  test('a new template replaces one available pod at a time', async () => {
    bench = await runOnBench([daemonSetController]);
    const { client } = bench;
    for (const name of ['a', 'b', 'c']) await client.create(nodes, node(name));
    await client.create(daemonSets, set());
    await bench.advance(500);
    const list = async () => (await client.list(pods, at)).items;
    const settle = async () => {
      for (const pod of await list()) {
        if (pod.metadata.deletionTimestamp) await client.delete(pods, pod.metadata.name!, { ...at, gracePeriodSeconds: 0 });
        else if (!pod.status?.conditions?.some((c) => c.type === 'Ready')) await client.patch(pods, pod.metadata.name!, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { ...at, subresource: 'status' });
      }
      await bench!.advance(300);
    };
    await settle();
    await client.patch(daemonSets, 'agent', { spec: { template: { spec: { containers: [{ name: 'c', image: 'i:2' }] } } } }, { ...at, type: 'strategic' });
    let least = 3;
    for (let i = 0; i < 12; i++) {
      await bench.advance(300);
      least = Math.min(least, (await list()).filter((p) => !p.metadata.deletionTimestamp && p.status?.conditions?.some((c) => c.type === 'Ready')).length);
      await settle();
    }
    expect((await list()).map((p) => p.spec?.containers[0].image)).toEqual(['i:2', 'i:2', 'i:2']);
    expect(least).toBe(2);
  });

  test.each<[string, Taint[], { run: boolean; stay: boolean }]>([
    ['no taints', [], { run: true, stay: true }],
    ['a node in trouble', [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }], { run: true, stay: true }],
    ['a cordoned node', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }], { run: true, stay: true }],
    ['a taint for scheduling', [{ key: 'x', effect: 'NoSchedule' }], { run: false, stay: true }],
    ['a taint for execution', [{ key: 'x', effect: 'NoExecute' }], { run: false, stay: false }],
  ])('with %s pods run or stay as %j', (_, taints, expected) => {
    expect(fitsNode(set(), node('n', taints))).toEqual(expected);
  });
});
