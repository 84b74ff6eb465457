import { messageOf, parseTime } from '@pilothouse/base';
import type { Namespace, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isNotFound, type KubeObject, namespaces, pods, StatusError } from '@pilothouse/apimachinery';
import { clone, discover, listAll, retryOnConflict, type ServedResource, staleMessage } from '@pilothouse/client';
import { type ControllerContext, defineController, done, isPodTerminal, requeueAfter } from '@pilothouse/controller-runtime';
import { namespaceConditions, type Remains } from './plan.ts';

/** Time for every API server's caches to learn that nothing more is to be created in the namespace. */
const settleMs = 5000;
/** How long objects with finalizers are taken to need. */
const finalizerEstimateSeconds = 15;
const finalizer = 'kubernetes';
/** Resources emptied side by side. */
const side = 8;

/** Empties namespaces that are being deleted, pods first, and lets them go. @see https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/ */
export const namespaceController = defineController({
  name: 'namespace-controller',
  aliases: ['namespace'],
  serviceAccount: 'namespace-controller',
  workers: 10,
  watches: [
    {
      type: namespaces,
      keys(namespace, { deleted }, context) {
        if (!deleted && namespace.metadata.deletionTimestamp && namespace.spec?.finalizers?.length) context.enqueueAfter(namespace.metadata.name!, settleMs);
        return [];
      },
    },
  ],
  async reconcile(name, context) {
    const { client, clock, signal } = context;
    const found = await client.get(namespaces, name, { signal }).catch(absent);
    if (!found?.metadata.deletionTimestamp) return done;
    const namespace = found.status?.phase === 'Terminating' ? found : await client.updateStatus(namespaces, { ...found, status: { ...found.status, phase: 'Terminating' } }, { signal });
    if (!namespace.spec?.finalizers?.includes(finalizer)) return done;
    const result = await empty(namespace, context);
    const conditions = namespaceConditions(namespace.status?.conditions, { ...result, nowMs: clock.now() });
    if (conditions) await client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, conditions } }, { signal }).catch((error) => context.log.debug('Could not write the conditions of a namespace', { namespace: name, reason: messageOf(error) }));
    const problems = [...(result.stale.length ? [staleMessage(result.stale)] : []), ...result.errors];
    if (problems.length) throw new Error(problems.join(', '));
    if (result.estimateSeconds > 0) return requeueAfter((Math.floor(result.estimateSeconds / 2) + 1) * 1000);
    await retryOnConflict(clock, async () => {
      const latest = await client.get(namespaces, name, { signal }).catch(absent);
      if (!latest || latest.metadata.uid !== namespace.metadata.uid) return;
      const next = clone(latest);
      next.spec = { ...next.spec, finalizers: next.spec?.finalizers?.filter((f) => f !== finalizer) };
      await client.update(namespaces, next, { subresource: 'finalize', signal }).catch(absent);
    });
    return done;
  },
});

function absent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

interface Emptied {
  errors: string[];
  /** Groups of which nobody could tell what they have. */
  stale: readonly string[];
  remains?: Remains;
  /** Seconds until what is left may be gone; 0: nothing is left. */
  estimateSeconds: number;
}

async function empty(namespace: Namespace, context: ControllerContext): Promise<Emptied> {
  const result: Emptied & { remains: Remains } = { errors: [], stale: [], estimateSeconds: 0, remains: { byResource: new Map(), byFinalizer: new Map() } };
  const add = (entry: ServedResource, left: { items: readonly KubeObject[]; estimateSeconds: number; error?: string }) => {
    if (left.error) result.errors.push(left.error);
    result.estimateSeconds = Math.max(result.estimateSeconds, left.estimateSeconds);
    if (!left.items.length) return;
    result.remains.byResource.set(`${entry.type.plural}.${entry.type.group}`, left.items.length);
    for (const item of left.items) for (const f of item.metadata.finalizers ?? []) result.remains.byFinalizer.set(f, (result.remains.byFinalizer.get(f) ?? 0) + 1);
  };
  // Asked for each time: what was served a moment ago may have objects that nobody else would delete.
  const { resources, stale } = await discover(context.client, { signal: context.signal });
  result.stale = stale;
  const all = resources.filter(({ type, verbs }) => type.namespaced && verbs.includes('delete'));
  // Pods go first: what they use must not be pulled from under them.
  const isPods = ({ type }: ServedResource) => type.group === '' && type.plural === 'pods';
  for (const entry of all.filter(isPods)) add(entry, await emptyResource(entry, namespace, context));
  if (result.remains.byResource.size) return { errors: result.errors, stale, estimateSeconds: result.estimateSeconds };
  const others = all.filter((entry) => !isPods(entry));
  for (let i = 0; i < others.length; i += side) await Promise.all(others.slice(i, i + side).map(async (entry) => add(entry, await emptyResource(entry, namespace, context))));
  return result;
}

/** Deletes all objects of a resource and says what is left. */
async function emptyResource({ type, verbs }: ServedResource, { metadata }: Namespace, context: ControllerContext): Promise<{ items: readonly KubeObject[]; estimateSeconds: number; error?: string }> {
  const { client, clock, signal } = context;
  const namespace = metadata.name!;
  const list = async (metadataOnly: boolean) => (await listAll(client, type, { namespace, metadataOnly, signal })).items;
  let estimateSeconds = 0;
  try {
    if (type === pods || (type.plural === 'pods' && type.group === '')) {
      const running = ((await list(false)) as Pod[]).filter((pod) => !isPodTerminal(pod));
      estimateSeconds = Math.max(0, ...running.map((pod) => pod.spec?.terminationGracePeriodSeconds ?? 0));
      if (clock.now() - parseTime(metadata.deletionTimestamp!) >= estimateSeconds * 1000) estimateSeconds = 0;
    }
    if (verbs.includes('deletecollection')) await client.deleteCollection(type, { namespace, propagationPolicy: 'Background', signal });
    else for (const item of await list(true)) await client.delete(type, item.metadata.name!, { namespace, propagationPolicy: 'Background', signal }).catch(absent);
    const items = await list(true);
    if (!items.length) return { items, estimateSeconds: 0 };
    if (estimateSeconds) return { items, estimateSeconds };
    if (items.some((item) => item.metadata.finalizers?.length)) return { items, estimateSeconds: finalizerEstimateSeconds };
    return { items, estimateSeconds: 0, error: `unexpected items still remain in namespace: ${namespace} for gvr: ${type.group}/${type.version}, Resource=${type.plural}` };
  } catch (error) {
    if (signal.aborted) throw error;
    // Not served here (any more): nothing to delete.
    if (error instanceof StatusError && (error.code === 404 || error.code === 405)) return { items: [], estimateSeconds: 0 };
    return { items: [], estimateSeconds, error: messageOf(error) };
  }
}
