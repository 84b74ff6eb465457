import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { fakeClock } from '@pilothouse/base/clock';
import { clusterEvent, createProfile, defaultFeatures, defaultPlugins, loadConfiguration, Nominator, type PodInfo } from '@pilothouse/scheduler-framework';
import { nodeName } from '@pilothouse/scheduler-framework/plugins/node-name/node-name';
import { node, pluginBench, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { describe, expect, test } from 'vitest';
import { noMetrics } from '../metrics.ts';
import type { QueuedPodInfo } from './queued-pod.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

const nodeAdded = clusterEvent('Node', 'Add');
const podDeleted = clusterEvent('AssignedPod', 'Delete');

/** A queue that writes down what becomes of its pods. */
function transcript() {
  const clock = fakeClock(1_767_225_600_000);
  const { handle } = pluginBench(nodeName);
  const profile = createProfile(loadConfiguration({}).profiles[0], defaultPlugins, handle);
  const nominator = new Nominator();
  const queue = new SchedulingQueue({ now: clock.now, profiles: new Map([['default-scheduler', profile]]), nominator, features: defaultFeatures, initialBackoffMs: 1000, maxBackoffMs: 10_000, metrics: noMetrics, onReady: () => {} });
  const lines: string[] = [];
  const all: PodInfo[] = [];
  const start = clock.now();
  const named = (name: string, more: Parameters<typeof pod>[1] = {}) => pod(name, { ...more, meta: { uid: name } });
  const write = (what: string) => {
    const places = all.map((info) => `${info.name} ${queue.place(info.uid) ?? 'gone'}`);
    lines.push(`${((clock.now() - start) / 1000).toFixed(1).padStart(6)} s  ${what.padEnd(44)} ${places.join(', ')}`);
  };
  return {
    queue, nominator, clock, write,
    text: () => `\n${lines.join('\n')}\n`,
    add(name: string, more?: Parameters<typeof pod>[1]): Pod {
      const p = named(name, more);
      all.push({ name, uid: name } as PodInfo);
      queue.add(p);
      write(`add ${name}`);
      return p;
    },
    pop(): QueuedPodInfo {
      const popped = queue.pop();
      write(`pop → ${popped?.info.name ?? 'nothing'}`);
      return popped!;
    },
    reject(queued: QueuedPodInfo, ...plugins: string[]): void {
      queued.unschedulablePlugins = new Set(plugins);
      queue.addUnschedulable(queued);
      write(`${queued.info.name} ${plugins.length ? `rejected by ${plugins}` : 'failed'} (attempt ${queued.attempts})`);
    },
    happen(what: string, event: Parameters<SchedulingQueue['move']>[0], old?: unknown, now?: unknown): void {
      queue.move(event, old, now);
      write(what);
    },
    pass(seconds: number): void {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1000);
        queue.flushBackoff();
        if (Math.round((clock.now() - start) / 1000) % 30 === 0) queue.flushUnschedulable();
      }
      write(`${seconds} s pass`);
    },
  };
}

const big: Node = node('n', { allocatable: { cpu: '8' } });
const small: Node = node('n', { allocatable: { cpu: '1' } });

describe('the scheduling queue', () => {
  test('hands out by priority, then by age', () => {
    const t = transcript();
    t.add('old');
    t.add('new');
    t.add('urgent', { spec: { priority: 5 } });
    for (let i = 0; i < 4; i++) t.pop();
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add old                                      old active
         0.0 s  add new                                      old active, new active
         0.0 s  add urgent                                   old active, new active, urgent active
         0.0 s  pop → urgent                                 old active, new active, urgent inFlight
         0.0 s  pop → old                                    old inFlight, new active, urgent inFlight
         0.0 s  pop → new                                    old inFlight, new inFlight, urgent inFlight
         0.0 s  pop → nothing                                old inFlight, new inFlight, urgent inFlight
      "
    `);
  });

  test('a rejected pod waits for an event that helps it, then for its back-off', () => {
    const t = transcript();
    t.add('p', { requests: { cpu: '4' } });
    t.reject(t.pop(), 'NodeResourcesFit');
    t.pass(3);
    t.happen('a node comes that is too small', nodeAdded, undefined, small);
    t.happen('a node comes that is large enough', nodeAdded, undefined, big);
    t.reject(t.pop(), 'NodeResourcesFit');
    t.happen('another large node comes', nodeAdded, undefined, big);
    t.add('q');
    t.pop();
    t.pass(1);
    t.pass(2);
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add p                                        p active
         0.0 s  pop → p                                      p inFlight
         0.0 s  p rejected by NodeResourcesFit (attempt 1)   p unschedulable
         3.0 s  3 s pass                                     p unschedulable
         3.0 s  a node comes that is too small               p unschedulable
         3.0 s  a node comes that is large enough            p active
         3.0 s  pop → p                                      p inFlight
         3.0 s  p rejected by NodeResourcesFit (attempt 2)   p unschedulable
         3.0 s  another large node comes                     p backoff
         3.0 s  add q                                        p backoff, q active
         3.0 s  pop → q                                      p backoff, q inFlight
         4.0 s  1 s pass                                     p backoff, q inFlight
         6.0 s  2 s pass                                     p active, q inFlight
      "
    `);
  });

  test('an event that came while the pod was tried counts', () => {
    const t = transcript();
    t.add('p', { requests: { cpu: '4' } });
    const p = t.pop();
    t.happen('a large node comes meanwhile', nodeAdded, undefined, big);
    t.reject(p, 'NodeResourcesFit');
    t.add('r', { requests: { cpu: '4' } });
    const r = t.pop();
    t.happen('a small node comes meanwhile', nodeAdded, undefined, small);
    t.reject(r, 'NodeResourcesFit');
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add p                                        p active
         0.0 s  pop → p                                      p inFlight
         0.0 s  a large node comes meanwhile                 p inFlight
         0.0 s  p rejected by NodeResourcesFit (attempt 1)   p backoff
         0.0 s  add r                                        p backoff, r active
         0.0 s  pop → r                                      p backoff, r inFlight
         0.0 s  a small node comes meanwhile                 p backoff, r inFlight
         0.0 s  r rejected by NodeResourcesFit (attempt 1)   p backoff, r unschedulable
      "
    `);
  });

  test('back-offs double from one second to ten; failures are not taken early', () => {
    const t = transcript();
    t.add('p');
    let queued = t.pop();
    const seconds: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = t.clock.now();
      t.reject(queued);
      expect(t.queue.pop()).toBeUndefined();
      while (t.queue.place('p') !== 'active') {
        t.clock.advance(1000);
        t.queue.flushBackoff();
      }
      seconds.push((t.clock.now() - before) / 1000);
      queued = t.queue.pop()!;
    }
    expect(seconds).toEqual([2, 3, 5, 9, 11, 11]);
  });

  test('gated pods stay out until their gates are gone, and hear of nothing else', () => {
    const t = transcript();
    const p = t.add('p', { spec: { schedulingGates: [{ name: 'g' }] } });
    t.happen('a node comes', nodeAdded, undefined, big);
    t.queue.update(p, { ...p, metadata: { ...p.metadata, labels: { a: 'b' } }, spec: { ...p.spec!, schedulingGates: [{ name: 'g' }] } });
    t.write('a label changes');
    t.queue.update(p, { ...p, spec: { ...p.spec!, schedulingGates: [] } });
    t.write('the gate is taken away');
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add p                                        p gated
         0.0 s  a node comes                                 p gated
         0.0 s  a label changes                              p gated
         0.0 s  the gate is taken away                       p active
      "
    `);
  });

  test('what no event helps is tried again after five minutes', () => {
    const t = transcript();
    t.add('p', { requests: { cpu: '4' } });
    t.reject(t.pop(), 'NodeResourcesFit');
    t.pass(299);
    t.pass(31);
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add p                                        p active
         0.0 s  pop → p                                      p inFlight
         0.0 s  p rejected by NodeResourcesFit (attempt 1)   p unschedulable
       299.0 s  299 s pass                                   p unschedulable
       330.0 s  31 s pass                                    p active
      "
    `);
  });

  test('only hints of the plugins that rejected the pod are asked', () => {
    const t = transcript();
    t.add('p', { requests: { cpu: '4' } });
    t.reject(t.pop(), 'TaintToleration');
    const gone = pod('gone', { requests: { cpu: '1' }, spec: { nodeName: 'n' } });
    t.pass(5);
    t.happen('a pod goes', podDeleted, gone, undefined);
    t.happen('a node without taints comes', nodeAdded, undefined, small);
    expect(t.text()).toMatchInlineSnapshot(`
      "
         0.0 s  add p                                        p active
         0.0 s  pop → p                                      p inFlight
         0.0 s  p rejected by TaintToleration (attempt 1)    p unschedulable
         5.0 s  5 s pass                                     p unschedulable
         5.0 s  a pod goes                                   p unschedulable
         5.0 s  a node without taints comes                  p active
      "
    `);
  });
});
