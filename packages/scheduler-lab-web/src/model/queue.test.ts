import type { QueuedPod } from '@pilothouse/scheduler-lab/api/types';
import { describe, expect, test } from 'vitest';
import { linesOf } from '../data/lines.ts';
import { byLane, fromPods, fromQueue } from './queue.ts';

const queued = (name: string, lane: QueuedPod['lane'], priority = 0, since = '2026-01-01T00:00:00Z'): QueuedPod => ({ apiVersion: 'lab.pilothouse.dev/v1', kind: 'QueuedPod', metadata: { name, namespace: 'a' }, pod: { namespace: 'a', name, uid: name, priority }, schedulerName: 's', lane, since, attempts: 1, moves: [] });

describe('lanes of the queue', () => {
  test('held pods and those in flight lead the active lane, then priority, then waiting time', () => {
    const lanes = byLane(fromQueue([queued('old', 'Active'), queued('new', 'Active', 0, '2026-01-02T00:00:00Z'), queued('vip', 'Active', 9), queued('held', 'Held'), queued('flying', 'InFlight'), queued('no', 'Unschedulable')]));
    expect(lanes.Active.map((p) => p.name)).toEqual(['held', 'flying', 'vip', 'old', 'new']);
    expect(lanes.Unschedulable.map((p) => p.name)).toEqual(['no']);
  });
  test('are guessed from pods where the scheduler does not tell', () => {
    const guessed = fromPods([
      { metadata: { name: 'gated', namespace: 'a' }, spec: { containers: [], schedulingGates: [{ name: 'g' }] } },
      { metadata: { name: 'stuck', namespace: 'a' }, spec: { containers: [] }, status: { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] } },
      { metadata: { name: 'fresh', namespace: 'a' }, spec: { containers: [] } },
      { metadata: { name: 'bound', namespace: 'a' }, spec: { containers: [], nodeName: 'n' } },
    ]);
    expect(guessed.map((p) => `${p.name} ${p.lane} ${p.reasons.join()}`)).toEqual(['gated Gated g', 'stuck Unschedulable ', 'fresh Active ']);
  });
});

test('lines come whole, however the stream was cut', async () => {
  const got: string[][] = [];
  for await (const lines of linesOf((async function* () { yield '{"a"'; yield ':1}\n{"b":2}\n{"c"'; yield ':3}'; })())) got.push(lines);
  expect(got).toEqual([['{"a":1}', '{"b":2}'], ['{"c":3}']]);
});
