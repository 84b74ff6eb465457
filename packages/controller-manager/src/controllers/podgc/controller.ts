import { formatTime, messageOf } from '@pilothouse/base';
import type { Pod, PodCondition } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, nodes, pods } from '@pilothouse/apimachinery';
import { patchStatus } from '@pilothouse/client';
import { byCreation, type ControllerContext, defineController, done, isPodTerminal, nodeCondition, readOnly } from '@pilothouse/controller-runtime';

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
    const threshold = Number(flags['terminated-pod-gc-threshold'] ?? 12_500);
    if (threshold > 0) {
      const finished = all.filter(isPodTerminal).sort(evictedFirst);
      await each(finished.slice(0, Math.max(0, finished.length - threshold)), context);
    }
    await each(all.filter((pod) => pod.metadata.deletionTimestamp && isOutOfService(pod, context)), context);
    await collectOrphans(all, context, missing, clock.now());
    await each(all.filter((pod) => pod.metadata.deletionTimestamp && !pod.spec?.nodeName), context);
    return done;
  },
});

function isOutOfService(pod: Pod, { lister }: ControllerContext): boolean {
  const node = lister(nodes).get(pod.spec?.nodeName ?? '');
  return !!node && nodeCondition(node, 'Ready')?.status !== 'True' && (node.spec?.taints?.some((taint) => taint.key === 'node.kubernetes.io/out-of-service') ?? false);
}

async function collectOrphans(all: readonly Pod[], context: ControllerContext, missing: State, nowMs: number): Promise<void> {
  const { client, clock, lister, signal } = context;
  const names = new Set(all.map((pod) => pod.spec?.nodeName).filter((name): name is string => !!name && !lister(nodes).get(name)));
  for (const name of missing.keys()) if (!names.has(name)) missing.delete(name);
  for (const name of names) {
    const since = missing.get(name);
    if (since === undefined) missing.set(name, nowMs);
    else if (nowMs - since >= quarantineMs) {
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
  const { namespace, name, uid, generation } = pod.metadata;
  try {
    if (!isPodTerminal(pod)) {
      const others = pod.status?.conditions?.filter((c) => c.type !== condition?.type) ?? [];
      const conditions = condition && { conditions: [...others, { ...condition, ...(generation && { observedGeneration: generation }) }] };
      await patchStatus(client, pods, name!, { phase: 'Failed', ...conditions }, { namespace, signal });
    }
    await client.delete(pods, name!, { namespace, gracePeriodSeconds: 0, preconditions: { uid }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

const isEvicted = (pod: Pod): boolean => pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted';
const evictedFirst = (a: Pod, b: Pod): number => Number(isEvicted(b)) - Number(isEvicted(a)) || byCreation(a, b);
