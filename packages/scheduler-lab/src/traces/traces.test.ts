import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import { labBench } from '../testing/lab-bench.ts';
import { fullExplanation, renderTrace } from './render.ts';

const tainted = node('tainted', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } });
const small = node('small', { allocatable: { cpu: '1' } });
const options = { maxNodes: 10, allPlugins: false, monotonic: () => 0 };

test('an attempt is told with its scores as they came about, though only its outcome was noted', () => {
  const { lab, attempt } = labBench({ nodes: [node('large'), small, tainted] });
  const chosen = attempt(pod('p', { requests: { cpu: '500m' } }));
  const noted = lab.traces.latest('default/p')!;
  const e = fullExplanation(noted, lab.world, lab.copies, options);
  expect(e).toMatchObject({ result: 'Scheduled', node: chosen, details: 'Replayed', nodesTotal: 3, nodesFeasible: 2, choice: { rule: 'HighestScore', tied: [chosen] } });
  expect(e.nodes![0]).toMatchObject({ name: chosen, chosen: true, total: e.choice!.score });
  const best = e.nodes![0];
  expect(best.scores!.reduce((sum, s) => sum + s.weighted, 0)).toBe(best.total);
  expect(e.nodes!.find((n) => n.name === 'tainted')).toMatchObject({ feasible: false, rejectedBy: 'TaintToleration' });
  expect(renderTrace(noted, lab.world).explanation).toMatchObject({ details: 'Recorded', nodesOmitted: 3, choice: { rule: 'HighestScore', score: e.choice!.score, tied: [chosen], tiedCount: 1 } });
});

test('a cycle is run again on the cluster as it was, whatever happened since', () => {
  const { lab, attempt, snapshot } = labBench({ nodes: [node('a'), node('b')] });
  const first = attempt(pod('first', { requests: { cpu: '1' } }));
  for (let i = 0; i < 5; i++) attempt(pod(`later-${i}`, { requests: { cpu: '500m' } }));
  snapshot.setNode(node(first, { allocatable: { cpu: '64' }, labels: { moved: 'yes' } }));
  snapshot.removeNode(first === 'a' ? 'b' : 'a');
  const e = fullExplanation(lab.traces.latest('default/first')!, lab.world, lab.copies, options);
  expect(e).toMatchObject({ details: 'Replayed', nodesTotal: 2, nodesFeasible: 2, choice: { tiedCount: 2 } });
  expect(e.nodes!.map((n) => n.name).sort()).toEqual(['a', 'b']);
  // Reading has not touched the cluster.
  expect(snapshot.size).toBe(1);
  expect(snapshot.pods[snapshot.indexOf(first)].length).toBeGreaterThan(0);
});

test('what no node fits for is told by groups of nodes, and every filter by itself on request', () => {
  const { lab, attempt } = labBench({ nodes: [node('large'), small, tainted] });
  const message = attempt(pod('big', { requests: { cpu: '6' } }));
  const e = fullExplanation(lab.traces.latest('default/big')!, lab.world, lab.copies, { ...options, allPlugins: true });
  expect(e).toMatchObject({ result: 'Unschedulable', message, details: 'Replayed', unschedulablePlugins: ['NodeResourcesFit', 'TaintToleration'] });
  expect(e.groups.reduce((sum, g) => sum + g.count, 0)).toBe(3);
  expect(e.summary).toContain('large and small: Insufficient cpu (NodeResourcesFit); tainted: node(s) had untolerated taint(s) (TaintToleration)');
  const cells = e.nodes!.find((n) => n.name === 'tainted')!.filters!;
  expect(cells.filter((c) => c.code !== 'Success').map((c) => c.plugin)).toEqual(['TaintToleration', 'NodeResourcesFit']);
});

test('preemption is told with its candidates and the comparison that decided', () => {
  const low = (name: string, priority: number, cpu: string) => pod(name, { requests: { cpu }, spec: { priority } });
  const { lab, attempt } = labBench({ nodes: [node('n1'), node('n2')], placed: { n1: [low('cheap', 1, '4')], n2: [low('dear', 5, '4')] } });
  attempt(pod('vip', { requests: { cpu: '2' }, spec: { priority: 10 } }));
  const { preemption, summary } = fullExplanation(lab.traces.latest('default/vip')!, lab.world, lab.copies, options);
  expect(preemption).toMatchObject({ chosen: 'n1', decidedBy: 'LowestHighestPriority', candidates: [{ node: 'n1', victims: [{ name: 'cheap', priority: 1 }] }, { node: 'n2', lostBy: 'LowestHighestPriority' }] });
  expect(summary).toContain('Evicting default/cheap makes room on n1: the highest priority among those evicted is lowest.');
});

test('recording changes no decision', () => {
  const decisions = (recorded: boolean) => {
    const { attempt } = labBench({ nodes: Array.from({ length: 40 }, (_, i) => node(`n${i}`, { labels: { 'topology.kubernetes.io/zone': `z${i % 3}` }, allocatable: { cpu: String(2 + (i % 4)) } })), seed: 7 });
    return Array.from({ length: 150 }, (_, i) => attempt(pod(`p${i}`, { labels: { app: `a${i % 5}` }, requests: { cpu: `${100 + (i % 7) * 300}m` }, spec: { priority: i % 3 } }), 1, recorded ? undefined : {}));
  };
  expect(decisions(true)).toEqual(decisions(false));
});

test('traces are bounded by bytes; the oldest go first, with a word to those who watch', () => {
  const { lab, attempt } = labBench({ nodes: [node('n', { allocatable: { cpu: '1000', pods: '1000' } })], traceBytes: 20_000 });
  const gone: string[] = [];
  lab.traces.happenings.listen((h) => h.type === 'DELETED' && gone.push(h.value.info.name));
  for (let i = 0; i < 100; i++) attempt(pod(`p${i}`, { requests: { cpu: '100m' } }));
  expect(lab.traces.bytes).toBeLessThanOrEqual(20_000);
  expect(gone[0]).toBe('p0');
  expect(gone.length + [...lab.traces.all()].length).toBe(100);
  expect(lab.traces.latest('default/p99')).toBeDefined();
});

test('the latest attempt of a pod that waits outlives others; what is too old to be run again is told as noted', () => {
  const bench = labBench({ nodes: [node('n', { allocatable: { cpu: '1000', pods: '1000' } })], traceBytes: 20_000, historyBytes: 5_000 });
  const waiting = pod('waiting', { requests: { cpu: '5000' } });
  bench.lab.queue.moved(bench.entry(waiting), 'inFlight', 'Pop', undefined, () => []);
  bench.attempt(waiting);
  for (let i = 0; i < 100; i++) bench.attempt(pod(`p${i}`, { requests: { cpu: '100m' } }));
  const kept = bench.lab.traces.latest('default/waiting')!;
  expect(fullExplanation(kept, bench.lab.world, bench.lab.copies, options)).toMatchObject({ details: 'Expired', result: 'Unschedulable', groups: [{ plugin: 'NodeResourcesFit', count: 1, nodes: ['n'] }] });
});

test('moves through the queue are kept with the attempt, and what moved the pod', () => {
  const bench = labBench({ nodes: [small] });
  const p = pod('p', { requests: { cpu: '2' } });
  const entry = bench.entry(p);
  bench.lab.queue.moved(entry, 'active', 'UnschedulablePodAdd', undefined, () => []);
  bench.lab.queue.moved(entry, 'inFlight', 'Pop', undefined, () => []);
  bench.attempt(p);
  bench.lab.queue.moved(entry, 'unschedulable', 'ScheduleAttemptFailure', undefined, () => []);
  bench.lab.queue.moved(entry, 'backoff', 'NodeAdd', { event: { resource: 'Node', action: 1, label: 'NodeAdd' }, old: undefined, now: node('new') }, () => [{ plugin: 'NodeResourcesFit', answer: 'Queue' }]);
  const { moves } = renderTrace(bench.lab.traces.latest('default/p')!, bench.lab.world);
  expect(moves.map((m) => m.to)).toEqual(['Active', 'InFlight', 'Unschedulable', 'Backoff']);
  expect(moves.at(-1)).toMatchObject({ from: 'Unschedulable', event: 'NodeAdd', object: { kind: 'Node', name: 'new' }, hints: [{ plugin: 'NodeResourcesFit', answer: 'Queue' }] });
});
