import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import { labApiVersion, type SchedulingBreakpointSpec } from '../api/types.ts';
import { type LabBench, labBench } from '../testing/lab-bench.ts';

function held(spec: SchedulingBreakpointSpec, p = pod('p', { labels: { app: 'x' }, requests: { cpu: '1' } })) {
  const bench: LabBench = labBench({ nodes: [node('n1', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }), node('n2')] });
  const { holding } = bench.lab;
  holding.setBreakpoint({ apiVersion: labApiVersion, kind: 'SchedulingBreakpoint', metadata: { namespace: 'default', name: 'b' }, spec });
  const released: string[] = [];
  const hold = () => holding.holds(bench.entry(p), (how) => released.push(how));
  return { ...bench, holding, released, hold, cycle: () => [...holding.held.values()][0], p };
}

test('pods are held by namespace, labels and scheduler; others flow', () => {
  expect(held({}).hold()).toBe(true);
  expect(held({ selector: { matchLabels: { app: 'x' } } }).hold()).toBe(true);
  expect(held({ selector: { matchLabels: { app: 'y' } } }).hold()).toBe(false);
  expect(held({ schedulerName: 'other' }).hold()).toBe(false);
  const elsewhere = held({}, pod('p', { meta: { namespace: 'other' } }));
  expect(elsewhere.hold()).toBe(false);
});

test('a cycle is held where it meets all conditions, and not where it never does', () => {
  const at = held({ points: ['Filter'], plugins: ['TaintToleration'], nodes: ['n1'] });
  expect(at.hold()).toBe(true);
  const { at: next, steps } = at.cycle().render(10);
  expect(next).toEqual({ point: 'Filter', plugin: 'TaintToleration', node: 'n1' });
  expect(steps.at(-1)).toMatchObject({ point: 'Filter', plugin: 'NodeName', node: 'n1', code: 'Success' });
  expect(held({ points: ['PostFilter'] }).hold()).toBe(false);
});

test('it is stepped to the next plugin, node, extension point, and to its end', () => {
  const { hold, holding, cycle } = held({});
  hold();
  expect(cycle().render(0)).toMatchObject({ stepCount: 0, at: { point: 'PreEnqueue' } });
  holding.step(cycle(), 'ExtensionPoint');
  expect(cycle().render(0).at!.point).toBe('PreFilter');
  holding.step(cycle(), 'Plugin');
  expect(cycle().render(0).steps.at(-1)).toMatchObject({ point: 'PreFilter', code: expect.any(String) });
  holding.step(cycle(), 'ExtensionPoint');
  expect(cycle().render(0).at).toMatchObject({ point: 'Filter', node: 'n1' });
  holding.step(cycle(), 'Node');
  expect(cycle().render(0).at).toMatchObject({ point: 'Filter', node: 'n2' });
  holding.step(cycle(), 'End');
  expect(cycle().render(0)).toMatchObject({ stepsLeft: 0, explanation: { node: 'n2' } });
  expect(cycle().render(0).at).toBeUndefined();
});

test('its copy of the cluster is edited, the cluster is not', () => {
  const { hold, holding, cycle, snapshot } = held({ points: ['Filter'], plugins: ['TaintToleration'], nodes: ['n1'] });
  hold();
  holding.edit(cycle(), [{ taintNode: { name: 'n1', taint: { key: 'k' }, remove: true } }, { cordonNode: { name: 'n2', unschedulable: true } }], { namespace: 'default', priorityOf: () => undefined });
  expect(cycle().render(10)).toMatchObject({ at: { plugin: 'TaintToleration', node: 'n1' }, explanation: { node: 'n1' }, edits: [{}, {}] });
  expect(snapshot.nodes[snapshot.indexOf('n1')]!.spec!.taints).toHaveLength(1);
  // An edit that cannot be made changes nothing.
  expect(() => holding.edit(cycle(), [{ cordonNode: { name: 'n1', unschedulable: true } }, { removeNode: { name: 'nope' } }], { namespace: 'default', priorityOf: () => undefined })).toThrow('Not found: "nope"');
  expect(cycle().render(10).explanation.node).toBe('n1');
});

test('resumed it is tried, aborted it is put back; both once', () => {
  const one = held({});
  one.hold();
  one.holding.release(one.cycle(), 'try');
  const other = held({});
  other.hold();
  const cycle = other.cycle();
  other.holding.release(cycle, 'abort');
  other.holding.release(cycle, 'abort');
  expect([one.released, other.released]).toEqual([['try'], ['abort']]);
  expect(one.clock.pending()).toBe(0);
});

test('it goes on by itself when its lease runs out, its time limit is reached, or its breakpoint is deleted', () => {
  const lease = held({ leaseSeconds: 10, timeoutSeconds: 25 });
  lease.hold();
  lease.clock.advance(9_999);
  expect(lease.released).toEqual([]);
  lease.holding.find('default/p');
  lease.clock.advance(9_999);
  lease.holding.find('default/p');
  // Asking keeps it, but not beyond its time limit.
  lease.clock.advance(5_001);
  lease.holding.find('default/p');
  lease.clock.advance(1);
  expect(lease.released).toEqual(['try']);

  const deleted = held({});
  deleted.hold();
  deleted.holding.deleteBreakpoint('default/b');
  expect(deleted.released).toEqual(['try']);
});

test('a watch keeps what is held; when the last one ends it goes on shortly after', () => {
  const { hold, holding, clock, released } = held({ leaseSeconds: 10 });
  hold();
  const end = holding.watching();
  clock.advance(200_000);
  expect(released).toEqual([]);
  end();
  clock.advance(4_999);
  expect(released).toEqual([]);
  clock.advance(1);
  expect(released).toEqual(['try']);
});

test('a breakpoint whose holder is gone holds no more pods, until somebody watches or writes it anew', () => {
  const { hold, holding, clock, entry, released } = held({ queue: 'Wait', leaseSeconds: 10 });
  hold();
  clock.advance(10_000);
  expect([released, holding.paused]).toEqual([['try'], false]);
  const next = () => holding.holds(entry(pod('next')), () => undefined);
  expect(next()).toBe(false);
  const end = holding.watching();
  expect(next()).toBe(true);
  end();
  clock.advance(5_000);
  expect(next()).toBe(false);
  holding.setBreakpoint([...holding.breakpoints.values()][0].object);
  expect(next()).toBe(true);
});

test('the pod is deleted while it is held: the cycle is gone and nothing is released', () => {
  const { hold, holding, released, lab, p, clock } = held({ queue: 'Wait' });
  hold();
  lab.queue.moved(labBenchEntry(p), 'held', 'Breakpoint', undefined, () => []);
  expect(holding.paused).toBe(true);
  lab.queue.left(p.metadata.uid!);
  expect([holding.paused, holding.held.size, released, clock.pending()]).toEqual([false, 0, [], 0]);
});

test('a step to the next pod lets this one go and holds the next before its first plugin', () => {
  const { hold, holding, cycle, released, entry } = held({ plugins: ['NodePorts'], points: ['PreFilter'] });
  hold();
  holding.step(cycle(), 'Pod');
  expect(released).toEqual(['try']);
  expect(holding.holds(entry(pod('foreign', { meta: { namespace: 'other' } })), () => undefined)).toBe(false);
  expect(holding.holds(entry(pod('next')), () => undefined)).toBe(true);
  expect(cycle().render(0)).toMatchObject({ pod: { name: 'next' }, stepCount: 0 });
  expect(holding.holds(entry(pod('third', { labels: { app: 'z' } })), () => undefined)).toBe(true);
});

const labBenchEntry = (p: ReturnType<typeof pod>) => labBench({ nodes: [] }).entry(p);
