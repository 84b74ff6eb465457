import { describe, expect, test } from 'vitest';
import { PodInfo } from '../pod/pod-info.ts';
import { node, pluginBench, pod, reasons } from '../testing/bench.ts';
import { imageLocality } from './image-locality/image-locality.ts';
import { nodeDeclaredFeatures } from './node-declared-features/node-declared-features.ts';
import { nodeName } from './node-name/node-name.ts';
import { nodeResourcesBalancedAllocation } from './node-resources/balanced-allocation.ts';
import { nodeUnschedulable } from './node-unschedulable/node-unschedulable.ts';
import { prioritySort } from './priority-sort/priority-sort.ts';
import { schedulingGates } from './scheduling-gates/scheduling-gates.ts';

describe('the smaller plugins', () => {
  test('NodeName admits the named node only', () => {
    expect(reasons(pluginBench(nodeName).filter(pod('p', { spec: { nodeName: 'n2' } })))).toEqual({ n1: ["node(s) didn't match the requested node name"] });
  });

  test('NodeUnschedulable keeps off cordoned nodes, unless tolerated', () => {
    const bench = pluginBench(nodeUnschedulable, { nodes: [node('n1', { spec: { unschedulable: true } })] });
    expect(reasons(bench.filter(pod('p')))).toEqual({ n1: ['node(s) were unschedulable'] });
    expect(reasons(bench.filter(pod('p', { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }] } })))).toEqual({});
  });

  test('NodeDeclaredFeatures asks nodes for what the spec uses', () => {
    const bench = pluginBench(nodeDeclaredFeatures, { nodes: [node('n1'), node('n2', { status: { declaredFeatures: ['UserNamespacesHostNetworkSupport'] } })] });
    expect(reasons(bench.filter(pod('p', { spec: { hostNetwork: true, hostUsers: false } })))).toEqual({ n1: ["node(s) didn't match Pod's required features"] });
    expect(bench.filter(pod('p'))).toMatchObject({ code: 'Skip' });
  });

  test('SchedulingGates names the gates', () => {
    const { plugin } = pluginBench(schedulingGates);
    expect(plugin.preEnqueue!(new PodInfo(pod('p', { spec: { schedulingGates: [{ name: 'a' }, { name: 'b' }] } })))).toMatchObject({ code: 'UnschedulableAndUnresolvable', reasons: ['waiting for scheduling gates: [a b]'] });
    expect(plugin.preEnqueue!(new PodInfo(pod('p')))).toBeUndefined();
  });

  test('PrioritySort puts priority before age', () => {
    const { plugin } = pluginBench(prioritySort);
    const at = (priority: number, timestampMs: number) => ({ info: new PodInfo(pod('p', { spec: { priority } })), timestampMs });
    expect([plugin.queueSort!(at(2, 9), at(1, 1)), plugin.queueSort!(at(1, 1), at(1, 2)), plugin.queueSort!(at(1, 2), at(1, 1))]).toEqual([true, true, false]);
  });

  test('BalancedAllocation prefers the node that the pod leaves more even', () => {
    const bench = pluginBench(nodeResourcesBalancedAllocation, { placed: { n1: [pod('a', { requests: { cpu: '2' } })], n2: [pod('b', { requests: { memory: '4Gi' } })] } });
    expect(bench.score(pod('p', { requests: { memory: '4Gi' } }))).toEqual({ n1: 87, n2: 62 });
    expect(bench.score(pod('q'))).toMatchObject({ code: 'Skip' });
  });

  test('ImageLocality prefers large images that are there, and spreads', () => {
    const with_ = (name: string) => node(name, { status: { images: [{ names: ['app:latest'], sizeBytes: 1000 * 1024 * 1024 }] } });
    expect(pluginBench(imageLocality, { nodes: [with_('n1'), node('n2')] }).score(pod('p'))).toEqual({ n1: 48, n2: 0 });
    expect(pluginBench(imageLocality, { nodes: [with_('n1'), with_('n2')] }).score(pod('p'))).toEqual({ n1: 100, n2: 100 });
  });
});
