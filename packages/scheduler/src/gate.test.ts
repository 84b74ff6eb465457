import { nodes, pods } from '@pilothouse/apimachinery';
import type { SchedulerWorld } from '@pilothouse/scheduler-framework';
import { afterEach, describe, expect, test } from 'vitest';
import type { SchedulerOptions } from './start.ts';
import { bench, bound, closeBenches, condition, get, node_, pod_ } from './suite/scheduler-bench.ts';

afterEach(closeBenches);

describe('a gate', () => {
  /** Holds pods whose name begins with `held`, for as long as nobody releases them. */
  function gate() {
    const held = new Map<string, (how: 'try' | 'abort') => void>();
    const moves: string[] = [];
    let world: SchedulerWorld | undefined;
    const state = { held, moves, paused: false, wake: () => world!.wake() };
    const observe: SchedulerOptions['observe'] = (made) => {
      world = made;
      return {
        gate: {
          get paused() {
            return state.paused;
          },
          holds(pod, release) {
            if (!pod.info.name.startsWith('held')) return false;
            held.set(pod.info.name, release);
            return true;
          },
        },
        queue: { moved: (pod, to, event) => void moves.push(`${pod.info.name} ${to} ${event}`), left: (uid) => void moves.push(`left ${uid.length > 0}`) },
      };
    };
    return { ...state, state, observe };
  }

  test('holds a pod while others are scheduled; let go, it is tried as it is by then', async () => {
    const g = gate();
    const b = await bench({ observe: g.observe, nodes: [node_('node-1'), node_('node-2')] });
    await b.client.create(pods, pod_('held', '1'));
    await b.until(async () => g.held.has('held'));
    await b.client.create(pods, pod_('free', '1'));
    expect((await bound(b, 'free')).spec?.nodeName).toBe('node-1');
    // The node it would have gone to is deleted meanwhile.
    await b.client.delete(nodes, 'node-2');
    await b.advance(500);
    g.held.get('held')!('try');
    expect((await bound(b, 'held')).spec?.nodeName).toBe('node-1');
    expect(g.moves.filter((m) => m.startsWith('held'))).toEqual(['held active UnschedulablePodAdd', 'held inFlight Pop', 'held held Breakpoint', 'held inFlight Resume']);
  });

  test('a pod that is deleted while held is not tried, and does not come back', async () => {
    const g = gate();
    const b = await bench({ observe: g.observe });
    await b.client.create(pods, pod_('held'));
    await b.until(async () => g.held.has('held'));
    await b.client.delete(pods, 'held', { namespace: 'default', gracePeriodSeconds: 0 });
    await b.until(async () => g.moves.includes('left true'));
    g.held.get('held')!('try');
    await b.advance(1000);
    expect(b.scheduler.queue.sizes).toEqual({ active: 0, backoff: 0, unschedulable: 0, gated: 0, inFlight: 0 });
  });

  test('a cycle that is aborted waits its back-off; a gate that is shut keeps the queue', async () => {
    const g = gate();
    const b = await bench({ observe: g.observe });
    await b.client.create(pods, pod_('held'));
    await b.until(async () => g.held.has('held'));
    g.state.paused = true;
    await b.client.create(pods, pod_('free'));
    await b.advance(3000);
    expect((await get(b, 'free')).spec?.nodeName).toBeUndefined();
    const release = g.held.get('held')!;
    g.held.clear();
    release('abort');
    expect((await condition(b, 'held')).message).toBe('the held cycle was aborted');
    expect(g.moves).toContain('held backoff ScheduleAttemptFailure');
    g.state.paused = false;
    g.wake();
    await bound(b, 'free');
    // It is held again when its turn comes.
    await b.until(async () => g.held.has('held'));
  });
});
