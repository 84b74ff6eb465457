import { nodes, pods } from '@pilothouse/apimachinery';
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { podGcController } from './controller.ts';
import { failedStatus, missingNodes, stuckOutOfService, surplusFinished, unboundGoing } from './plan.ts';

const pod = (name: string, fields: { node?: string; phase?: string; going?: boolean; evicted?: boolean; created?: string } = {}): Pod => ({
  metadata: { name, generation: 3, creationTimestamp: fields.created ?? '2026-01-01T00:00:00Z', ...(fields.going && { deletionTimestamp: '2026-01-01T00:01:00Z' }) },
  spec: { nodeName: fields.node, containers: [] },
  status: { phase: fields.phase ?? 'Running', ...(fields.evicted && { reason: 'Evicted' }) },
});
const node = (name: string, ready: string, tainted: boolean): Node => ({ metadata: { name }, spec: tainted ? { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] } : {}, status: { conditions: [{ type: 'Ready', status: ready }] } });
const names = (list: readonly Pod[]) => list.map((p) => p.metadata.name);

describe('what nobody else will delete', () => {
  test.each([
    [0, []],
    [3, []],
    [2, ['evicted']],
    [1, ['evicted', 'old']],
  ])('of three finished pods %i may stay', (most, expected) => {
    const all = [pod('new', { phase: 'Failed', created: '2026-01-03T00:00:00Z' }), pod('old', { phase: 'Succeeded' }), pod('evicted', { phase: 'Failed', evicted: true, created: '2026-01-02T00:00:00Z' }), pod('running')];
    expect(names(surplusFinished(all, most))).toEqual(expected);
  });

  test.each<[string, Node | undefined, string[]]>([
    ['a node that is out of service', node('n', 'Unknown', true), ['going']],
    ['one that is ready all the same', node('n', 'True', true), []],
    ['one that is only not ready', node('n', 'False', false), []],
    ['one that is gone', undefined, []],
  ])('pods that are going on %s', (_, found, expected) => {
    expect(names(stuckOutOfService([pod('going', { node: 'n', going: true }), pod('staying', { node: 'n' })], () => found))).toEqual(expected);
  });

  test('pods that go before they came to a node, and nodes that are missing', () => {
    const all = [pod('a', { going: true }), pod('b', { node: 'gone', going: true }), pod('c', { node: 'here' }), pod('d')];
    expect(names(unboundGoing(all))).toEqual(['a']);
    expect([...missingNodes(all, (name) => (name === 'here' ? node('here', 'True', false) : undefined))]).toEqual(['gone']);
  });

  test('an unfinished pod fails, and says of which generation', () => {
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'm', lastTransitionTime: '2026-01-01T00:02:00Z' };
    expect(failedStatus(pod('a'), undefined)).toEqual({ phase: 'Failed', observedGeneration: 3 });
    expect(failedStatus(pod('a'), condition)).toEqual({ phase: 'Failed', observedGeneration: 3, conditions: [{ ...condition, observedGeneration: 3 }] });
    expect(failedStatus(pod('a', { phase: 'Succeeded' }), condition)).toBeUndefined();
  });
});

describe('pod garbage collection', () => {
  let bench: ControllerBench;
  afterEach(() => bench.close());

  test('pods of a node that is gone stay forty seconds, and for good if it comes back', async () => {
    bench = await runOnBench([podGcController]);
    const { client } = bench;
    const at = { namespace: 'default' };
    for (const name of ['gone', 'back']) await client.create(pods, { metadata: { name, namespace: 'default' }, spec: { nodeName: name, containers: [{ name: 'c', image: 'i' }] } });
    await bench.advance(35_000);
    await client.create(nodes, { metadata: { name: 'back' } });
    expect(names((await client.list(pods, at)).items)).toHaveLength(2);
    await bench.advance(50_000);
    expect(names((await client.list(pods, at)).items)).toEqual(['back']);
  });
});
