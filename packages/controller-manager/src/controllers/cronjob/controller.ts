import { messageOf } from '@pilothouse/base';
import type { CronJob, Job } from '@pilothouse/api-schemas/types/batch/v1';
import { controllerOf, cronJobs, isAlreadyExists, isNotFound, jobs, keyOf } from '@pilothouse/apimachinery';
import { clone, referenceTo } from '@pilothouse/client';
import { type ControllerContext, defineController, done, isNamespaceTerminating, ownedBy, requeueAfter, type Result, type Watch } from '@pilothouse/controller-runtime';
import { isFinished } from '../job/pods.ts';
import { jobFor, jobName, mostRecent, nextCheckMs, rfc1123 } from './plan.ts';
import { isTimeZone, parseSchedule, type Schedule } from './schedule.ts';

/** The zone of schedules that name none: that of this process. */
const localZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Makes Jobs by the clock. @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
export const cronJobController = defineController({
  name: 'cronjob-controller',
  aliases: ['cronjob'],
  serviceAccount: 'cronjob-controller',
  watches: [
    {
      type: cronJobs,
      *keys(cron, { old, deleted }, context) {
        // A new schedule holds from now on: times that it would have had before are not made up for.
        if (old && !deleted && (old.spec?.schedule !== cron.spec?.schedule || old.spec?.timeZone !== cron.spec?.timeZone)) return waitForSchedule(cron, context);
        yield keyOf(cron);
      },
    } as Watch<CronJob>,
    ownedBy(cronJobs, jobs) as Watch,
  ],
  async reconcile(key, context) {
    const { client, lister, signal } = context;
    const cached = lister(cronJobs).get(key);
    if (!cached) return done;
    const sync = new CronSync(clone(cached), lister(jobs).ownedBy(cached.metadata.uid!), context);
    await sync.dropHistory();
    let result: Result = done;
    let failure: unknown;
    try {
      result = await sync.run();
    } catch (error) {
      failure = error;
    }
    if (sync.changed) await client.updateStatus(cronJobs, sync.cron, { signal });
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
    return result;
  },
});

function waitForSchedule(cron: CronJob, context: ControllerContext): void {
  const { schedule = '', timeZone } = cron.spec ?? {};
  try {
    const checkMs = nextCheckMs(cron, parseSchedule(schedule, timeZone !== undefined && isTimeZone(timeZone) ? timeZone : localZone), context.clock.now());
    if (checkMs !== undefined) context.enqueueAfter(keyOf(cron), checkMs);
  } catch {
    context.recorder.event(referenceTo(cronJobs, cron), 'Warning', 'UnParseableCronJobSchedule', `unparseable schedule for cronjob: ${schedule}`);
  }
}

class CronSync {
  readonly cron: CronJob;
  changed = false;
  readonly #jobs: readonly Job[];
  readonly #context: ControllerContext;

  constructor(cron: CronJob, owned: readonly Job[], context: ControllerContext) {
    cron.status ??= {};
    this.cron = cron;
    this.#jobs = owned;
    this.#context = context;
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recorder.event(referenceTo(cronJobs, this.cron), type, reason, message);
  }

  #isActive(uid: string | undefined): boolean {
    return this.cron.status!.active?.some((ref) => ref.uid === uid) ?? false;
  }

  #forget(uid: string | undefined): void {
    const left = this.cron.status!.active?.filter((ref) => ref.uid !== uid);
    if (left?.length) this.cron.status!.active = left;
    else delete this.cron.status!.active;
    this.changed = true;
  }

  /** Deletes finished Jobs beyond the limits, the oldest first. */
  async dropHistory(): Promise<void> {
    const { failedJobsHistoryLimit, successfulJobsHistoryLimit } = this.cron.spec!;
    const ended = (type: string) => this.#jobs.filter((job) => job.status?.conditions?.some((c) => c.type === type && c.status === 'True'));
    for (const [type, limit] of [['Complete', successfulJobsHistoryLimit], ['Failed', failedJobsHistoryLimit]] as const) {
      if (limit === undefined) continue;
      const list = ended(type).sort(byStart);
      for (const job of list.slice(0, Math.max(0, list.length - limit))) await this.#delete(job);
    }
  }

  async #delete(job: Job): Promise<boolean> {
    try {
      await this.#context.client.delete(jobs, job.metadata.name!, { namespace: job.metadata.namespace, propagationPolicy: 'Background', signal: this.#context.signal });
    } catch (error) {
      this.#event('Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`);
      return false;
    }
    this.#forget(job.metadata.uid);
    this.#event('Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
    return true;
  }

  async run(): Promise<Result> {
    const { client, clock, signal } = this.#context;
    const { cron } = this;
    const spec = cron.spec!;
    const nowMs = clock.now();
    if (!(await this.#observeJobs())) return done;
    if (cron.metadata.deletionTimestamp) return done;
    if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
      this.#event('Warning', 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`);
      return done;
    }
    if (spec.suspend) return done;
    const schedule = this.#schedule();
    if (!schedule) return done;
    const later = () => {
      const checkMs = nextCheckMs(cron, schedule, nowMs);
      return checkMs === undefined ? done : requeueAfter(checkMs);
    };
    let due: ReturnType<typeof mostRecent>;
    try {
      due = mostRecent(cron, schedule, nowMs, { useDeadline: true });
    } catch (error) {
      this.#event('Warning', 'InvalidSchedule', `invalid schedule: ${spec.schedule} : ${messageOf(error)}`);
      return done;
    }
    const scheduledMs = due.recentMs;
    if (scheduledMs === undefined || scheduledMs > nowMs) return later();
    if (due.missed === 'many') this.#event('Warning', 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew');
    if (spec.startingDeadlineSeconds !== undefined && scheduledMs + spec.startingDeadlineSeconds * 1000 < nowMs) {
      this.#event('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${rfc1123(scheduledMs)}`);
      return later();
    }
    const name = jobName(cron, scheduledMs);
    if (cron.status!.active?.some((ref) => ref.name === name) || (cron.status!.lastScheduleTime && Date.parse(cron.status!.lastScheduleTime) === scheduledMs)) return later();
    if (spec.concurrencyPolicy === 'Forbid' && cron.status!.active?.length) {
      this.#event('Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid');
      return later();
    }
    if (spec.concurrencyPolicy === 'Replace') await this.#replaceActive();
    let job: Job;
    try {
      job = await client.create(jobs, jobFor(cron, scheduledMs), { signal });
      this.#event('Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    } catch (error) {
      if (!isAlreadyExists(error)) {
        if (!isNamespaceTerminating(error) && !signal.aborted) this.#event('Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      // Made by an earlier attempt that did not get to write the status.
      job = await client.get(jobs, name, { namespace: cron.metadata.namespace, signal });
      if (controllerOf(job)?.uid !== cron.metadata.uid || this.#isActive(job.metadata.uid)) return done;
    }
    cron.status!.active = [...(cron.status!.active ?? []), referenceTo(jobs, job)];
    cron.status!.lastScheduleTime = new Date(scheduledMs).toISOString().replace('.000Z', 'Z');
    this.changed = true;
    return later();
  }

  /** Brings the list of active Jobs up to date; false where the cache lags behind and it is better to wait. */
  async #observeJobs(): Promise<boolean> {
    const { client, signal } = this.#context;
    const { cron } = this;
    const status = cron.status!;
    for (const job of this.#jobs) {
      const { uid, name } = job.metadata;
      const finished = isFinished(job);
      if (!finished && !this.#isActive(uid)) {
        const fresh = await client.get(cronJobs, cron.metadata.name!, { namespace: cron.metadata.namespace, signal });
        if (fresh.status?.active?.some((ref) => ref.uid === uid)) return false;
        this.#event('Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`);
      } else if (finished) {
        const complete = job.status!.conditions!.some((c) => c.type === 'Complete' && c.status === 'True');
        if (this.#isActive(uid)) {
          this.#forget(uid);
          this.#event('Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${complete ? 'Complete' : 'Failed'}`);
        }
        const time = job.status!.completionTime;
        if (complete && time && (!status.lastSuccessfulTime || time > status.lastSuccessfulTime)) {
          status.lastSuccessfulTime = time;
          this.changed = true;
        }
      }
    }
    const present = new Set(this.#jobs.map((job) => job.metadata.uid));
    for (const ref of status.active ?? []) {
      if (present.has(ref.uid)) continue;
      try {
        await client.get(jobs, ref.name!, { namespace: ref.namespace, signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        this.#event('Normal', 'MissingJob', `Active job went missing: ${ref.name}`);
        this.#forget(ref.uid);
      }
    }
    return true;
  }

  #schedule(): Schedule | undefined {
    const { schedule, timeZone } = this.cron.spec!;
    if (schedule.includes('TZ')) this.#event('Warning', 'UnsupportedSchedule', `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`);
    try {
      return parseSchedule(schedule, timeZone ?? localZone);
    } catch (error) {
      this.#event('Warning', 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(error)}`);
      return undefined;
    }
  }

  async #replaceActive(): Promise<void> {
    const { client, signal } = this.#context;
    for (const ref of this.cron.status!.active ?? []) {
      let job: Job;
      try {
        job = await client.get(jobs, ref.name!, { namespace: ref.namespace, signal });
      } catch (error) {
        this.#event('Warning', 'FailedGet', `Get job: ${messageOf(error)}`);
        throw error;
      }
      if (!(await this.#delete(job))) throw new Error(`could not replace job ${job.metadata.namespace}/${job.metadata.name}`);
    }
  }
}

const byStart = (a: Job, b: Job): number => {
  const [x, y] = [a.status?.startTime, b.status?.startTime];
  if (x === y) return a.metadata.name! < b.metadata.name! ? -1 : 1;
  if (!x || !y) return x ? -1 : 1;
  return x < y ? -1 : 1;
};
