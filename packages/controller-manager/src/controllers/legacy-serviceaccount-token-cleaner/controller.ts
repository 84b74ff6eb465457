import { messageOf } from '@pilothouse/base';
import { configMaps, isConflict, isNotFound, pods, secrets, serviceAccounts } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, durationFlagMs, readOnly, requeueAfter } from '@pilothouse/controller-runtime';
import { accountKeyOf, isTokenSecret } from '../serviceaccount-token/plan.ts';
import { dateOf, fateOf, invalidSinceLabel, secretsOf, trackedSinceMs } from './plan.ts';

const dayMs = 24 * 3_600_000;
const everything = 'all';
/** Where the API server writes since when it notes the use of tokens. */
const tracking = { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' };

/** Marks, then deletes, tokens in secrets that were not used for a year (`legacy-service-account-token-clean-up-period`). Looks once a day. */
export const legacyTokenCleanerController = defineController({
  name: 'legacy-serviceaccount-token-cleaner-controller',
  aliases: ['legacy-service-account-token-cleaner'],
  serviceAccount: 'legacy-service-account-token-cleaner',
  workers: 1,
  watches: [readOnly(secrets), readOnly(serviceAccounts), readOnly(pods)],
  start: ({ enqueue }) => enqueue(everything),
  async reconcile(_key, context) {
    await clean(context).catch((error) => {
      if (context.signal.aborted) throw error;
      context.log.warn('Could not look through tokens', { reason: messageOf(error) });
    });
    return requeueAfter(dayMs);
  },
});

async function clean(context: ControllerContext): Promise<void> {
  const { client, clock, lister, log, signal } = context;
  const nowMs = clock.now();
  const periodMs = durationFlagMs(context, 'legacy-service-account-token-clean-up-period', 365 * dayMs);
  const map = await client.get(configMaps, tracking.name, { namespace: tracking.namespace, signal }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
  // Where use is not noted, nothing is known to be unused.
  if (!map || nowMs < trackedSinceMs(map.data?.since) + periodMs) return;
  const mounted = new Map<string, Set<string>>();
  for (const secret of lister(secrets).list().filter(isTokenSecret)) {
    const namespace = secret.metadata.namespace!;
    if (!mounted.has(namespace)) mounted.set(namespace, new Set(lister(pods).inNamespace(namespace).flatMap(secretsOf)));
    const fate = fateOf(secret, { account: lister(serviceAccounts).get(accountKeyOf(secret)), mounted: mounted.get(namespace)!, nowMs, periodMs });
    const { name, uid, resourceVersion } = secret.metadata;
    try {
      if (fate === 'mark') await client.patch(secrets, name!, { metadata: { uid, labels: { [invalidSinceLabel]: dateOf(nowMs) } } }, { namespace, signal });
      else if (fate === 'delete') await client.delete(secrets, name!, { namespace, preconditions: { resourceVersion }, signal });
      if (fate !== 'keep') log.info(fate === 'mark' ? 'Marked an unused token as invalid' : 'Deleted an unused token', { secret: `${namespace}/${name}` });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) log.warn('Could not clean up a token', { secret: `${namespace}/${name}`, reason: messageOf(error) });
    }
  }
}
