/** What the Job controller reads off its pods, and the pods it makes. Pure. */
import type { Job } from '@pilothouse/api-schemas/types/batch/v1';
import type { Container, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { jobs } from '@pilothouse/apimachinery';
import { clone } from '@pilothouse/client';
import { podFromTemplate, sortForDeletion } from '@pilothouse/controller-runtime';
import { matchFailurePolicy } from './policies.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';
const longestGenerateName = 58;

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';
export const isSuspended = (job: Job): boolean => job.spec?.suspend ?? false;
export const isFinished = (job: Job): boolean => job.status?.conditions?.some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True') ?? false;
export const managedElsewhere = (job: Job): boolean => job.spec?.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller';
export const limitsPerIndex = (job: Job): boolean => job.spec?.backoffLimitPerIndex !== undefined;
/** Pods that are going still hold their place. */
export const replacesFailedOnly = (job: Job): boolean => job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;

export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
export const hasFailed = (pod: Pod, job: Job): boolean => pod.status?.phase === 'Failed' || (!replacesFailedOnly(job) && !!pod.metadata.deletionTimestamp && pod.status?.phase !== 'Succeeded');

/** -1 where the pod has none. */
export function indexOf(pod: Pod): number {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : -1;
}

/** An index that the Job asks for. */
export const hasValidIndex = (pod: Pod, job: Job): boolean => indexOf(pod) >= 0 && indexOf(pod) < (job.spec?.completions ?? 0);

function numberOf(pod: Pod, annotation: string): number {
  const text = pod.metadata.annotations?.[annotation] ?? '';
  return /^[0-9]+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : 0;
}
export const failureCount = (pod: Pod): number => numberOf(pod, failureCountAnnotation);
/** Counting ignored ones. */
export const absoluteFailureCount = (pod: Pod): number => failureCount(pod) + numberOf(pod, ignoredCountAnnotation);

/** The pod's index will not be tried again. */
export function failsIndex(job: Job, pod: Pod): boolean {
  if (!hasFailed(pod, job)) return false;
  const { action, counts } = matchFailurePolicy(job, pod);
  return action === 'FailIndex' || (counts && failureCount(pod) >= job.spec!.backoffLimitPerIndex!);
}

/** A pod for an index (-1: none); `replaced` is the failed pod whose place it takes. */
export function newJobPod(job: Job, index: number, replaced: Pod | undefined): Pod {
  const template = clone(job.spec!.template);
  const metadata = (template.metadata ??= {});
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), trackingFinalizer])];
  if (isIndexed(job)) for (const container of [...(template.spec!.initContainers ?? []), ...template.spec!.containers]) addIndexVariable(container);
  if (index >= 0) {
    metadata.annotations = { ...metadata.annotations, [indexAnnotation]: String(index) };
    metadata.labels = { ...metadata.labels, [indexAnnotation]: String(index) };
    template.spec!.hostname = `${job.metadata.name}-${index}`;
    if (limitsPerIndex(job)) Object.assign(metadata.annotations, failureCounts(job, replaced));
  }
  const pod = podFromTemplate(template, jobs, job);
  if (index >= 0) pod.metadata.generateName = generateName(job.metadata.name!, index);
  return pod;
}

function addIndexVariable(container: Container): void {
  if (container.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) return;
  container.env = [...(container.env ?? []), { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } } }];
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!replaced) return { [failureCountAnnotation]: '0' };
  const counts = matchFailurePolicy(job, replaced).counts;
  const ignored = numberOf(replaced, ignoredCountAnnotation) + (counts ? 0 : 1);
  return { [failureCountAnnotation]: String(failureCount(replaced) + (counts ? 1 : 0)), ...(ignored > 0 && { [ignoredCountAnnotation]: String(ignored) }) };
}

function generateName(job: string, index: number): string {
  const suffix = `-${index}-`;
  return job.length + suffix.length > longestGenerateName ? job.slice(0, longestGenerateName - suffix.length) + suffix : job + suffix;
}

/** At least `count` active pods to remove: first doubles of an index, then the least advanced. */
export function surplusPods(job: Job, active: readonly Pod[], count: number, nowMs: number): Pod[] {
  if (!isIndexed(job)) return count > 0 ? sortForDeletion(active, { nowMs }).slice(0, count) : [];
  const byIndex = new Map<number, Pod[]>();
  const remove: Pod[] = [];
  for (const pod of active) {
    if (!hasValidIndex(pod, job)) remove.push(pod);
    else byIndex.set(indexOf(pod), [...(byIndex.get(indexOf(pod)) ?? []), pod]);
  }
  const left: Pod[] = [];
  for (const [, group] of [...byIndex].sort(([a], [b]) => a - b)) {
    const sorted = sortForDeletion(group, { nowMs });
    remove.push(...sorted.slice(0, -1));
    left.push(...sorted.slice(-1));
  }
  if (remove.length < count) remove.push(...sortForDeletion(left, { nowMs }).slice(0, count - remove.length));
  return remove;
}
