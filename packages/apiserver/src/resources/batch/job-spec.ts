import { duplicate, type FieldError, goQuote, invalid, notSupported, qualifiedName, required, tooLong, tooMany, validateDomainPrefixedPath } from '@pilothouse/apimachinery';
import type { JobSpec, PodFailurePolicyRule } from '@pilothouse/api-schemas/types/batch/v1';
import type { Filled } from '../filled.ts';
import { defaultPodTemplate } from '../defaults/pod-spec.ts';
import { checkName } from '../validation/check-name.ts';
import { internalForm } from '../validation/internal-form.ts';
import { nonnegative } from '../validation/numbers.ts';
import { validatePodTemplate } from '../validation/pod-template.ts';
import { parseIndexes } from './indexes.ts';

export type FilledJobSpec = Filled<JobSpec>;

/** `inTemplate`: the spec of a CronJob's jobs, which gets the defaults of its pods alone. */
export function defaultJobSpec(spec: FilledJobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
}

export function defaultJobPods(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  defaultPodTemplate(spec.template);
}

const counters = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'] as const;

/** All but the selector, which jobs have and their templates have not. `old`: what is stored, on updates. */
export function validateJobSpec(errors: FieldError[], spec: FilledJobSpec, path: string, old?: JobSpec): void {
  nonnegative(errors, spec, path, ...counters);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) errors.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) {
    errors.push(...validateDomainPrefixedPath(spec.managedBy, `${path}.managedBy`));
    if (spec.managedBy.length > 63) errors.push(tooLong(`${path}.managedBy`, 63));
  }
  validateCompletionMode(errors, spec, path);
  if (spec.podFailurePolicy) validateFailurePolicy(errors, spec, `${path}.podFailurePolicy.rules`);
  if (spec.successPolicy) validateSuccessPolicy(errors, spec, `${path}.successPolicy`);
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !replacements.includes(replacement)) errors.push(notSupported(`${path}.podReplacementPolicy`, replacement, replacements));
  validatePodTemplate(errors, spec.template, `${path}.template`, old?.template);
  const restart = spec.template.spec?.restartPolicy;
  const at = `${path}.template.spec.restartPolicy`;
  if (!restart || restart === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (restart !== 'OnFailure' && restart !== 'Never') errors.push(notSupported(at, restart, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && restart !== 'Never') errors.push(invalid(at, restart, 'only "Never" is supported when podFailurePolicy is specified'));
}

const hundredThousand = 100_000;
const tenThousand = 10_000;

function validateCompletionMode(errors: FieldError[], spec: JobSpec, path: string): void {
  const { completionMode: mode, completions, parallelism, maxFailedIndexes: maxFailed, backoffLimitPerIndex } = spec;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') errors.push(notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  if (mode === 'Indexed') {
    if (completions === undefined) errors.push(required(`${path}.completions`, 'when completion mode is Indexed'));
    if ((parallelism ?? 0) > hundredThousand) errors.push(invalid(`${path}.parallelism`, parallelism, `must be less than or equal to ${hundredThousand} when completion mode is Indexed`));
    if (completions !== undefined && (maxFailed ?? 0) > completions) errors.push(invalid(`${path}.maxFailedIndexes`, maxFailed, 'must be less than or equal to completions'));
    if ((maxFailed ?? 0) > hundredThousand) errors.push(invalid(`${path}.maxFailedIndexes`, maxFailed, `must be less than or equal to ${hundredThousand}`));
    if ((completions ?? 0) > hundredThousand && backoffLimitPerIndex !== undefined) {
      const why = `must be less than or equal to ${tenThousand} when completions are above ${hundredThousand} and used with backoff limit per index`;
      if (maxFailed === undefined) errors.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${hundredThousand}`));
      if ((parallelism ?? 0) > tenThousand) errors.push(invalid(`${path}.parallelism`, parallelism, why));
      if ((maxFailed ?? 0) > tenThousand) errors.push(invalid(`${path}.maxFailedIndexes`, maxFailed, why));
    }
  } else if (mode === undefined || mode === 'NonIndexed') {
    for (const key of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) if (spec[key] !== undefined) errors.push(invalid(`${path}.${key}`, spec[key], 'requires indexed completion mode'));
  }
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const listed = (values: readonly string[]) => `valid values: [${values.map(goQuote).join(' ')}]`;
const omitted = (field: string, detail: string): FieldError => ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${detail}` });

function validateFailurePolicy(errors: FieldError[], spec: JobSpec, path: string): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > 20) errors.push(tooMany(path, rules.length, 20));
  const pod = spec.template.spec;
  const names = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map((c) => c.name));
  rules.forEach((rule, i) => {
    const at = `${path}[${i}]`;
    if (!rule.action) errors.push(required(`${at}.action`, listed(actions)));
    else if (rule.action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined) errors.push(invalid(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
    } else if (!actions.includes(rule.action)) errors.push(notSupported(`${at}.action`, rule.action, actions));
    if (rule.onExitCodes) validateExitCodes(errors, rule.onExitCodes, `${at}.onExitCodes`, names);
    const conditions = rule.onPodConditions ?? [];
    if (conditions.length) validateConditions(errors, conditions, `${at}.onPodConditions`);
    if (rule.onExitCodes && conditions.length) errors.push(omitted(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (!rule.onExitCodes && !conditions.length) errors.push(omitted(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  });
}

function validateConditions(errors: FieldError[], patterns: NonNullable<PodFailurePolicyRule['onPodConditions']>, path: string): void {
  const statuses = ['False', 'True', 'Unknown'];
  if (patterns.length > 20) errors.push(tooMany(path, patterns.length, 20));
  patterns.forEach((pattern, i) => {
    checkName(errors, `${path}[${i}].type`, pattern.type, qualifiedName);
    if (!pattern.status) errors.push(required(`${path}[${i}].status`, listed(statuses)));
    else if (!statuses.includes(pattern.status)) errors.push(notSupported(`${path}[${i}].status`, pattern.status, statuses));
  });
}

function validateExitCodes(errors: FieldError[], codes: NonNullable<PodFailurePolicyRule['onExitCodes']>, path: string, names: ReadonlySet<string>): void {
  const values = codes.values ?? [];
  if (!codes.operator) errors.push(required(`${path}.operator`, listed(['In', 'NotIn'])));
  else if (codes.operator !== 'In' && codes.operator !== 'NotIn') errors.push(notSupported(`${path}.operator`, codes.operator, ['In', 'NotIn']));
  if (codes.containerName !== undefined && !names.has(codes.containerName)) errors.push(invalid(`${path}.containerName`, codes.containerName, 'must be one of the container or initContainer names in the pod template'));
  if (values.length === 0) errors.push(invalid(`${path}.values`, codes.values ?? null, 'at least one value is required'));
  else if (values.length > 255) errors.push(tooMany(`${path}.values`, values.length, 255));
  values.forEach((value, i) => {
    if (codes.operator === 'In' && value === 0) errors.push(invalid(`${path}.values[${i}]`, value, 'must not be 0 for the In operator'));
    if (values.indexOf(value) < i) errors.push(duplicate(`${path}.values[${i}]`, value));
  });
  if (values.some((value, i) => i > 0 && values[i - 1] > value)) errors.push(invalid(`${path}.values`, values, 'must be ordered'));
}

function validateSuccessPolicy(errors: FieldError[], spec: JobSpec, path: string): void {
  if (spec.completionMode !== 'Indexed') {
    errors.push(invalid(path, internalForm('batch/v1.SuccessPolicy', spec.successPolicy), 'requires indexed completion mode'));
    return;
  }
  const rules = spec.successPolicy?.rules ?? [];
  const completions = spec.completions ?? 0;
  if (rules.length === 0) errors.push(required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > 20) errors.push(tooMany(`${path}.rules`, rules.length, 20));
  rules.forEach(({ succeededCount: count, succeededIndexes: indexes }, i) => {
    const at = `${path}.rules[${i}]`;
    if (count === undefined && indexes === undefined) errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
    let total = 0;
    if (indexes !== undefined) {
      if (indexes.length > 65536) errors.push(tooLong(`${at}.succeededIndexes`, 65536));
      const parsed = parseIndexes(indexes, completions);
      if (typeof parsed === 'string') errors.push(invalid(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${parsed}`));
      else total = parsed.reduce((sum, [from, to]) => sum + to - from + 1, 0);
    }
    if (count === undefined) return;
    if (count < 0) errors.push(invalid(`${at}.succeededCount`, count, 'must be greater than or equal to 0'));
    if (count > completions) errors.push(invalid(`${at}.succeededCount`, count, `must be less than or equal to ${completions} (the number of specified completions)`));
    if (indexes !== undefined && count > total) errors.push(invalid(`${at}.succeededCount`, count, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`));
  });
}
