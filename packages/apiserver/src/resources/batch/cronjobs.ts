import { cronJobs as type, type FieldError, invalid, nameIsDnsSubdomain, notSupported, required } from '@pilothouse/apimachinery';
import type { CronJob as Published } from '@pilothouse/api-schemas/types/batch/v1';
import type { Strategy } from '../../contract.ts';
import { podNameWarnings } from '../apps/workload.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative } from '../validation/numbers.ts';
import { withMeta } from '../validation/object-meta.ts';
import { cronError } from './cron-schedule.ts';
import { defaultJobPods, validateJobSpec, type FilledJobSpec } from './job-spec.ts';
import { jobSpecWarnings } from './jobs.ts';

type CronJob = Filled<Published>;
const policies = ['Allow', 'Forbid', 'Replace'];

function validateCronJob(errors: FieldError[], object: CronJob, old: CronJob | undefined): void {
  const { spec, metadata } = object;
  if (!spec.schedule) errors.push(required('spec.schedule'));
  else validateSchedule(errors, object, old);
  nonnegative(errors, spec, 'spec', 'startingDeadlineSeconds');
  if (spec.timeZone !== undefined && spec.timeZone !== old?.spec.timeZone) validateTimeZone(errors, spec.timeZone);
  const policy = spec.concurrencyPolicy;
  if (!policy) errors.push(required('spec.concurrencyPolicy'));
  else if (!policies.includes(policy)) errors.push(notSupported('spec.concurrencyPolicy', policy, policies));
  const job = spec.jobTemplate.spec as FilledJobSpec;
  validateJobSpec(errors, job, 'spec.jobTemplate.spec', old?.spec.jobTemplate.spec);
  if (job.selector) errors.push(invalid('spec.jobTemplate.spec.selector', internalForm('meta/v1.LabelSelector', job.selector), '`selector` will be auto-generated'));
  if (job.manualSelector) errors.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  nonnegative(errors, spec, 'spec', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit');
  if (!old && (metadata.name?.length ?? 0) > 52) errors.push(invalid('metadata.name', metadata.name, 'must be no more than 52 characters'));
}

function validateSchedule(errors: FieldError[], { spec }: CronJob, old: CronJob | undefined): void {
  const why = cronError(spec.schedule);
  if (why) errors.push(invalid('spec.schedule', spec.schedule, why));
  if (!spec.schedule.includes('TZ')) return;
  if (!old?.spec.schedule.includes('TZ')) errors.push(invalid('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (spec.timeZone !== undefined) errors.push(invalid('spec.schedule', spec.schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
}

function validateTimeZone(errors: FieldError[], zone: string): void {
  const bad = (detail: string) => errors.push(invalid('spec.timeZone', zone, detail));
  if (zone === '') bad('timeZone must be nil or non-empty string');
  else if (zone.split('/').some((part) => part === '.' || part === '..' || !/^[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}$/.test(part))) bad(`unknown time zone ${zone}`);
  else {
    if (zone.toLowerCase() === 'local') bad('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
    if (zone !== 'Local' && !isTimeZone(zone)) bad(`unknown time zone ${zone}`);
  }
}

/** Zones are files upstream: their names are as written, and an offset is none. */
function isTimeZone(zone: string): boolean {
  if (/^[+-]/.test(zone)) return false;
  try {
    const known = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
    return known === zone || known.toLowerCase() !== zone.toLowerCase();
  } catch {
    return false;
  }
}

const strategy: Strategy<CronJob> = {
  generation: true,
  defaults({ spec }) {
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    if (spec.jobTemplate?.spec) defaultJobPods(spec.jobTemplate.spec);
  },
  ...withMeta<CronJob>({ name: nameIsDnsSubdomain, namespaced: true }, validateCronJob),
  warnings(object, old) {
    const path = 'spec.jobTemplate.spec';
    const job = object.spec.jobTemplate.spec!;
    if (!old) return [...podNameWarnings(object.metadata), ...jobSpecWarnings(job, path)];
    const out = same(object.spec, old.spec) ? [] : jobSpecWarnings(job, path);
    if (object.spec.schedule.includes('TZ')) out.push('cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details');
    return out;
  },
};

export const cronJobs = defineResource<any>(type, { strategy, podSpec: ({ spec }: CronJob) => spec.jobTemplate?.spec?.template?.spec });
