import type { Job } from '@pilothouse/api-schemas/types/batch/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf, jobs, keyOf, pods } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { claimChildren, type ControllerContext, controllerIn, defineController, done, expectationsTimeoutMs, orphansByNamespace, ownedBy, ownedOrOrphaned, requeueAfter, selectorOf, trackChildren, type Watch } from '@pilothouse/controller-runtime';
import { isFinished, isTracked, managedElsewhere, trackingFinalizer } from './pods.ts';
import { type JobState, JobSync, releasePod } from './sync.ts';

/** Changes of pods are gathered for so long, since each costs a write of the status. */
const batchMs = 1000;
const byOwner = ownedBy(jobs, pods, { selector: (job) => selectorOf(job.spec?.selector), indexes: orphansByNamespace });

/** Runs pods to completion. @see https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
export const jobController = defineController<JobState>({
  name: 'job-controller',
  aliases: ['job'],
  serviceAccount: 'job-controller',
  seesOwnWrites: true,
  watches: [
    {
      type: jobs,
      *keys(job, { old, deleted }, context) {
        if (deleted) for (const pod of context.lister(pods).ownedBy(job.metadata.uid!)) yield orphanKey(pod);
        if (old && old.metadata.generation === job.metadata.generation && !deleted) context.enqueueAfter(keyOf(job), batchMs);
        else yield keyOf(job);
      },
    },
    {
      ...byOwner,
      *keys(pod, change, context) {
        for (const key of byOwner.keys(pod, change, context)) context.enqueueAfter(key, batchMs);
        if (!change.deleted && isTracked(pod) && isOrphan(pod, context)) yield orphanKey(pod);
      },
    } as Watch,
  ],
  start(context) {
    const state: JobState = { expectations: trackChildren(context, jobs, pods), released: new Map(), backoff: new Map(), finished: new Set() };
    const seen = (pod: Pod) => {
      const owner = controllerOf(pod);
      if (owner) state.released.get(owner.uid)?.delete(pod.metadata.uid!);
    };
    const stop = context.informer(pods).handle({ update: (pod) => !isTracked(pod) && seen(pod), delete: seen });
    context.signal.addEventListener('abort', stop, { once: true });
    return state;
  },
  async reconcile(key, context, state) {
    const { client, lister, recorder, signal } = context;
    if (key.startsWith(orphanPrefix)) {
      const pod = lister(pods).get(key.slice(orphanPrefix.length));
      if (pod && isTracked(pod) && isOrphan(pod, context)) await releasePod(pod, context);
      return done;
    }
    const job = lister(jobs).get(key);
    if (!job) return done;
    const uid = job.metadata.uid!;
    if (managedElsewhere(job)) return done;
    if (isFinished(job)) {
      forget(uid, state);
      for (const pod of lister(pods).ownedBy(uid)) if (isTracked(pod)) context.enqueue(orphanKey(pod));
      return done;
    }
    if (state.finished.has(uid)) return done;
    const mode = job.spec?.completionMode;
    if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') {
      recorder.event(referenceTo(jobs, job), 'Warning', 'UnknownCompletionMode', 'Skipped Job sync because completion mode is unknown');
      return done;
    }
    const selector = selectorOf(job.spec?.selector);
    const owned = await claimChildren(ownedOrOrphaned(lister(pods), job), { client, ownerType: jobs, owner: job, childType: pods, matches: (pod) => selector.matches(pod.metadata.labels), finalizers: [trackingFinalizer], signal });
    // What was just adopted has its finalizer by now, though the cache does not show it.
    const tracked = owned.map((pod) => (controllerOf(pod) || isTracked(pod) ? pod : { ...pod, metadata: { ...pod.metadata, finalizers: [...(pod.metadata.finalizers ?? []), trackingFinalizer] } }));
    await new JobSync(clone(job) as Job, tracked, context, state).run();
    return state.expectations.satisfied(uid) ? done : requeueAfter(expectationsTimeoutMs);
  },
});

const orphanPrefix = 'orphan:';
const orphanKey = (pod: Pod): string => orphanPrefix + keyOf(pod);

/** Nobody will count the pod: it has no Job, or one that is over. */
function isOrphan(pod: Pod, context: ControllerContext): boolean {
  const owner = controllerOf(pod);
  if (!owner) return true;
  if (owner.kind !== 'Job' || !owner.apiVersion.startsWith('batch/')) return false;
  const job = controllerIn(context.lister(jobs), jobs, pod);
  return !job || (!managedElsewhere(job) && isFinished(job));
}

function forget(uid: string, { released, backoff, finished, expectations }: JobState): void {
  released.delete(uid);
  backoff.delete(uid);
  finished.delete(uid);
  expectations.forget(uid);
}
