import { describe, expect, test } from 'vitest';
import { runLoop } from '../../bench/scheduler/loop.ts';
import { workloads } from '../../bench/scheduler/workloads.ts';

describe('the scheduler decides alike whether its attempts are recorded or not', () => {
  test.each(workloads.map((w) => [w.name, w] as const))('%s', async (_, workload) => {
    const options = { pods: 40, seed: 7, fakeTime: true };
    const silent = await runLoop(workload, 120, options);
    expect((await runLoop(workload, 120, { ...options, explain: true })).bound).toEqual(silent.bound);
    expect(silent.bound).toHaveLength(40);
  });

  test('another seed decides otherwise', async () => {
    const [basic] = workloads;
    expect((await runLoop(basic, 120, { pods: 40, seed: 8 })).bound).not.toEqual((await runLoop(basic, 120, { pods: 40, seed: 7 })).bound);
  });
});
