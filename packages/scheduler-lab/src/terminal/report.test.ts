import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import { labBench } from '../testing/lab-bench.ts';
import { fullExplanation } from '../traces/render.ts';
import { addNodeEdit, evictEdit, labelEdit, resizeEdit, taintEdit } from './edit-flags.ts';
import { report } from './report.ts';
import type { TerminalOptions } from './text.ts';

const plain: TerminalOptions = { columns: 80, color: false, unicode: false };
const explained = (nodes: ReturnType<typeof node>[], p: ReturnType<typeof pod>) => {
  const bench = labBench({ nodes });
  bench.attempt(p);
  return fullExplanation(bench.lab.traces.latest(`default/${p.metadata.name}`)!, bench.lab.world, bench.lab.copies, { maxNodes: 1000, allPlugins: true, monotonic: () => 0 });
};
const tainted = (name: string) => node(name, { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } });

test('a pod that fits nowhere: the reason in a sentence, then nodes by plugins, then what would help', () => {
  const explanation = explained([node('a', { allocatable: { cpu: '1' } }), tainted('b')], pod('big', { requests: { cpu: '2' } }));
  const text = report({ explanation, suggestions: [{ kind: 'RemoveTaint', change: 'remove the taint dedicated=db:NoSchedule from b', edits: [], node: 'b', command: 'kubectl taint nodes b dedicated:NoSchedule-' }] }, plain);
  expect(text).toBe(`default/big fits none of 2 nodes: a: Insufficient cpu (NodeResourcesFit); b:
node(s) had untolerated taint(s) (TaintToleration).

Filters
NODE  NodeUnschedulable
      | NodeName
      | | TaintToleration
      | | | NodeResourcesFit
a     + + + x  Insufficient cpu
b     + + x +  node(s) had untolerated taint(s)

Single changes that would place it
1. remove the taint dedicated=db:NoSchedule from b (it would go to b)
     kubectl taint nodes b dedicated:NoSchedule-
`);
});

test('many nodes are shown by groups, and nothing is wider than the terminal', () => {
  const nodes = Array.from({ length: 300 }, (_, i) => (i % 3 ? node(`a-node-with-a-rather-long-name-${i}`, { allocatable: { cpu: '1' } }) : tainted(`node-${i}`)));
  const text = report({ explanation: explained(nodes, pod('big', { requests: { cpu: '2' } })) }, plain);
  expect(text).toContain('200 nodes: a-node-with..  + + + x  Insufficient cpu');
  expect(text).toContain('100 nodes: node-0..');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('a pod with a node: the scores that decided', () => {
  const text = report({ explanation: explained([node('a'), node('b', { allocatable: { cpu: '16' } })], pod('p', { requests: { cpu: '1' } })) }, plain);
  expect(text).toContain('default/p goes to b: of the 2 nodes that fit it has the highest score');
  expect(text).toMatch(/^b {5,}.* \*$/m);
  expect(text).not.toContain('Filters');
});

test('colours only where asked for', () => {
  const explanation = explained([tainted('b')], pod('p'));
  expect(report({ explanation }, plain)).not.toContain('\u001b');
  expect(report({ explanation }, { ...plain, color: true })).toContain('\u001b[31mx\u001b[0m');
});

test.each([
  [taintEdit('n=dedicated=db:NoSchedule'), { taintNode: { name: 'n', taint: { key: 'dedicated', value: 'db', effect: 'NoSchedule' } } }],
  [taintEdit('n=dedicated:NoSchedule-'), { taintNode: { name: 'n', taint: { key: 'dedicated', effect: 'NoSchedule' }, remove: true } }],
  [taintEdit('n=dedicated-'), { taintNode: { name: 'n', taint: { key: 'dedicated' }, remove: true } }],
  [labelEdit('n=disk=ssd'), { labelNode: { name: 'n', labels: { disk: 'ssd' } } }],
  [labelEdit('n=disk-'), { labelNode: { name: 'n', labels: { disk: null } } }],
  [addNodeEdit('n9=n1'), { addNode: { name: 'n9', like: 'n1' } }],
  [resizeEdit('n=cpu=8,memory=16Gi'), { resizeNode: { name: 'n', allocatable: { cpu: '8', memory: '16Gi' } } }],
  [evictEdit('shop/web'), { evictPod: { namespace: 'shop', name: 'web' } }],
])('flags are edits: %j', (edit, expected) => expect(edit).toEqual(expected));

test.each([['n', 'node-taint'], ['n=k', 'node-taint'], ['n=k:Nope', 'node-taint']])('a taint that cannot be read is refused: %s', (text) => expect(() => taintEdit(text)).toThrow(/--node-taint .*: needed: NODE=KEY/));
