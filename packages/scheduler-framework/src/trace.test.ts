import { seededRandom } from '@pilothouse/base/random';
import { expect, test } from 'vitest';
import { loadConfiguration } from './config/load.ts';
import { runPostFilters } from './cycle/post-filter.ts';
import { Algorithm } from './cycle/schedule.ts';
import { defaultPlugins } from './plugins/index.ts';
import { nodeName } from './plugins/node-name/node-name.ts';
import { PodInfo } from './pod/pod-info.ts';
import { createProfile } from './profile.ts';
import { node, pluginBench, pod } from './testing/bench.ts';
import { type AttemptTrace, traceRecorder } from './trace.ts';

function attempt(p: Parameters<typeof pod>[1]): AttemptTrace {
  const { snapshot, handle } = pluginBench(nodeName, { nodes: [node('small', { allocatable: { cpu: '1' } }), node('large'), node('tainted', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })], placed: { large: [pod('low', { requests: { cpu: '3' } })] } });
  const profile = createProfile(loadConfiguration({}).profiles[0], defaultPlugins, handle);
  const algorithm = new Algorithm({ profile, snapshot, nominator: handle.nominator, random: seededRandom(1) });
  const traces: AttemptTrace[] = [];
  const recorder = traceRecorder((t) => traces.push(t));
  const info = new PodInfo(pod('p', p));
  recorder.begin!(info, 1, 0);
  const decision = algorithm.schedule(info, recorder);
  if (decision.kind === 'unfit') runPostFilters(profile, info, decision.found, recorder);
  recorder.end!(info, decision.kind === 'node' ? { node: decision.node } : { message: 'unfit' });
  return traces[0];
}

const said = (trace: AttemptTrace, point: string, node?: string) => trace.steps.filter((s) => s.point === point && s.node === node).map((s) => `${s.plugin} ${s.code}`);

test('a trace tells what every plugin said, node by node, and how the scores came about', () => {
  const trace = attempt({ requests: { cpu: '500m' } });
  expect(said(trace, 'filter', 'tainted')).toEqual(['NodeUnschedulable Success', 'NodeName Success', 'TaintToleration UnschedulableAndUnresolvable']);
  expect(said(trace, 'preFilter')).toContain('NodePorts Skip');
  expect(trace.scores!.nodes.map((n) => n.node)).toEqual(['small', 'large']);
  expect(trace.node).toBe([...trace.scores!.nodes].sort((a, b) => b.total - a.total)[0].node);
});

test('a trace of a pod that fits nowhere tells whom it could take the place of', () => {
  const trace = attempt({ requests: { cpu: '3' }, spec: { priority: 10 } });
  expect(said(trace, 'postFilter')).toEqual(['DynamicResources Unschedulable', 'DefaultPreemption Success']);
  expect(trace.steps.filter((s) => s.point === 'filter' && s.plugin === 'NodeName')).toHaveLength(3);
  expect(trace.preemption).toEqual([{ node: 'large', victims: ['default/low'], pdbViolations: 0, chosen: true }]);
});
