import { dns1123Label, type FieldError, goQuote, invalid, jobs as type, matcherOf, nameIsDnsSubdomain, required, validateLabelSelector } from '@pilothouse/apimachinery';
import type { Job as Published, JobSpec } from '@pilothouse/api-schemas/types/batch/v1';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { Strategy } from '../../contract.ts';
import { podNameWarnings, templateMatches, templateWarnings } from '../apps/workload.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { internalForm, sortedMap } from '../validation/internal-form.ts';
import { immutable, validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';
import { defaultJobPods, defaultJobSpec, validateJobSpec, type FilledJobSpec } from './job-spec.ts';
import { validateJobStatusUpdate } from './job-status.ts';

type Job = Omit<Filled<Published>, 'spec'> & { spec: FilledJobSpec };

const jobNameLabel = 'batch.kubernetes.io/job-name';
const controllerUidLabel = 'batch.kubernetes.io/controller-uid';
const ownLabels = (job: Job): [label: string, value: string][] => [
  ['controller-uid', job.metadata.uid ?? ''],
  ['job-name', job.metadata.name ?? ''],
  [controllerUidLabel, job.metadata.uid ?? ''],
  [jobNameLabel, job.metadata.name ?? ''],
];

function generateSelector(job: Job): void {
  const template = (job.spec.template ??= {} as PodTemplateSpec & { spec: never });
  const metadata = (template.metadata ??= {});
  metadata.labels = { ...Object.fromEntries(ownLabels(job)), ...metadata.labels };
  const selector = (job.spec.selector ??= {});
  selector.matchLabels = { [controllerUidLabel]: job.metadata.uid ?? '', ...selector.matchLabels };
}

function labelFromTemplate(metadata: ObjectMeta, spec: JobSpec): void {
  const labels = spec.template?.metadata?.labels;
  if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
}

function validateGenerated(errors: FieldError[], job: Job, prefixed: boolean): void {
  const { spec } = job;
  if (spec.manualSelector || !spec.selector) return;
  const labels = spec.template.metadata?.labels ?? {};
  const expected = ownLabels(job).filter(([label]) => prefixed || !label.includes('/'));
  for (const [label, value] of expected) {
    const path = `spec.template.metadata.labels[${label}]`;
    if (!(label in labels)) errors.push(required(path, `must be '${value}'`));
    else if (labels[label] !== value) errors.push(invalid(path, sortedMap(labels), `must be '${value}'`));
  }
  try {
    if (!matcherOf(spec.selector).matches(Object.fromEntries(expected))) errors.push(invalid('spec.selector', internalForm('meta/v1.LabelSelector', spec.selector), '`selector` not auto-generated'));
  } catch {
    // A selector that is wrong by itself is reported as such.
  }
}

function validateSpec(errors: FieldError[], { spec }: Job, old: Job | undefined): void {
  validateJobSpec(errors, spec, 'spec', old?.spec);
  if (!spec.selector) errors.push(required('spec.selector'));
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  if (templateMatches(spec.selector, spec.template) === false) errors.push(invalid('spec.template.metadata.labels', sortedMap(spec.template.metadata?.labels), '`selector` does not match template `labels`'));
}

function validateWhole(errors: FieldError[], job: Job, prefixed: boolean, old?: Job): void {
  validateObjectMeta(errors, job.metadata, { name: nameIsDnsSubdomain, namespaced: true });
  validateGenerated(errors, job, prefixed);
  validateSpec(errors, job, old);
  const { completionMode, completions } = job.spec;
  if (completionMode !== 'Indexed' || !completions || completions <= 0) return;
  const last = `${job.metadata.name}-${completions - 1}`;
  if (dns1123Label(last).length) errors.push(invalid('metadata.name', job.metadata.name, `will not able to create pod with invalid DNS label: ${last}`));
}

/** While a job is suspended and has no pods, its pods' placement and resources may change. */
const mayChangeTemplate = ({ spec, status }: Job): boolean => spec.suspend === true && (!status.startTime || (status.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') ?? false)) && !status.active;

function validateTemplateUpdate(errors: FieldError[], job: Job, old: Job): void {
  const now = job.spec.template;
  if (!mayChangeTemplate(old)) {
    immutable(errors, now, old.spec.template, 'spec.template', 'core/v1.PodTemplateSpec');
    return;
  }
  const spec = now.spec!;
  const before = old.spec.template.spec!;
  const affinity = { ...before.affinity, nodeAffinity: spec.affinity?.nodeAffinity };
  const allowed = { ...before, nodeSelector: spec.nodeSelector, tolerations: spec.tolerations, schedulingGates: spec.schedulingGates, affinity: Object.values(affinity).some(Boolean) ? affinity : undefined };
  for (const list of ['containers', 'initContainers'] as const) {
    if (spec[list]?.length === before[list]?.length && before[list]) allowed[list] = before[list].map((container, i) => (container.name === spec[list]![i].name ? { ...container, resources: spec[list]![i].resources } : container));
  }
  immutable(errors, spec, allowed, 'spec.template.spec', 'core/v1.PodSpec');
}

function validateCompletions(errors: FieldError[], now: JobSpec, before: JobSpec): void {
  if (now.completionMode !== 'Indexed') immutable(errors, now.completions ?? null, before.completions ?? null, 'spec.completions');
  else if (now.completions !== before.completions && now.completions !== undefined && now.completions !== now.parallelism) errors.push(invalid('spec.completions', now.completions, 'can only be modified in tandem with spec.parallelism'));
}

const fixed = [['completionMode'], ['podFailurePolicy', 'batch/v1.PodFailurePolicy'], ['backoffLimitPerIndex'], ['managedBy'], ['successPolicy', 'batch/v1.SuccessPolicy']] as const;

export function jobSpecWarnings(spec: JobSpec, path: string): string[] {
  const many = spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 100_000 && (spec.parallelism ?? 0) > 10_000;
  const why = 'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail';
  return [...(many ? [`${path}: ${why}`] : []), ...templateWarnings(spec.template, `${path}.template`)];
}

const strategy: Strategy<Job> = {
  generation: true,
  defaults({ metadata, spec }) {
    defaultJobPods(spec);
    defaultJobSpec(spec);
    labelFromTemplate(metadata, spec);
  },
  prepareForCreate(job) {
    if (!job.spec.manualSelector) generateSelector(job);
    // Defaults hold for what is stored as well, and the template has its labels only now.
    labelFromTemplate(job.metadata, job.spec);
  },
  validate(job) {
    const errors: FieldError[] = [];
    validateWhole(errors, job, true);
    return errors;
  },
  validateUpdate(job, old) {
    const errors: FieldError[] = [];
    const before = old.spec.template.metadata?.labels ?? {};
    validateWhole(errors, job, jobNameLabel in before && controllerUidLabel in before, old);
    validateObjectMetaUpdate(errors, job.metadata, old.metadata);
    validateSpec(errors, job, old);
    validateCompletions(errors, job.spec, old.spec);
    immutable(errors, job.spec.selector, old.spec.selector, 'spec.selector', 'meta/v1.LabelSelector');
    validateTemplateUpdate(errors, job, old);
    for (const [key, shown] of fixed) immutable(errors, job.spec[key] ?? null, old.spec[key] ?? null, `spec.${key}`, shown);
    return errors;
  },
  validateStatusUpdate: (job, old) => validateJobStatusUpdate(job as Filled<Published>, old as Filled<Published>),
  warnings(job, old) {
    if (!old) return [...podNameWarnings(job.metadata), ...jobSpecWarnings(job.spec, 'spec')];
    return same(job.spec, old.spec) ? [] : jobSpecWarnings(job.spec, 'spec');
  },
};

export const jobs = defineResource<any>(type, { strategy, podSpec: ({ spec }: Job) => spec.template?.spec, selectableFields: { 'status.successful': (job: Job) => String(job.status.succeeded ?? 0) }, fieldLabelError: (field) => `field label ${goQuote(field)} not supported for Job` });
