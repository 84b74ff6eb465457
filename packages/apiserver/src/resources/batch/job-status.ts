import { duplicate, invalid, required, type FieldError } from '@pilothouse/apimachinery';
import type { Job as Published } from '@pilothouse/api-schemas/types/batch/v1';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { nonnegative } from '../validation/numbers.ts';
import { validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { overlapOf, parseIndexes } from './indexes.ts';

type Job = Filled<Published>;

const is = (job: Job, type: string): boolean => job.status.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
const isFinished = (job: Job): boolean => is(job, 'Complete') || is(job, 'Failed');
const onConditions = (detail: string): FieldError => ({ reason: 'FieldValueInvalid', field: 'status.conditions', message: `Invalid value: ${detail}` });

/** The rules hold for what a write changes: what was wrong before may stay. */
export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const errors: FieldError[] = [];
  const { status, spec } = job;
  validateObjectMetaUpdate(errors, job.metadata, old.metadata);
  nonnegative(errors, status, 'status', 'active', 'succeeded', 'failed', 'ready', 'terminating');
  validateUncounted(errors, job);
  const changed = (of: (j: Job) => unknown) => !same(of(job), of(old));
  const finished = isFinished(job);
  const finishedChanged = changed(isFinished);
  const completeChanged = changed((j) => is(j, 'Complete'));
  const failedChanged = changed((j) => is(j, 'Failed'));
  const startChanged = changed((j) => j.status.startTime);
  const completionChanged = changed((j) => j.status.completionTime);
  const complete = is(job, 'Complete');
  const failed = is(job, 'Failed');
  const met = is(job, 'SuccessCriteriaMet');
  const say = (when: boolean, error: FieldError) => {
    if (when) errors.push(error);
  };
  say((completeChanged || failedChanged) && complete && failed, onConditions('cannot set Complete=True and Failed=true conditions'));
  say((completeChanged || changed((j) => is(j, 'FailureTarget'))) && complete && is(job, 'FailureTarget'), onConditions('cannot set Complete=True and FailureTarget=true conditions'));
  if (completeChanged || completionChanged) {
    say(status.completionTime !== undefined && !complete, invalid('status.completionTime', status.completionTime, 'cannot set completionTime when there is no Complete=True condition'));
    say(status.completionTime === undefined && complete, required('status.completionTime', 'completionTime is required for Complete jobs'));
  }
  say((startChanged || completionChanged) && !!status.startTime && !!status.completionTime && status.completionTime < status.startTime, invalid('status.completionTime', status.completionTime, 'must be equal to or after `startTime`'));
  say((failedChanged || changed((j) => j.status.failedIndexes)) && failed && !is(job, 'FailureTarget'), onConditions('cannot set Failed=True condition without the FailureTarget=true condition'));
  say((completeChanged || changed((j) => is(j, 'SuccessCriteriaMet'))) && complete && !met, onConditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
  say((finishedChanged || changed((j) => j.status.active)) && (status.active ?? 0) > 0 && finished, invalid('status.active', status.active, 'active>0 is invalid for finished job'));
  const idle = spec.suspend === true && spec.completions === 0;
  say((finishedChanged || startChanged) && !idle && !status.startTime && finished, required('status.startTime', 'startTime is required for finished job'));
  const uncounted = status.uncountedTerminatedPods;
  say((finishedChanged || changed((j) => j.status.uncountedTerminatedPods)) && finished && (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0, invalid('status.uncountedTerminatedPods', uncounted, 'must be empty for finished job'));
  validateIndexes(errors, job, old);
  say((finishedChanged || changed((j) => j.status.terminating)) && (status.terminating ?? 0) > 0 && finished, invalid('status.terminating', status.terminating, 'terminating>0 is invalid for finished job'));
  say(changed((j) => [j.status.ready, j.status.active]) && status.ready !== undefined && status.ready > (status.active ?? 0), invalid('status.ready', status.ready, 'cannot set more ready pods than active'));
  say(met && failed, onConditions('cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  say(met && is(job, 'FailureTarget'), onConditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
  say(!!spec.successPolicy && !met && complete, onConditions('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'));
  validateDirection(errors, job, old, startChanged);
  return errors;
}

/** What may only go one way. */
function validateDirection(errors: FieldError[], job: Job, old: Job, startChanged: boolean): void {
  const { status, spec } = job;
  for (const type of ['Failed', 'Complete', 'FailureTarget']) if (is(old, type) && !is(job, type)) errors.push(onConditions(`cannot disable the terminal ${type}=True condition`));
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if ((status.failed ?? 0) < (old.status.failed ?? 0)) errors.push(invalid('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  if (!elastic && (status.succeeded ?? 0) < (old.status.succeeded ?? 0)) errors.push(invalid('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  if (status.completionTime && old.status.completionTime && status.completionTime !== old.status.completionTime) errors.push(invalid('status.completionTime', status.completionTime, 'field is immutable'));
  const resuming = is(old, 'Suspended') && job.status.conditions?.some((c) => c.type === 'Suspended' && c.status === 'False');
  if (startChanged && !resuming && old.status.startTime && !spec.suspend) errors.push(invalid('status.startTime', status.startTime ?? null, 'field is immutable for unsuspended job once set'));
  if (is(old, 'SuccessCriteriaMet') && !is(job, 'SuccessCriteriaMet')) errors.push(onConditions('cannot disable the SuccessCriteriaMet=True condition'));
  if (is(old, 'Complete') && !is(old, 'SuccessCriteriaMet') && is(job, 'SuccessCriteriaMet')) errors.push(onConditions('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
}

function validateUncounted(errors: FieldError[], job: Job): void {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    job.status.uncountedTerminatedPods?.[list]?.forEach((uid, i) => {
      const path = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (!uid) errors.push(invalid(path, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(path, uid));
      seen.add(uid);
    });
  }
}

function validateIndexes(errors: FieldError[], { status, spec }: Job, old: Job): void {
  const completed = status.completedIndexes ?? '';
  const failed = status.failedIndexes;
  const completedChanged = completed !== (old.status.completedIndexes ?? '');
  const failedChanged = failed !== old.status.failedIndexes;
  const { completions } = spec;
  const check = (text: string, key: string) => {
    const parsed = completions === undefined ? [] : parseIndexes(text, completions);
    if (typeof parsed === 'string') errors.push(invalid(`status.${key}`, text, `error parsing ${key}: ${parsed}`));
  };
  if (completedChanged) check(completed, 'completedIndexes');
  if (failedChanged && spec.backoffLimitPerIndex !== undefined && failed !== undefined) check(failed, 'failedIndexes');
  if (completedChanged && completed && spec.completionMode !== 'Indexed') errors.push(invalid('status.completedIndexes', completed, 'cannot set non-empty completedIndexes when non-indexed completion mode'));
  if (failedChanged && spec.backoffLimitPerIndex === undefined && failed !== undefined) errors.push(invalid('status.failedIndexes', failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'));
  if ((failedChanged || completedChanged) && completions !== undefined && failed) {
    const at = overlapOf(completed, failed, completions);
    if (at !== undefined) errors.push(invalid('status.failedIndexes', failed, `failedIndexes and completedIndexes overlap at index: ${at}`));
  }
}
