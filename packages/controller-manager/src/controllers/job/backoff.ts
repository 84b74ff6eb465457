/** When a Job's pods finished, and how long to wait before another try. Pure. */
import { parseTime } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { podCondition } from '@pilothouse/controller-runtime';

const firstMs = 10_000;
const longestMs = 10 * 60_000;

export interface BackoffRecord {
  failuresAfterLastSuccess: number;
  lastFailureMs?: number;
}

/** By its containers, else by when it ceased to be ready, was deleted, or was made. */
export function finishedMs(pod: Pod): number {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses?.filter((status) => sidecars.has(status.name)) ?? [])];
  const times = statuses.map((status) => status.state?.terminated?.finishedAt);
  if (times.length && times.every((time) => time)) return Math.max(...times.map((time) => parseTime(time!)));
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return parseTime(ready.lastTransitionTime);
  if (pod.metadata.deletionTimestamp) return parseTime(pod.metadata.deletionTimestamp) - (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return parseTime(pod.metadata.creationTimestamp ?? '');
}

/** The record after pods finished: successes end the count, failures after the last success raise it. */
export function nextRecord(record: BackoffRecord | undefined, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const old = record ?? { failuresAfterLastSuccess: 0 };
  const failures = failed.map(finishedMs).sort((a, b) => a - b);
  if (!succeeded.length) return failures.length ? { failuresAfterLastSuccess: old.failuresAfterLastSuccess + failures.length, lastFailureMs: failures.at(-1) } : old;
  const lastSuccess = Math.max(...succeeded.map(finishedMs));
  const later = failures.filter((time) => time > lastSuccess);
  return later.length ? { failuresAfterLastSuccess: later.length, lastFailureMs: later.at(-1) } : { failuresAfterLastSuccess: 0 };
}

/** Milliseconds to wait yet after so many failures, the last at `lastMs`. */
export function remainingMs(failures: number, lastMs: number | undefined, nowMs: number): number {
  if (failures === 0 || lastMs === undefined) return 0;
  return Math.max(0, Math.min(firstMs * 2 ** Math.min(failures - 1, 20), longestMs) - (nowMs - lastMs));
}
