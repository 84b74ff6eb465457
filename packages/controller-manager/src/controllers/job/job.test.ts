import type { Job } from '@pilothouse/api-schemas/types/batch/v1';
import { events, jobs, pods } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jobController } from './controller.ts';
import { firstMissing, formatIndexes, overlap, parseIndexes, withIndexes } from './indexes.ts';

const at = { namespace: 'default' };
const job = (spec: Partial<Job['spec']> = {}): Job => ({
  metadata: { name: 'j', namespace: 'default' },
  spec: { parallelism: 1, completions: 1, backoffLimit: 6, completionMode: 'NonIndexed', manualSelector: true, selector: { matchLabels: { job: 'j' } }, template: { metadata: { labels: { job: 'j' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }, ...spec } as Job['spec'],
});

describe('job', () => {
  let bench: ControllerBench;
  beforeEach(async () => {
    bench = await runOnBench([jobController]);
  });
  afterEach(() => bench.close());
  const all = async () => (await bench.client.list(pods, at)).items;
  const open = async () => (await all()).filter((p) => p.status?.phase === 'Pending' && !p.metadata.deletionTimestamp);
  const now = () => bench.client.get(jobs, 'j', at);
  const finish = async (name: string, phase: 'Succeeded' | 'Failed', exitCode = phase === 'Failed' ? 1 : 0) => {
    const time = formatTime(bench.clock.now());
    await bench.client.patch(pods, name, { status: { phase, containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode, finishedAt: time } } }] } }, { ...at, subresource: 'status' });
    await bench.advance(2500);
  };
  const conditions = async () => (await now()).status?.conditions?.map((c) => [c.type, c.status, c.reason]);

  test('runs as many pods at a time as it may, counts each once, lets them go and completes', async () => {
    await bench.client.create(jobs, job({ parallelism: 2, completions: 3 }));
    await bench.advance(500);
    expect(await open()).toHaveLength(2);
    expect((await all())[0].metadata.finalizers).toEqual(['batch.kubernetes.io/job-tracking']);
    expect((await now()).status).toMatchObject({ active: 2, terminating: 0 });
    for (let i = 0; i < 3; i++) await finish((await open())[0].metadata.name!, 'Succeeded');
    await bench.advance(3000);
    const { status } = await now();
    expect(status).toMatchObject({ succeeded: 3, uncountedTerminatedPods: {} });
    expect(status?.completionTime).toBeDefined();
    expect(await conditions()).toEqual([['SuccessCriteriaMet', 'True', 'CompletionsReached'], ['Complete', 'True', 'CompletionsReached']]);
    expect((await all()).flatMap((p) => p.metadata.finalizers ?? [])).toEqual([]);
    expect((await bench.client.list(events, at)).items.map((e) => e.reason).sort()).toEqual(['Completed', 'SuccessfulCreate', 'SuccessfulCreate', 'SuccessfulCreate']);
  });

  test('tries again after a failure, each time later, until the limit is passed', async () => {
    await bench.client.create(jobs, job({ backoffLimit: 1 }));
    await bench.advance(500);
    await finish((await open())[0].metadata.name!, 'Failed');
    expect(await open()).toHaveLength(0);
    await bench.advance(12_000);
    expect(await open()).toHaveLength(1);
    await finish((await open())[0].metadata.name!, 'Failed');
    await bench.advance(3000);
    expect((await now()).status?.failed).toBe(2);
    expect(await conditions()).toEqual([['FailureTarget', 'True', 'BackoffLimitExceeded'], ['Failed', 'True', 'BackoffLimitExceeded']]);
  });

  test('an indexed job has a pod for each index and repeats only those that failed', async () => {
    await bench.client.create(jobs, job({ completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimitPerIndex: 0, backoffLimit: 100 }));
    await bench.advance(500);
    const byIndex = new Map((await open()).map((p) => [p.metadata.annotations?.['batch.kubernetes.io/job-completion-index'], p]));
    expect([...byIndex.keys()].sort()).toEqual(['0', '1', '2']);
    expect(byIndex.get('1')?.spec).toMatchObject({ hostname: 'j-1', containers: [{ env: [{ name: 'JOB_COMPLETION_INDEX' }] }] });
    await finish(byIndex.get('0')!.metadata.name!, 'Succeeded');
    await finish(byIndex.get('1')!.metadata.name!, 'Failed');
    await finish(byIndex.get('2')!.metadata.name!, 'Succeeded');
    await bench.advance(3000);
    expect((await now()).status).toMatchObject({ succeeded: 2, failed: 1, completedIndexes: '0,2', failedIndexes: '1' });
    expect(await conditions()).toEqual([['FailureTarget', 'True', 'FailedIndexes'], ['Failed', 'True', 'FailedIndexes']]);
  });

  test('a rule of the failure policy ends the job at once, with the reason', async () => {
    await bench.client.create(jobs, job({ podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } }));
    await bench.advance(500);
    const [pod] = await open();
    await finish(pod.metadata.name!, 'Failed', 42);
    await bench.advance(3000);
    const failed = (await now()).status?.conditions?.find((c) => c.type === 'Failed');
    expect([failed?.reason, failed?.message]).toEqual(['PodFailurePolicy', `Container c for pod default/${pod.metadata.name} failed with exit code 42 matching FailJob rule at index 0`]);
  });

  test('suspending removes the pods, resuming brings them back', async () => {
    await bench.client.create(jobs, job());
    await bench.advance(500);
    await bench.client.patch(jobs, 'j', { spec: { suspend: true } }, at);
    await bench.advance(3000);
    expect(await open()).toHaveLength(0);
    expect(await conditions()).toEqual([['Suspended', 'True', 'JobSuspended']]);
    for (const pod of await all()) await bench.client.delete(pods, pod.metadata.name!, { ...at, gracePeriodSeconds: 0 });
    await bench.client.patch(jobs, 'j', { spec: { suspend: false } }, at);
    await bench.advance(3000);
    expect(await open()).toHaveLength(1);
    expect(await conditions()).toEqual([['Suspended', 'False', 'JobResumed']]);
  });
});

test('indexes are written, read, joined and searched', () => {
  expect(formatIndexes(withIndexes(parseIndexes('1,3-5', 100), [2, 7, 8]))).toBe('1-5,7,8');
  expect(parseIndexes('0-9,x', 5)).toEqual([[0, 4]]);
  expect(firstMissing([[1, 2], [4, 4]], 3, 6)).toEqual([0, 3, 5]);
  expect(overlap([[0, 3]], [[2, 5]])).toBe(2);
});
