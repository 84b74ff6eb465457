import { formatTime } from '@pilothouse/base';
import type { Job } from '@pilothouse/api-schemas/types/batch/v1';
import { jobs } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, expect, test } from 'vitest';
import { leftMs, ttlAfterFinishedController } from './controller.ts';

let bench: ControllerBench | undefined;
afterEach(() => bench?.close());

const job = (spec: object, conditions: { type: string; status: string; lastTransitionTime?: string }[], metadata: object = {}): Job => ({ metadata: { name: 'j', namespace: 'default', ...metadata }, spec: { template: {}, ...spec } as Job['spec'], status: { conditions } as Job['status'] });
const complete = { type: 'Complete', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
const nowMs = Date.parse('2026-01-01T00:00:40Z');

test.each<[string, Job, number | undefined]>([
  ['is over and has time left', job({ ttlSecondsAfterFinished: 60 }, [complete]), 20_000],
  ['failed, and its time is over', job({ ttlSecondsAfterFinished: 30 }, [{ ...complete, type: 'Failed' }]), -10_000],
  ['goes at once', job({ ttlSecondsAfterFinished: 0 }, [complete]), -40_000],
  ['is not over', job({ ttlSecondsAfterFinished: 0 }, [{ ...complete, type: 'Suspended' }]), undefined],
  ['stays for ever', job({}, [complete]), undefined],
  ['is going already', job({ ttlSecondsAfterFinished: 0 }, [complete], { deletionTimestamp: '2026-01-01T00:00:01Z' }), undefined],
])('a job that %s', (_, object, expected) => {
  expect(leftMs(object, nowMs)).toBe(expected);
});

test('a job goes after its time; one whose time was lengthened meanwhile stays', async () => {
  bench = await runOnBench([ttlAfterFinishedController]);
  const { client, clock } = bench;
  const at = { namespace: 'default' };
  for (const name of ['short', 'longer']) {
    const made = await client.create(jobs, { metadata: { name, namespace: 'default' }, spec: { ttlSecondsAfterFinished: 10, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } });
    const now = formatTime(clock.now());
    await client.updateStatus(jobs, { ...made, status: { startTime: now, completionTime: now, succeeded: 1, conditions: [{ type: 'SuccessCriteriaMet', status: 'True', lastTransitionTime: now }, { type: 'Complete', status: 'True', lastTransitionTime: now }] } });
  }
  await bench.advance(5000);
  await client.patch(jobs, 'longer', { spec: { ttlSecondsAfterFinished: 100 } }, at);
  await bench.advance(8000);
  const left = (await client.list(jobs, at)).items.filter((j) => !j.metadata.deletionTimestamp);
  expect(left.map((j) => j.metadata.name)).toEqual(['longer']);
});
