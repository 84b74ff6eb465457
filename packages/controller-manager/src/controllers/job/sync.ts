import { formatTime, messageOf, parseTime } from '@pilothouse/base';
import type { Job, JobCondition } from '@pilothouse/api-schemas/types/batch/v1';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, jobs, keyOf, pods as podsType } from '@pilothouse/apimachinery';
import { referenceTo } from '@pilothouse/client';
import { type ControllerContext, createPodControl, type Expectations, isNamespaceTerminating, isPodActive, isPodReady, isPodTerminating, slowStartBatch } from '@pilothouse/controller-runtime';
import { type BackoffRecord, finishedMs, nextRecord, remainingMs } from './backoff.ts';
import { condition, trueCondition, withCondition } from './conditions.ts';
import { countOf, firstMissing, formatIndexes, hasIndex, type Intervals, merge, parseIndexes, withIndexes } from './indexes.ts';
import { absoluteFailureCount, failsIndex, hasFailed, hasValidIndex, indexOf, isIndexed, isSuspended, isTracked, limitsPerIndex, newJobPod, replacesFailedOnly, surplusPods, trackingFinalizer } from './pods.ts';
import { matchFailurePolicy, matchSuccessPolicy } from './policies.ts';

const mostPerSync = 500;
const mostUncounted = 500;

export interface JobState {
  expectations: Expectations;
  /** Job uid → pods whose finalizer was removed but is still seen. */
  released: Map<string, Set<string>>;
  backoff: Map<string, BackoffRecord>;
  /** Jobs that were finished by a write not seen yet. */
  finished: Set<string>;
}

/** One look at one unfinished Job. `job` is a copy, `pods` are the Job's. */
export class JobSync {
  readonly #context: ControllerContext;
  readonly #state: JobState;
  readonly #pods: readonly Pod[];
  readonly #active: readonly Pod[];
  readonly #uncounted: { succeeded: Set<string>; failed: Set<string> };
  #job: Job;
  #terminating: number;
  #ready: number;
  #succeeded = 0;
  #failed = 0;
  #previousIndexes: Intervals = [];
  #succeededIndexes: Intervals = [];
  #failedIndexes: Intervals | undefined;
  /** Failed pods that stay until the pod that replaces them exists, by index. */
  #delayed = new Map<number, Pod>();
  #backoff: BackoffRecord;
  #finish: JobCondition | undefined;

  constructor(job: Job, pods: readonly Pod[], context: ControllerContext, state: JobState) {
    this.#job = job;
    this.#pods = pods;
    this.#context = context;
    this.#state = state;
    this.#active = pods.filter(isPodActive);
    this.#terminating = pods.filter(isPodTerminating).length;
    this.#ready = this.#active.filter(isPodReady).length;
    job.status ??= {};
    job.status.uncountedTerminatedPods ??= {};
    this.#uncounted = { succeeded: new Set(job.status.uncountedTerminatedPods.succeeded), failed: new Set(job.status.uncountedTerminatedPods.failed) };
    this.#backoff = { failuresAfterLastSuccess: 0 };
  }

  get #now(): number {
    return this.#context.clock.now();
  }

  async run(): Promise<void> {
    const job = this.#job;
    const status = job.status!;
    const spec = job.spec!;
    const uid = job.metadata.uid!;
    const settled = this.#state.expectations.satisfied(uid);
    const newlySucceeded = this.#newlyFinished(this.#uncounted.succeeded, (pod) => pod.status?.phase === 'Succeeded');
    const newlyFailed = this.#newlyFinished(this.#uncounted.failed, (pod) => hasFailed(pod, job));
    this.#succeeded = (status.succeeded ?? 0) + newlySucceeded.length + this.#uncounted.succeeded.size;
    this.#failed = (status.failed ?? 0) + newlyFailed.filter((pod) => matchFailurePolicy(job, pod).counts).length + this.#uncounted.failed.size;
    if (!status.startTime && !isSuspended(job)) status.startTime = formatTime(this.#now);
    this.#backoff = nextRecord(this.#state.backoff.get(uid), newlySucceeded, newlyFailed);
    this.#judge();
    let active = this.#active.length;
    let failure: unknown;
    let suspensionChanged = false;
    if (this.#finish) {
      const { removed, error } = await this.#deleteActive();
      // Not all gone: the end is announced another time.
      if (removed !== active || !settled) this.#finish = undefined;
      active -= removed;
      failure = error;
    } else {
      const manage = settled && !job.metadata.deletionTimestamp;
      if (manage) ({ active, error: failure } = await this.#manage());
      const complete = spec.completions === undefined ? this.#succeeded > 0 && active === 0 : this.#succeeded >= spec.completions && active === 0;
      if (complete) this.#finish = condition('SuccessCriteriaMet', 'True', 'CompletionsReached', 'Reached expected number of succeeded pods', this.#now);
      else if (manage) suspensionChanged = this.#noteSuspension();
    }
    const changed = suspensionChanged || active !== (status.active ?? 0) || this.#ready !== status.ready || this.#terminating !== status.terminating;
    status.active = active;
    status.ready = this.#ready;
    status.terminating = this.#terminating;
    await this.#track(changed);
    if (failure !== undefined) throw failure;
  }

  /** Tracked pods that finished and are not in the counts yet. */
  #newlyFinished(uncounted: ReadonlySet<string>, filter: (pod: Pod) => boolean): Pod[] {
    const released = this.#state.released.get(this.#job.metadata.uid!);
    return this.#pods.filter((pod) => isTracked(pod) && !uncounted.has(pod.metadata.uid!) && !released?.has(pod.metadata.uid!) && (!isIndexed(this.#job) || hasValidIndex(pod, this.#job)) && filter(pod));
  }

  /** Whether and why the Job is over. */
  #judge(): void {
    const job = this.#job;
    const spec = job.spec!;
    const failed = (reason: string, message: string) => condition('FailureTarget', 'True', reason, message, this.#now);
    this.#finish = trueCondition(job, 'SuccessCriteriaMet');
    if (!this.#finish) {
      const target = trueCondition(job, 'FailureTarget');
      const message = spec.podFailurePolicy && this.#pods.filter((pod) => hasFailed(pod, job)).map((pod) => matchFailurePolicy(job, pod).message).find((m) => m !== undefined);
      if (target) this.#finish = condition('Failed', 'True', target.reason ?? '', target.message ?? '', this.#now);
      else if (message !== undefined) this.#finish = failed('PodFailurePolicy', message);
    }
    if (!this.#finish) {
      if (this.#failed > (spec.backoffLimit ?? 6) || this.#restartsExceed()) this.#finish = failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
      else if (spec.activeDeadlineSeconds !== undefined && job.status!.startTime && !isSuspended(job)) {
        const leftMs = parseTime(job.status!.startTime) + spec.activeDeadlineSeconds * 1000 - this.#now;
        if (leftMs <= 0) this.#finish = failed('DeadlineExceeded', 'Job was active longer than specified deadline');
        else this.#context.enqueueAfter(keyOf(job), leftMs);
      }
    }
    if (isIndexed(job)) this.#judgeIndexes(failed);
  }

  #judgeIndexes(failed: (reason: string, message: string) => JobCondition): void {
    const job = this.#job;
    const { completions = 0, maxFailedIndexes } = job.spec!;
    const valid = this.#pods.filter((pod) => isTracked(pod) && hasValidIndex(pod, job));
    this.#previousIndexes = parseIndexes(job.status!.completedIndexes, completions);
    this.#succeededIndexes = withIndexes(this.#previousIndexes, valid.filter((pod) => pod.status?.phase === 'Succeeded').map(indexOf));
    this.#succeeded = countOf(this.#succeededIndexes);
    if (limitsPerIndex(job)) {
      this.#failedIndexes = withIndexes(parseIndexes(job.status!.failedIndexes, completions), valid.filter((pod) => failsIndex(job, pod)).map(indexOf));
      const count = countOf(this.#failedIndexes);
      if (!this.#finish && maxFailedIndexes !== undefined && count > maxFailedIndexes) this.#finish = failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
      else if (!this.#finish && count > 0 && count + this.#succeeded >= completions) this.#finish = failed('FailedIndexes', 'Job has failed indexes');
      this.#findDelayed();
    }
    const met = this.#finish ? undefined : matchSuccessPolicy(job, this.#succeededIndexes);
    if (met !== undefined) this.#finish = condition('SuccessCriteriaMet', 'True', 'SuccessPolicy', met, this.#now);
  }

  #findDelayed(): void {
    const job = this.#job;
    const active = new Set(this.#active.map(indexOf));
    for (const pod of this.#newlyFinished(new Set(), (p) => hasFailed(p, job))) {
      const index = indexOf(pod);
      if (hasIndex(this.#succeededIndexes, index) || hasIndex(this.#failedIndexes!, index) || active.has(index)) continue;
      const last = this.#delayed.get(index);
      if (!last || (absoluteFailureCount(last) <= absoluteFailureCount(pod) && finishedMs(pod) >= finishedMs(last))) this.#delayed.set(index, pod);
    }
  }

  /** Containers that are restarted in place count too. */
  #restartsExceed(): boolean {
    const { template, backoffLimit = 6 } = this.#job.spec!;
    if (template.spec?.restartPolicy !== 'OnFailure') return false;
    let restarts = 0;
    for (const { status } of this.#pods) {
      if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
      for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += container.restartCount;
    }
    return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
  }

  get #control() {
    const { client, recorder, signal } = this.#context;
    return createPodControl({ client, recorder, ownerType: jobs, owner: this.#job, signal });
  }

  async #deleteActive(): Promise<{ removed: number; error?: unknown }> {
    return this.#remove(this.#active, async (pod) => this.#control.delete(pod));
  }

  /** Deletes pods side by side and keeps the counts in step. */
  async #remove(list: readonly Pod[], remove: (pod: Pod) => Promise<void>): Promise<{ removed: number; error?: unknown }> {
    const results = await Promise.allSettled(list.map(remove));
    const failures = results.filter((result) => result.status === 'rejected' && !isNotFound(result.reason)) as PromiseRejectedResult[];
    const removed = list.length - failures.length;
    this.#terminating += removed;
    this.#ready -= list.filter((pod, i) => isPodReady(pod) && results[i].status === 'fulfilled').length;
    return { removed, error: failures[0]?.reason };
  }

  /** Creates or deletes pods so that as many are active as should be. */
  async #manage(): Promise<{ active: number; error?: unknown }> {
    const job = this.#job;
    const { parallelism = 1, completions } = job.spec!;
    const active = this.#active.length;
    if (isSuspended(job)) return this.#shrink(surplusPods(job, this.#active, active, this.#now));
    let wanted = parallelism;
    if (completions !== undefined) wanted = Math.max(0, Math.min(completions - this.#succeeded, parallelism));
    else if (this.#succeeded > 0) wanted = active;
    const surplus = surplusPods(job, this.#active, Math.max(0, active - wanted), this.#now).slice(0, mostPerSync);
    if (surplus.length) return this.#shrink(surplus);
    const missing = wanted - active - (replacesFailedOnly(job) ? this.#terminating : 0);
    return missing > 0 ? this.#grow(missing) : { active };
  }

  async #shrink(list: readonly Pod[]): Promise<{ active: number; error?: unknown }> {
    const { expectations } = this.#state;
    const uid = this.#job.metadata.uid!;
    expectations.expectDeletions(uid, list.map((pod) => pod.metadata.uid!));
    const { removed, error } = await this.#remove(list, async (pod) => {
      try {
        if (isTracked(pod)) await this.#release(pod);
        await this.#control.delete(pod);
      } catch (failed) {
        expectations.deletionObserved(uid, pod.metadata.uid!);
        throw failed;
      }
    });
    return { active: this.#active.length - removed, error };
  }

  async #grow(missing: number): Promise<{ active: number; error?: unknown }> {
    const job = this.#job;
    const uid = job.metadata.uid!;
    const { expectations } = this.#state;
    if (!limitsPerIndex(job)) {
      const waitMs = remainingMs(this.#backoff.failuresAfterLastSuccess, this.#backoff.lastFailureMs, this.#now);
      if (waitMs > 0) {
        this.#context.enqueueAfter(keyOf(job), waitMs);
        return { active: 0 };
      }
    }
    let indexes: number[] = Array.from({ length: Math.min(missing, mostPerSync) }, () => -1);
    if (isIndexed(job)) {
      indexes = this.#pendingIndexes(indexes.length);
      if (limitsPerIndex(job)) {
        const waits = new Map(indexes.map((index) => [index, this.#waitOfIndex(index)]));
        const due = indexes.filter((index) => waits.get(index) === 0);
        if (!due.length && indexes.length) {
          this.#context.enqueueAfter(keyOf(job), Math.min(...waits.values()));
          return { active: 0 };
        }
        indexes = due;
      }
    }
    expectations.expectCreations(uid, indexes.length);
    const control = this.#control;
    const { succeeded, error } = await slowStartBatch(indexes.length, async (i) => {
      try {
        await control.create(newJobPod(job, indexes[i], this.#delayed.get(indexes[i])));
      } catch (failed) {
        if (!isNamespaceTerminating(failed)) throw failed;
      }
    });
    if (succeeded < indexes.length) expectations.creationObserved(uid, indexes.length - succeeded);
    return { active: this.#active.length + succeeded, error };
  }

  #pendingIndexes(count: number): number[] {
    const taken = [...this.#active, ...(replacesFailedOnly(this.#job) ? this.#pods.filter(isPodTerminating) : [])].map(indexOf).filter((index) => index >= 0);
    return firstMissing(merge(withIndexes(this.#succeededIndexes, taken), this.#failedIndexes ?? []), count, this.#job.spec!.completions!);
  }

  #waitOfIndex(index: number): number {
    const last = this.#delayed.get(index);
    return last ? remainingMs(absoluteFailureCount(last) + 1, finishedMs(last), this.#now) : 0;
  }

  #noteSuspension(): boolean {
    const status = this.#job.status!;
    const suspended = isSuspended(this.#job);
    const conditions = withCondition(status.conditions, suspended ? condition('Suspended', 'True', 'JobSuspended', 'Job suspended', this.#now) : condition('Suspended', 'False', 'JobResumed', 'Job resumed', this.#now));
    if (!conditions) return false;
    status.conditions = conditions;
    this.#event('Normal', suspended ? 'Suspended' : 'Resumed', suspended ? 'Job suspended' : 'Job resumed');
    if (suspended) delete status.startTime;
    else status.startTime = formatTime(this.#now);
    return true;
  }

  /**
   * Counts finished pods exactly once, whatever fails in between: their uids are written to the status, then their
   * finalizers are removed, then the uids turn into numbers.
   */
  async #track(changed: boolean): Promise<void> {
    const job = this.#job;
    const status = job.status!;
    const uid = job.metadata.uid!;
    const released = this.#state.released.get(uid) ?? new Set();
    const held = new Set(this.#pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid!)).map((pod) => pod.metadata.uid!));
    let flush = this.#settleCounts(held) || changed;
    const toRelease: Pod[] = [];
    const newIndexes: number[] = [];
    let full = false;
    const sorted = isIndexed(job) ? [...this.#pods].sort((a, b) => indexOf(a) - indexOf(b)) : this.#pods;
    const uncounted = status.uncountedTerminatedPods!;
    for (const pod of sorted) {
      if (!held.has(pod.metadata.uid!)) continue;
      const failed = hasFailed(pod, job);
      if (!this.#mayRelease(pod, failed)) continue;
      toRelease.push(pod);
      const podUid = pod.metadata.uid!;
      if (pod.status?.phase === 'Succeeded' && !this.#uncounted.failed.has(podUid)) {
        if (isIndexed(job)) {
          if (hasValidIndex(pod, job) && !hasIndex(this.#previousIndexes, indexOf(pod))) newIndexes.push(indexOf(pod));
        } else if (!this.#uncounted.succeeded.has(podUid)) uncounted.succeeded = [...(uncounted.succeeded ?? []), podUid];
        else continue;
        flush = true;
      } else if (failed || (this.#finish && this.#finish.type !== 'SuccessCriteriaMet')) {
        if (!this.#uncounted.failed.has(podUid) && (!isIndexed(job) || hasValidIndex(pod, job)) && matchFailurePolicy(job, pod).counts) {
          uncounted.failed = [...(uncounted.failed ?? []), podUid];
          flush = true;
        }
      }
      if (newIndexes.length + (uncounted.succeeded?.length ?? 0) + (uncounted.failed?.length ?? 0) >= mostUncounted) {
        full = true;
        break;
      }
    }
    if (isIndexed(job)) flush = this.#writeIndexes(newIndexes) || flush;
    flush = this.#announceEnd() || flush;
    if (flush) {
      await this.#writeStatus();
      this.#state.backoff.set(uid, this.#backoff);
      flush = false;
    }
    let failure: unknown;
    if (toRelease.length) {
      this.#state.released.set(uid, new Set([...released, ...toRelease.map((pod) => pod.metadata.uid!)]));
      await Promise.all(
        toRelease.map(async (pod) => {
          try {
            await this.#release(pod);
            held.delete(pod.metadata.uid!);
          } catch (error) {
            this.#state.released.get(uid)?.delete(pod.metadata.uid!);
            failure ??= error;
          }
        }),
      );
    }
    flush = this.#settleCounts(held) || flush;
    if (failure !== undefined) {
      if (flush) await this.#writeStatus();
      throw new Error(`tracking status: ${messageOf(failure)}`, { cause: failure });
    }
    const ended = !full && this.#end();
    if (flush || ended) await this.#writeStatus();
    if (ended) this.#recordEnd();
  }

  #mayRelease(pod: Pod, failed: boolean): boolean {
    if (this.#job.metadata.deletionTimestamp || this.#finish || pod.status?.phase === 'Succeeded') return true;
    return failed && this.#delayed.get(indexOf(pod))?.metadata.uid !== pod.metadata.uid;
  }

  /** Uids whose pods have lost their finalizer become numbers. */
  #settleCounts(held: ReadonlySet<string>): boolean {
    const status = this.#job.status!;
    const uncounted = status.uncountedTerminatedPods!;
    let changed = false;
    for (const kind of ['succeeded', 'failed'] as const) {
      const list = uncounted[kind] ?? [];
      const left = list.filter((uid) => held.has(uid));
      if (left.length === list.length) continue;
      status[kind] = (status[kind] ?? 0) + list.length - left.length;
      if (left.length) uncounted[kind] = left;
      else delete uncounted[kind];
      changed = true;
    }
    return changed;
  }

  #writeIndexes(newIndexes: readonly number[]): boolean {
    const status = this.#job.status!;
    this.#succeededIndexes = withIndexes(this.#succeededIndexes, newIndexes);
    const completed = formatIndexes(this.#succeededIndexes);
    const failed = this.#failedIndexes && formatIndexes(this.#failedIndexes);
    const changed = completed !== (status.completedIndexes ?? '') || failed !== status.failedIndexes || newIndexes.length > 0;
    status.succeeded = countOf(this.#succeededIndexes);
    if (completed) status.completedIndexes = completed;
    else delete status.completedIndexes;
    if (failed !== undefined) status.failedIndexes = failed;
    return changed;
  }

  /** Writes down that the Job will end, before its last pods are counted. */
  #announceEnd(): boolean {
    const finish = this.#finish;
    const status = this.#job.status!;
    if (finish?.type === 'FailureTarget') {
      status.conditions = [...(status.conditions ?? []), finish];
      this.#finish = condition('Failed', 'True', finish.reason!, finish.message!, this.#now);
      return true;
    }
    if (finish?.type !== 'SuccessCriteriaMet') return false;
    const isNew = !trueCondition(this.#job, 'SuccessCriteriaMet');
    if (isNew) status.conditions = [...(status.conditions ?? []), finish];
    this.#finish = condition('Complete', 'True', finish.reason ?? '', finish.message ?? '', this.#now);
    return isNew;
  }

  /** The end itself, once nothing is uncounted and no pod is left going. */
  #end(): boolean {
    const status = this.#job.status!;
    const uncounted = status.uncountedTerminatedPods;
    if (!this.#finish || uncounted?.succeeded?.length || uncounted?.failed?.length || this.#terminating > 0) return false;
    status.conditions = withCondition(status.conditions, this.#finish) ?? status.conditions;
    if (this.#finish.type === 'Complete') status.completionTime = this.#finish.lastTransitionTime;
    return true;
  }

  #recordEnd(): void {
    const job = this.#job;
    this.#state.finished.add(job.metadata.uid!);
    if (this.#finish!.type !== 'Complete') {
      this.#event('Warning', this.#finish!.reason!, this.#finish!.message!);
      return;
    }
    if (job.spec!.completions !== undefined && (job.status!.succeeded ?? 0) > job.spec!.completions) this.#event('Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached');
    this.#event('Normal', 'Completed', 'Job completed');
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(referenceTo(jobs, this.#job), type, reason, message);
  }

  async #release(pod: Pod): Promise<void> {
    await releasePod(pod, this.#context);
  }

  async #writeStatus(): Promise<void> {
    const written = await this.#context.client.updateStatus(jobs, this.#job, { signal: this.#context.signal });
    this.#job = { ...this.#job, metadata: written.metadata };
  }
}

/** Lets a pod go that has been counted, or that nobody counts. */
export async function releasePod(pod: Pod, { client, signal }: ControllerContext): Promise<void> {
  const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
  await client.patch(podsType, pod.metadata.name!, patch, { namespace: pod.metadata.namespace, type: 'strategic', signal }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}
