/** Writes to the status of pods: why one is not scheduled, where it is expected to go. */
import type { Pod, PodCondition } from '@pilothouse/api-schemas/types/core/v1';
import { isConflict, isNotFound, pods, StatusError } from '@pilothouse/apimachinery';
import { type Clock, formatTime } from '@pilothouse/base/clock';
import type { Client } from '@pilothouse/client';
import type { Nominating } from '@pilothouse/scheduler-framework';

export interface StatusChange {
  condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;
  nominating?: Nominating;
}

/** The strategic-merge patch of the status; undefined where nothing changes. */
export function statusPatch(pod: Pod, change: StatusChange, nowMs: number): Record<string, unknown> | undefined {
  const status: Record<string, unknown> = {};
  const { condition, nominating } = change;
  if (condition) {
    const had = pod.status?.conditions?.find((c) => c.type === condition.type);
    const generation = pod.metadata.generation;
    const same = had && had.status === condition.status && had.reason === condition.reason && had.message === condition.message && (generation === undefined || had.observedGeneration === generation);
    if (!same) {
      const lastTransitionTime = had?.status === condition.status ? had.lastTransitionTime : formatTime(nowMs);
      status.conditions = [{ ...condition, lastProbeTime: null, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) }];
    }
  }
  const nominated = pod.status?.nominatedNodeName ?? '';
  if (nominating?.mode === 'override' && nominating.node !== nominated) status.nominatedNodeName = nominating.node || null;
  return Object.keys(status).length ? { status } : undefined;
}

const mostTries = 4;

/** Patches the pod's status; what can pass is tried again. A pod that is gone is no error. */
export async function patchPodStatus(client: Client, clock: Clock, pod: Pod, change: StatusChange): Promise<void> {
  const patch = statusPatch(pod, change, clock.now());
  if (!patch) return;
  for (let tries = 1; ; tries++) {
    try {
      await client.patch(pods, pod.metadata.name!, patch, { namespace: pod.metadata.namespace, type: 'strategic', subresource: 'status' });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      const passing = isConflict(error) || (error instanceof StatusError && error.code >= 500);
      if (!passing || tries >= mostTries) throw error;
      await clock.sleep(10 * 5 ** (tries - 1));
    }
  }
}
