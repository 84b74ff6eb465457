import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import type { Edit, SchedulingReviewSpec } from '../api/types.ts';
import { type LabBench, labBench } from '../testing/lab-bench.ts';
import { review } from './review.ts';

const ask = (bench: LabBench, spec: SchedulingReviewSpec, pods: ReturnType<typeof pod>[] = []) =>
  review(spec, 'default', { world: bench.lab.world, copies: bench.lab.copies, nowMs: bench.clock.now, monotonic: () => 0, findPod: async (_namespace, name) => pods.find((p) => p.metadata.name === name), priorityOf: (name) => (name === 'high' ? 1000 : undefined), pause: async () => undefined });

const taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
const cluster = () => labBench({ nodes: [node('full'), node('tainted', { spec: { taints: [taint] } }), node('cordoned', { spec: { unschedulable: true } })], placed: { full: [pod('a', { requests: { cpu: '3' } }), pod('b', { requests: { cpu: '1' } })] } });
const two = { spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '2' } } }] } };

test.each<[string, Edit, string | undefined]>([
  ['a taint taken away', { taintNode: { name: 'tainted', taint: { key: 'dedicated' }, remove: true } }, 'tainted'],
  ['a node uncordoned', { cordonNode: { name: 'cordoned', unschedulable: false } }, 'cordoned'],
  ['a pod evicted', { evictPod: { name: 'a' } }, 'full'],
  ['a pod evicted that leaves too little', { evictPod: { name: 'b' } }, undefined],
  ['a node like another', { addNode: { name: 'fresh', like: 'full' } }, 'fresh'],
  ['a larger node', { resizeNode: { name: 'full', allocatable: { cpu: '8' } } }, 'full'],
  ['a toleration', { patchPod: { spec: { tolerations: [{ key: 'dedicated', operator: 'Exists' }] } } }, 'tainted'],
  ['a pod added', { addPod: { metadata: { name: 'x' }, spec: { nodeName: 'full', containers: [{ name: 'c' }] } } as never }, undefined],
])('what if: %s', async (_what, edit, expected) => {
  const bench = cluster();
  const before = bench.snapshot.generation.slice();
  const { explanation } = await ask(bench, { pod: two, edits: [edit] });
  expect(explanation.node).toBe(expected);
  expect(bench.snapshot.generation).toEqual(before);
  // Nor does the copy remember: the next review finds the cluster as it is.
  expect((await ask(bench, { pod: two })).explanation).toMatchObject({ result: 'Unschedulable', nodesTotal: 3 });
});

test('suggestions are single changes that place the pod, and they do when they are made', async () => {
  const bench = cluster();
  const { suggestions, changesTried } = await ask(bench, { pod: two, suggest: true });
  expect(suggestions!.map((s) => s.kind)).toEqual(['UncordonNode', 'AddToleration', 'RemoveTaint', 'EvictPods', 'RaisePriority', 'AddNode']);
  expect(suggestions!.find((s) => s.kind === 'RemoveTaint')).toMatchObject({ change: 'remove the taint dedicated=db:NoSchedule from tainted', node: 'tainted', command: 'kubectl taint nodes tainted dedicated:NoSchedule-' });
  expect(suggestions!.find((s) => s.kind === 'EvictPods')).toMatchObject({ change: 'free 2000m cpu: evict default/a from full', edits: [{ evictPod: { namespace: 'default', name: 'a' } }] });
  expect(changesTried).toBeGreaterThanOrEqual(suggestions!.length);
  for (const { kind, edits, node: where } of suggestions!) {
    const { explanation } = await ask(bench, { pod: two, edits });
    expect(kind === 'RaisePriority' ? explanation.preemption?.chosen : explanation.node).toBe(where);
  }
});

test('labels and selectors: a node label, or a selector dropped, places the pod', async () => {
  const bench = labBench({ nodes: [node('n1'), node('n2', { allocatable: { cpu: '1' } })] });
  const { suggestions } = await ask(bench, { pod: { spec: { ...two.spec, nodeSelector: { disk: 'ssd' } } }, suggest: true });
  expect(suggestions!.map((s) => s.change)).toEqual(['label n1 with disk=ssd', "drop disk=ssd from the pod's nodeSelector"]);
  expect(suggestions![0].command).toBe('kubectl label node n1 disk=ssd');
});

test('a gated pod is said to be gated, and that removing the gate would do', async () => {
  const { explanation, suggestions } = await ask(labBench({ nodes: [node('n1')] }), { pod: { spec: { ...two.spec, schedulingGates: [{ name: 'example.com/wait' }] } }, suggest: true });
  expect(explanation).toMatchObject({ result: 'Gated' });
  expect(suggestions).toMatchObject([{ kind: 'RemoveGates', node: 'n1' }]);
});

test('a running pod is reviewed as if it did not run; another profile and another configuration are used where asked', async () => {
  const running = pod('r', { requests: { cpu: '3' }, spec: { nodeName: 'n1' } });
  const bench = labBench({ nodes: [node('n1')], placed: { n1: [running] } });
  expect((await ask(bench, { podName: 'r' }, [running])).explanation).toMatchObject({ result: 'Scheduled', node: 'n1' });
  const configuration = { profiles: [{ schedulerName: 'packer', plugins: { score: { disabled: [{ name: '*' }] } } }] };
  expect((await ask(bench, { pod: two, edits: [{ evictPod: { name: 'r' } }], profile: 'packer', configuration })).explanation).toMatchObject({ schedulerName: 'packer', node: 'n1' });
});

test.each<[string, SchedulingReviewSpec, string]>([
  ['neither pod nor name', {}, 'spec.pod: Required value: one of podName and pod is needed'],
  ['an unknown pod', { podName: 'nope' }, 'spec.podName: Not found: "nope"'],
  ['an unknown node', { pod: two, edits: [{ removeNode: { name: 'nope' } }] }, 'spec.edits[0].removeNode.name: Not found: "nope"'],
  ['an invalid node name', { pod: two, edits: [{ addNode: { name: 'Not A Name', like: 'full' } }] }, 'spec.edits[0].addNode.name: Invalid value: "Not A Name": a lowercase RFC 1123 subdomain'],
  ['an edit of no kind', { pod: two, edits: [{}] }, 'spec.edits[0]: Required value: must specify an edit'],
  ['two kinds in one', { pod: two, edits: [{ removeNode: { name: 'full' }, evictPod: { name: 'a' } }] }, 'spec.edits[0]: Forbidden: may not specify more than 1 edit'],
  ['too many edits', { pod: two, edits: Array.from({ length: 65 }, () => ({ evictPod: { name: 'a' } })) }, 'spec.edits: Too many: 65: must have at most 64 items'],
  ['a bad configuration', { pod: two, configuration: { profiles: [{ schedulerName: 'x', plugins: { filter: { enabled: [{ name: 'Nope' }] } } }] } as never }, 'Nope'],
  ['an unknown profile', { pod: two, profile: 'nope' }, 'spec.profile: Not found: "nope"'],
])('refused: %s', async (_what, spec, message) => {
  await expect(ask(cluster(), spec)).rejects.toThrow(message);
});
