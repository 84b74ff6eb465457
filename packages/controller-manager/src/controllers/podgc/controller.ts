import { formatTime, messageOf } from '@pilothouse/base';
import type { Pod, PodCondition } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, nodes, pods } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, readOnly } from '@pilothouse/controller-runtime';
import { failedStatus, missingNodes, stuckOutOfService, surplusFinished, unboundGoing } from './plan.ts';

const periodMs = 20_000;
/** A node that is gone may come back under its name; its pods are left so long. */
const quarantineMs = 40_000;

/** Nodes missing, since when. */
type State = Map<string, number>;

/** Deletes pods that nobody will: finished ones beyond a number, those of nodes that are gone or out of service, and unbound ones on their way out. */
export const podGcController = defineController<State>({
  name: 'pod-garbage-collector-controller',
  aliases: ['podgc'],
  serviceAccount: 'pod-garbage-collector',
  workers: 1,
  watches: [readOnly(pods), readOnly(nodes)],
  start(context) {
    const ticking = context.clock.every(periodMs, () => context.enqueue('collect'));
    context.signal.addEventListener('abort', () => ticking.cancel(), { once: true });
    context.enqueue('collect');
    return new Map();
  },
  async reconcile(_key, context, missing) {
    const { clock, lister, flags } = context;
    const all = lister(pods).list();
    const nodeOf = (name: string) => lister(nodes).get(name);
    await each(surplusFinished(all, Number(flags['terminated-pod-gc-threshold'] ?? 12_500)), context);
    await each(stuckOutOfService(all, nodeOf), context);
    await collectOrphans(all, missingNodes(all, nodeOf), context, missing, clock.now());
    await each(unboundGoing(all), context);
    return done;
  },
});

async function collectOrphans(all: readonly Pod[], names: ReadonlySet<string>, context: ControllerContext, missing: State, nowMs: number): Promise<void> {
  const { client, clock, signal } = context;
  for (const name of missing.keys()) if (!names.has(name)) missing.delete(name);
  for (const name of names) {
    const since = missing.get(name);
    if (since === undefined) missing.set(name, nowMs);
    else if (nowMs - since >= quarantineMs) {
      // The cache may be behind: what is deleted here cannot be brought back.
      const exists = await client.get(nodes, name, { signal }).then(() => true, (error) => {
        if (!isNotFound(error)) throw error;
        return false;
      });
      if (exists) continue;
      const condition: PodCondition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', lastTransitionTime: formatTime(clock.now()) };
      await each(all.filter((pod) => pod.spec?.nodeName === name), context, condition);
    }
  }
}

async function each(list: readonly Pod[], context: ControllerContext, condition?: PodCondition): Promise<void> {
  await Promise.all(list.map((pod) => remove(pod, context, condition).catch((error) => context.log.warn('Could not delete a pod', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, reason: messageOf(error) }))));
}

/** Marks an unfinished pod failed, then deletes it without grace. */
async function remove(pod: Pod, { client, signal }: ControllerContext, condition?: PodCondition): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  try {
    const status = failedStatus(pod, condition);
    if (status) await client.patch(pods, name!, { metadata: { uid }, status }, { namespace, subresource: 'status', type: 'strategic', signal });
    await client.delete(pods, name!, { namespace, gracePeriodSeconds: 0, preconditions: { uid }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
