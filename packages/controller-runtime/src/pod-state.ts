/** What controllers read off pods. */
import { parseTime } from '@pilothouse/base';
import type { Pod, PodCondition } from '@pilothouse/api-schemas/types/core/v1';

export const podCondition = (pod: Pod, type: string): PodCondition | undefined => pod.status?.conditions?.find((condition) => condition.type === type);
export const isPodReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';
export const isPodTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
/** Neither finished nor being deleted. */
export const isPodActive = (pod: Pod): boolean => !isPodTerminal(pod) && !pod.metadata.deletionTimestamp;
/** Being deleted, but not finished. */
export const isPodTerminating = (pod: Pod): boolean => !isPodTerminal(pod) && !!pod.metadata.deletionTimestamp;

/** When the pod became ready, in ms; undefined where it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const ready = podCondition(pod, 'Ready');
  return ready?.status === 'True' && ready.lastTransitionTime ? parseTime(ready.lastTransitionTime) : undefined;
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readySinceMs(pod);
  return since !== undefined && since + minReadySeconds * 1000 <= nowMs;
}

/** Milliseconds until the next of `pods` becomes available; undefined where none is on its way there. */
export function nextAvailabilityMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  let least: number | undefined;
  if (minReadySeconds <= 0) return undefined;
  for (const pod of pods) {
    const since = readySinceMs(pod);
    if (since === undefined) continue;
    const left = since + minReadySeconds * 1000 - nowMs;
    if (left > 0 && (least === undefined || left < least)) least = left;
  }
  return least;
}
