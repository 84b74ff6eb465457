import { groupResource, keyOf, resourceQuotas } from '@pilothouse/apimachinery';
import type { Amounts } from '@pilothouse/apimachinery/quota/amounts';
import { sameAmounts } from '@pilothouse/apimachinery/quota/amounts';
import { type ControllerContext, defineController, done, durationFlagMs, requeueAfter } from '@pilothouse/controller-runtime';
import { type CatalogEntry, crdType, customEntry, resourceCatalog } from '../../resource-catalog.ts';
import { type Followed, followOnDemand } from './followed.ts';
import { limits, mayFree, nextStatus, usedOf } from './plan.ts';

const neededVerbs = ['create', 'list', 'watch', 'delete'];
const ignored = new Set(['events', 'events.events.k8s.io']);
/** A resource that cannot be listed for so long is left out of the count. */
const syncWaitMs = 10_000;
/** Creations are charged by admission; counting after them mends what a cache that lags behind has miscounted. */
const settleMs = 5000;
/** Besides what it is told of, every quota is counted anew so often: pods cease to count by the clock, too. */
const defaultPeriodMs = 5 * 60_000;

/** Counts what is used of quotas, of every kind of object. @see https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export const resourceQuotaController = defineController<Followed>({
  name: 'resourcequota-controller',
  aliases: ['resourcequota'],
  serviceAccount: 'resourcequota-controller',
  watches: [
    {
      type: resourceQuotas,
      keys: (quota, { old, deleted }) => (deleted || (old && sameAmounts((old.spec?.hard ?? {}) as Amounts, (quota.spec?.hard ?? {}) as Amounts)) ? [] : [keyOf(quota)]),
    },
    {
      type: crdType,
      *keys(crd, _change, context) {
        const entry = customEntry(crd);
        if (entry) for (const quota of context.lister(resourceQuotas).list()) if (limits(quota, entry.type)) yield keyOf(quota);
      },
    },
  ],
  start(context) {
    const followed = followOnDemand(context, (type, object, { old, deleted }) => {
      if (old && !mayFree(type, object, old)) return;
      for (const quota of context.lister(resourceQuotas).inNamespace(object.metadata.namespace ?? '')) {
        if (!limits(quota, type)) continue;
        if (old || deleted) context.enqueue(keyOf(quota));
        else context.enqueueAfter(keyOf(quota), settleMs);
      }
    });
    const off = context.informer(crdType).handle({
      delete: ({ spec }) => followed.leave({ group: spec.group, version: '', plural: spec.names.plural, kind: spec.names.kind, namespaced: true }),
    });
    context.signal.addEventListener('abort', off, { once: true });
    return followed;
  },
  async reconcile(key, context, followed) {
    const { client, clock, lister, signal } = context;
    if (!lister(resourceQuotas).get(key)) return done;
    const entries = resourceCatalog(lister(crdType)).entries().filter(({ type, verbs }) => type.namespaced && !ignored.has(groupResource(type)) && neededVerbs.every((verb) => verbs.includes(verb)));
    const concerned = entries.filter(({ type }) => limits(lister(resourceQuotas).get(key)!, type));
    await whenListed(concerned, followed, context);
    const quota = lister(resourceQuotas).get(key);
    if (!quota) return done;
    let counted: Amounts = {};
    const missing: string[] = [];
    for (const entry of concerned) {
      const { synced, lister: objects } = followed.follow(entry);
      if (synced) counted = { ...counted, ...usedOf(quota, entry.type, objects.inNamespace(quota.metadata.namespace!), clock.now()) };
      else missing.push(groupResource(entry.type));
    }
    const status = nextStatus(quota, counted);
    if (status) await client.updateStatus(resourceQuotas, { ...quota, status }, { signal });
    if (missing.length) throw new Error(`could not list ${missing.join(', ')}`);
    return requeueAfter(durationFlagMs(context, 'resource-quota-sync-period', defaultPeriodMs));
  },
});

async function whenListed(entries: readonly CatalogEntry[], followed: Followed, { clock, signal }: ControllerContext): Promise<void> {
  const unlisted = entries.map((entry) => followed.follow(entry)).filter((informer) => !informer.synced);
  if (!unlisted.length) return;
  const giveUp = new AbortController();
  const onAbort = () => giveUp.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = clock.after(syncWaitMs, () => giveUp.abort(new Error('not listed in time')));
  await Promise.all(unlisted.map((informer) => informer.whenSynced(giveUp.signal))).catch(() => undefined);
  timer.cancel();
  signal.removeEventListener('abort', onAbort);
  signal.throwIfAborted();
}
