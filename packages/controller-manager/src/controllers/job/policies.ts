/** A Job's pod failure policy and success policy. Pure. */
import type { Job, PodFailurePolicyOnExitCodesRequirement } from '@pilothouse/api-schemas/types/batch/v1';
import type { ContainerStatus, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { countOf, type Intervals, overlap, parseIndexes } from './indexes.ts';

export interface PolicyVerdict {
  action?: 'Ignore' | 'FailJob' | 'FailIndex' | 'Count';
  /** Whether the failure counts against the back-off limit. */
  counts: boolean;
  /** Why the Job fails at once. */
  message?: string;
}

/** What the first rule that fits a failed pod says. */
export function matchFailurePolicy(job: Job, pod: Pod): PolicyVerdict {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const about = `${pod.metadata.namespace}/${pod.metadata.name}`;
    let why: string | undefined;
    if (rule.onExitCodes) {
      const container = exitCodeMatch(pod, rule.onExitCodes);
      if (container) why = `Container ${container.name} for pod ${about} failed with exit code ${container.state!.terminated!.exitCode} matching ${rule.action} rule at index ${index}`;
    } else if (rule.onPodConditions) {
      const condition = pod.status?.conditions?.find((c) => rule.onPodConditions!.some((pattern) => pattern.type === c.type && (pattern.status ?? 'True') === c.status));
      if (condition) why = `Pod ${about} has condition ${condition.type} matching ${rule.action} rule at index ${index}`;
    }
    if (why === undefined) continue;
    switch (rule.action) {
      case 'Ignore':
        return { action: 'Ignore', counts: false };
      case 'FailJob':
        return { action: 'FailJob', counts: true, message: why };
      case 'FailIndex':
        return { action: 'FailIndex', counts: true };
      case 'Count':
        return { action: 'Count', counts: true };
    }
  }
  return { counts: true };
}

function exitCodeMatch(pod: Pod, rule: PodFailurePolicyOnExitCodesRequirement): ContainerStatus | undefined {
  const fits = ({ name, state }: ContainerStatus) => {
    const code = state?.terminated?.exitCode;
    if (!code || (rule.containerName !== undefined && rule.containerName !== name)) return false;
    return rule.operator === 'In' ? rule.values.includes(code) : rule.operator === 'NotIn' ? !rule.values.includes(code) : false;
  };
  return pod.status?.containerStatuses?.find(fits) ?? pod.status?.initContainerStatuses?.find(fits);
}

/** The message where a rule of the success policy is met. */
export function matchSuccessPolicy(job: Job, succeeded: Intervals): string | undefined {
  if (!succeeded.length) return undefined;
  for (const [index, { succeededIndexes, succeededCount }] of (job.spec?.successPolicy?.rules ?? []).entries()) {
    let met: boolean;
    if (succeededIndexes !== undefined) {
      const required = parseIndexes(succeededIndexes, job.spec!.completions!);
      const have = overlap(required, succeeded);
      met = required.length > 0 && (have === countOf(required) || (succeededCount !== undefined && have >= succeededCount));
    } else met = succeededCount !== undefined && countOf(succeeded) >= succeededCount;
    if (met) return `Matched rules at index ${index}`;
  }
  return undefined;
}
