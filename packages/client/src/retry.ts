import { type Clock } from '@pilothouse/base';
import { isConflict, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { Client, NamespaceOption } from './contract.ts';

/** Runs `attempt` again while it fails with Conflict: five times in all, 10 ms apart (client-go's `DefaultRetry`). */
export async function retryOnConflict<R>(clock: Clock, attempt: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || tries >= 5) throw error;
      await clock.sleep(10);
    }
  }
}

/** Merge-patches `status` of an object through its status subresource. */
export const patchStatus = <T extends KubeObject>(client: Client, type: ResourceType<T>, name: string, status: unknown, options: NamespaceOption = {}): Promise<T> =>
  client.patch(type, name, { status }, { ...options, subresource: 'status', type: 'merge' });
