import { fakeClock, formatTime } from '@pilothouse/base';
import type { CronJob, Job } from '@pilothouse/api-schemas/types/batch/v1';
import { cronJobs, events, jobs } from '@pilothouse/apimachinery';
import type { ControllerContext } from '@pilothouse/controller-runtime';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cronJobController } from './controller.ts';
import { jobFor, mostRecent, nextCheckMs } from './plan.ts';
import { parseSchedule } from './schedule.ts';

const at = { namespace: 'default' };
const cron = (spec: Partial<CronJob['spec']> = {}): CronJob => ({
  metadata: { name: 'c', namespace: 'default' },
  spec: { schedule: '* * * * *', concurrencyPolicy: 'Allow', successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1, suspend: false, jobTemplate: { metadata: { labels: { from: 'c' } }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } }, ...spec } as CronJob['spec'],
});
const time = (text: string) => Date.parse(`2026-01-01T${text}Z`);

describe('when it is due', () => {
  const made = (created: string, status: CronJob['status'] = {}, spec: Partial<CronJob['spec']> = {}): CronJob => ({ ...cron(spec), metadata: { name: 'c', namespace: 'default', creationTimestamp: `2026-01-01T${created}Z` }, status });

  test.each<[string, CronJob, string, string | undefined, string]>([
    ['not yet', made('10:00:30'), '10:00:59', undefined, 'none'],
    ['for the first time', made('10:00:30'), '10:01:10', '10:01:00', 'none'],
    ['after some were missed, the last of them', made('10:00:30'), '10:05:10', '10:05:00', 'few'],
    ['after very many were missed', made('10:00:30'), '12:00:10', '12:00:00', 'many'],
    ['since it last ran', made('10:00:30', { lastScheduleTime: '2026-01-01T10:05:00Z' }), '10:05:50', undefined, 'none'],
    ['only within the deadline', made('10:00:30', {}, { startingDeadlineSeconds: 20 }), '10:05:30', undefined, 'none'],
    ['within the deadline', made('10:00:30', {}, { startingDeadlineSeconds: 90 }), '10:05:30', '10:05:00', 'none'],
  ])('%s', (_, object, now, expected, missed) => {
    const due = mostRecent(object, parseSchedule(object.spec!.schedule, 'UTC'), time(now), { useDeadline: true });
    expect([due.recentMs, due.missed]).toEqual([expected && time(expected), missed]);
  });

  test('a schedule that never comes is refused as one that comes too often', () => {
    expect(() => mostRecent(made('10:00:00'), parseSchedule('0 0 31 2 *', 'UTC'), time('10:01:00'), { useDeadline: true })).toThrow('time difference between two schedules is less than 1 second');
  });

  test('it is looked at again a little after the next time', () => {
    expect(nextCheckMs(made('10:00:30'), parseSchedule('* * * * *', 'UTC'), time('10:05:10'))).toBe(50_100);
  });

  test('the Job says when it was due, in the zone of the schedule', () => {
    expect(jobFor(cron({ timeZone: 'Asia/Kolkata' }), time('00:30:00'))).toMatchObject({ metadata: { name: 'c-29453790', labels: { from: 'c' }, annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T06:00:00+05:30' } } });
  });
});

describe('cron jobs', () => {
  let bench: ControllerBench;
  beforeEach(async () => {
    bench = await runOnBench([cronJobController]);
    // Off the minute, where the controller is about to look.
    await bench.advance(500);
  });
  afterEach(() => bench.close());
  const list = async () => (await bench.client.list(jobs, at)).items;
  const finish = async (name: string, type: 'Complete' | 'Failed' = 'Complete') => {
    const now = formatTime(bench.clock.now());
    const job = await bench.client.get(jobs, name, at);
    await bench.client.updateStatus(jobs, { ...job, status: { ...job.status, startTime: now, ...(type === 'Complete' && { completionTime: now, succeeded: 1 }), conditions: [{ type: type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', status: 'True', lastTransitionTime: now }, { type, status: 'True', lastTransitionTime: now }] } });
  };
  const said = async () => (await bench.client.list(events, at)).items.map((e) => e.reason);
  const minute = () => bench.advance(60_000);

  test('Forbid waits for the one that runs; Replace ends it', async () => {
    await bench.client.create(cronJobs, cron({ concurrencyPolicy: 'Forbid' }));
    await minute();
    await minute();
    expect(await list()).toHaveLength(1);
    expect(await said()).toContain('JobAlreadyActive');
    const [first] = await list();
    await bench.client.patch(cronJobs, 'c', { spec: { concurrencyPolicy: 'Replace' } }, at);
    await minute();
    const left = await list();
    expect(left.map((j) => j.metadata.name)).not.toContain(first.metadata.name);
    expect((await bench.client.get(cronJobs, 'c', at)).status?.active?.map((a) => a.name)).toEqual(left.map((j) => j.metadata.name));
  });

  test('a new schedule holds from the next time on', async () => {
    await bench.client.create(cronJobs, cron({ schedule: '0 0 1 1 *' }));
    await bench.advance(5 * 60_000);
    await bench.client.patch(cronJobs, 'c', { spec: { schedule: '* * * * *' } }, at);
    await bench.advance(1000);
    expect(await list()).toEqual([]);
    await minute();
    expect(await list()).toHaveLength(1);
  });

  test('what failed and what succeeded is kept apart, up to the limits', async () => {
    await bench.client.create(cronJobs, cron({ successfulJobsHistoryLimit: 2 }));
    for (let i = 0; i < 6; i++) {
      await minute();
      const open = (await list()).find((j) => !j.status?.conditions);
      await finish(open!.metadata.name!, i % 3 === 0 ? 'Failed' : 'Complete');
    }
    await bench.advance(5000);
    const kinds = (await list()).flatMap((j) => j.status?.conditions?.map((c) => c.type) ?? []).filter((type) => type === 'Complete' || type === 'Failed');
    expect(kinds.sort()).toEqual(['Complete', 'Complete', 'Failed']);
  });

  test('a controller that was away makes up for the last time only', async () => {
    await bench.client.create(cronJobs, cron({ suspend: true }));
    await bench.advance(5 * 60_000);
    await bench.client.patch(cronJobs, 'c', { spec: { suspend: false } }, at);
    await bench.restart();
    await bench.advance(1000);
    expect(await list()).toHaveLength(1);
  });
});

/** A cluster that is nothing but two maps, so that a year costs only what the controller itself does. */
function yearOf(cronJob: CronJob, options: { runsMs: number }) {
  const clock = fakeClock();
  let uid = 0;
  const stored = new Map<string, Job>();
  let current: CronJob = { ...cronJob, metadata: { ...cronJob.metadata, uid: 'cron', creationTimestamp: formatTime(clock.now()) } };
  const lister = (type: unknown) => (type === cronJobs ? { get: () => current } : { ownedBy: () => [...stored.values()] });
  const client = {
    async get(type: unknown, name: string) {
      return type === cronJobs ? current : stored.get(name);
    },
    async create(_: unknown, job: Job) {
      const made = { ...job, metadata: { ...job.metadata, uid: `job-${++uid}` } };
      stored.set(job.metadata.name!, made);
      return made;
    },
    async updateStatus(_: unknown, next: CronJob) {
      current = structuredClone(next);
    },
    async delete(_: unknown, name: string) {
      stored.delete(name);
    },
  };
  const context = { clock, client, lister, recorder: { event() {} }, signal: new AbortController().signal } as unknown as ControllerContext;
  return {
    jobs: stored,
    async run(days: number): Promise<string[]> {
      const endMs = clock.now() + days * 24 * 3_600_000;
      const times: string[] = [];
      for (let reconciles = 0; clock.now() < endMs; reconciles++) {
        const { requeueAfterMs } = await cronJobController.reconcile('default/c', context, undefined);
        const open = [...stored.values()].find((job) => !job.status);
        if (open) {
          times.push(open.metadata.annotations!['batch.kubernetes.io/cronjob-scheduled-timestamp']);
          const startTime = formatTime(clock.now());
          clock.advance(options.runsMs);
          stored.set(open.metadata.name!, { ...open, status: { startTime, completionTime: formatTime(clock.now()), conditions: [{ type: 'Complete', status: 'True' }] } });
        } else clock.advance(requeueAfterMs!);
      }
      return times;
    },
  };
}

test('a year of hours: each once, though the clocks change twice', async () => {
  const year = yearOf(cron({ schedule: '0 * * * *', timeZone: 'Europe/Berlin' }), { runsMs: 30_000 });
  const times = await year.run(365);
  expect(times).toHaveLength(365 * 24 - 1);
  expect(new Set(times).size).toBe(times.length);
  expect(times.filter((t) => t.startsWith('2026-03-29T0')).slice(1, 4).map((t) => t.slice(11))).toEqual(['01:00:00+01:00', '03:00:00+02:00', '04:00:00+02:00']);
  expect(year.jobs.size).toBeLessThanOrEqual(4);
});

test('a year of days: the hour of the night that is skipped is made up for by none, the one that comes twice counts twice', async () => {
  const times = await yearOf(cron({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin' }), { runsMs: 30_000 }).run(365);
  expect(times.filter((t) => t.startsWith('2026-03-29'))).toEqual([]);
  expect(times.filter((t) => t.startsWith('2026-10-25'))).toEqual(['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00']);
  expect(times).toHaveLength(365);
});
