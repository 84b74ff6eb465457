import { formatTime } from '@pilothouse/base';
import type { Job, JobCondition } from '@pilothouse/api-schemas/types/batch/v1';

export const condition = (type: string, status: string, reason: string, message: string, nowMs: number): JobCondition => ({ type, status, lastProbeTime: formatTime(nowMs), lastTransitionTime: formatTime(nowMs), reason, message });

/** The condition of the type where it holds. */
export const trueCondition = (job: Job, type: string): JobCondition | undefined => job.status?.conditions?.find((c) => c.type === type && c.status === 'True');

/** With a condition set; undefined where that changes nothing. One that does not hold is not begun with. */
export function withCondition(conditions: readonly JobCondition[] | undefined, next: JobCondition): JobCondition[] | undefined {
  const at = conditions?.findIndex((c) => c.type === next.type) ?? -1;
  if (at < 0) return next.status === 'False' ? undefined : [...(conditions ?? []), next];
  const old = conditions![at];
  if (old.status === next.status && old.reason === next.reason && old.message === next.message) return undefined;
  return conditions!.with(at, next);
}
