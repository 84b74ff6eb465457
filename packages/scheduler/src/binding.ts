import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim } from '@pilothouse/api-schemas/types/resource/v1';
import { persistentVolumeClaims, persistentVolumes, pods, resourceClaims } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base/clock';
import type { Client } from '@pilothouse/client';
import type { BindingActions } from '@pilothouse/scheduler-framework';
import type { WatchedObjects } from './cluster-objects.ts';

/** How often a condition is looked at where nothing changes. */
const lookAgainMs = 1000;

/** The writes that plugins ask for, done against the API. `stop` ends what waits. */
export function bindingActions(client: Client, clock: Clock, watched: WatchedObjects, stop: AbortSignal): BindingActions {
  return {
    bind: async (pod: Pod, node: string) => {
      const { name, namespace, uid } = pod.metadata;
      await client.createSubresource(pods, name!, 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } }, { namespace });
    },
    updateVolume: (volume: PersistentVolume) => client.update(persistentVolumes, volume),
    updateClaim: (claim: PersistentVolumeClaim) => client.update(persistentVolumeClaims, claim),
    updateResourceClaim: (claim: ResourceClaim) => client.update(resourceClaims, claim),
    updateClaimStatus: (claim: ResourceClaim) => client.updateStatus(resourceClaims, claim),
    waitUntil: (check, timeoutMs) =>
      new Promise<void>((resolve, reject) => {
        const finish = (settle: () => void) => {
          end();
          tick.cancel();
          deadline.cancel();
          stop.removeEventListener('abort', onStop);
          settle();
        };
        const look = () => {
          try {
            if (check()) finish(resolve);
          } catch (error) {
            finish(() => reject(error));
          }
        };
        const onStop = () => finish(() => reject(new Error('the scheduler is stopping')));
        const end = watched.onChange(look);
        const tick = clock.every(lookAgainMs, look);
        const deadline = clock.after(timeoutMs, () => finish(() => reject(new Error('context deadline exceeded'))));
        stop.addEventListener('abort', onStop, { once: true });
        if (stop.aborted) onStop();
      }),
  };
}
