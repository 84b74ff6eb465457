/** Many pods that cannot be placed cost nothing while nothing changes. */
import { fakeClock } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';
import { Algorithm, createProfile, defaultFeatures, defaultPlugins, loadConfiguration, nodeUpdateEvents, Nominator } from '@pilothouse/scheduler-framework';
import { nodeName } from '@pilothouse/scheduler-framework/plugins/node-name/node-name';
import { node, pluginBench, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { describe, expect, test } from 'vitest';
import { noMetrics } from './metrics.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';

/** A queue and the algorithm behind it; `work` tries what is ready, `pass` lets time go by as the scheduler's timers do. */
function crowd() {
  const clock = fakeClock();
  const { handle, snapshot } = pluginBench(nodeName);
  const nominator = new Nominator();
  const profile = createProfile(loadConfiguration({}).profiles[0], defaultPlugins, handle);
  const queue = new SchedulingQueue({ now: clock.now, profiles: new Map([['default-scheduler', profile]]), nominator, features: defaultFeatures, initialBackoffMs: 1000, maxBackoffMs: 10_000, metrics: noMetrics, onReady: () => {} });
  const algorithm = new Algorithm({ profile, snapshot, nominator, random: seededRandom(1) });
  let attempts = 0;
  const work = () => {
    for (let queued = queue.pop(); queued; queued = queue.pop()) {
      attempts++;
      const decision = algorithm.schedule(queued.info);
      if (decision.kind === 'node') {
        queue.done(queued.uid);
        continue;
      }
      queued.unschedulablePlugins = decision.kind === 'unfit' ? decision.found.diagnosis.unschedulablePlugins : new Set();
      queue.addUnschedulable(queued);
    }
  };
  return {
    queue,
    attempts: () => attempts,
    work,
    pass(seconds: number) {
      for (let i = 1; i <= seconds; i++) {
        clock.advance(1000);
        queue.flushBackoff();
        if (i % 30 === 0) queue.flushUnschedulable();
        work();
      }
    },
  };
}

describe('pods that fit nowhere', () => {
  test('are tried once, then rest until five minutes have passed, however many they are', () => {
    const c = crowd();
    for (let i = 0; i < 1000; i++) c.queue.add(pod(`p${i}`, { requests: { cpu: '100' } }));
    c.work();
    expect(c.attempts()).toBe(1000);
    c.pass(299);
    expect(c.attempts()).toBe(1000);
    c.pass(31);
    expect(c.attempts()).toBe(2000);
  });

  test('are not stirred by heartbeats, labels and nodes that are too small', () => {
    const c = crowd();
    for (let i = 0; i < 1000; i++) c.queue.add(pod(`p${i}`, { requests: { cpu: '100' } }));
    c.work();
    const before = node('n1');
    for (const now of [{ ...before, status: { ...before.status, conditions: [{ type: 'Ready', status: 'True' }] } }, node('n1', { labels: { a: 'b' } }), node('n1', { allocatable: { cpu: '8' } })]) {
      for (const event of nodeUpdateEvents(now, before)) c.queue.move(event, before, now);
    }
    c.pass(20);
    expect(c.attempts()).toBe(1000);
    const large = node('n1', { allocatable: { cpu: '200' } });
    for (const event of nodeUpdateEvents(large, before)) c.queue.move(event, before, large);
    c.pass(20);
    expect(c.attempts()).toBe(2000);
  });
});

test('ten thousand gated pods are never tried, and the one whose gate goes is', () => {
  const c = crowd();
  const gated = (i: number) => pod(`p${i}`, { spec: { schedulingGates: [{ name: 'example.com/wait' }] }, meta: { uid: `u${i}` } });
  for (let i = 0; i < 10_000; i++) c.queue.add(gated(i));
  c.pass(400);
  expect([c.attempts(), c.queue.sizes.gated]).toEqual([0, 10_000]);
  const old = gated(7);
  c.queue.update(old, { ...old, spec: { ...old.spec!, schedulingGates: undefined } });
  c.work();
  expect([c.attempts(), c.queue.sizes.gated]).toEqual([1, 9999]);
});
