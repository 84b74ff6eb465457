import { formatTime } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, pods } from '@pilothouse/apimachinery';
import { patchStatus } from '@pilothouse/client';
import { type ControllerContext, podCondition, semanticallyEqual } from '@pilothouse/controller-runtime';

/** Says in the pod's status why it goes, and deletes it. A pod that is gone already, or was replaced, is fine. */
export async function evictByTaint(pod: Pod, why: { reason: string; message: string }, { client, clock, signal }: ControllerContext): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  const old = podCondition(pod, 'DisruptionTarget');
  const condition = { type: 'DisruptionTarget', status: 'True', ...why, lastTransitionTime: old?.status === 'True' ? old.lastTransitionTime : formatTime(clock.now()), ...(pod.metadata.generation && { observedGeneration: pod.metadata.generation }) };
  try {
    if (!semanticallyEqual(old, condition)) {
      const conditions = [...(pod.status?.conditions?.filter((c) => c.type !== 'DisruptionTarget') ?? []), condition];
      await patchStatus(client, pods, name!, { conditions }, { namespace, signal });
    }
    await client.delete(pods, name!, { namespace, preconditions: { uid }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
