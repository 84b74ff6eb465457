import { parseTime } from '@pilothouse/base';
import type { Job } from '@pilothouse/api-schemas/types/batch/v1';
import { isNotFound, jobs } from '@pilothouse/apimachinery';
import { defineController, done, itself, requeueAfter } from '@pilothouse/controller-runtime';

/** Deletes Jobs some time after they finished. @see https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/ */
export const ttlAfterFinishedController = defineController({
  name: 'ttl-after-finished-controller',
  aliases: ['ttl-after-finished'],
  serviceAccount: 'ttl-after-finished-controller',
  watches: [itself(jobs)],
  async reconcile(key, { client, clock, lister, signal }) {
    const cached = lister(jobs).get(key);
    const waitMs = cached && leftMs(cached, clock.now());
    if (!cached || waitMs === undefined) return done;
    if (waitMs > 0) return requeueAfter(waitMs);
    const { namespace, name } = cached.metadata;
    try {
      // The time may have been changed meanwhile: what is deleted cannot be brought back.
      const fresh = await client.get(jobs, name!, { namespace, signal });
      const left = leftMs(fresh, clock.now());
      if (left === undefined) return done;
      if (left > 0) return requeueAfter(left);
      await client.delete(jobs, name!, { namespace, propagationPolicy: 'Foreground', preconditions: { uid: fresh.metadata.uid }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return done;
  },
});

/** Milliseconds until the Job is to go; undefined where it is not. */
export function leftMs(job: Job, nowMs: number): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const end = job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
  if (ttl === undefined || !end?.lastTransitionTime || job.metadata.deletionTimestamp) return undefined;
  return parseTime(end.lastTransitionTime) + ttl * 1000 - nowMs;
}
