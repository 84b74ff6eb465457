import { type Clock, formatTime } from '@pilothouse/base';
import { pods } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';

const at = { namespace: 'default' };

/** The node's part for the pods of `default`, once: they run and are ready, or succeed; those that were told to go, go. */
export async function pretendKubelet({ client, clock }: { client: Client; clock: Pick<Clock, 'now'> }, how: 'run' | 'succeed' = 'run'): Promise<void> {
  const now = formatTime(clock.now());
  for (const pod of (await client.list(pods, at)).items) {
    const { name, deletionTimestamp } = pod.metadata;
    const say = (status: object) => client.patch(pods, name!, { status }, { ...at, subresource: 'status' });
    if (deletionTimestamp) {
      if (pod.metadata.finalizers?.length && pod.status?.phase === 'Succeeded') continue;
      await client.delete(pods, name!, { ...at, gracePeriodSeconds: 0 }).catch(() => undefined);
    } else if (how === 'run' && pod.status?.phase !== 'Running') await say({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] });
    else if (how === 'succeed' && pod.status?.phase === 'Pending') await say({ phase: 'Succeeded', containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 0, finishedAt: now } } }] });
  }
}
