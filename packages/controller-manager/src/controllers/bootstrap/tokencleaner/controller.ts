import { isConflict, isNotFound, keyOf, secrets } from '@pilothouse/apimachinery';
import { defineController, done, requeueAfter } from '@pilothouse/controller-runtime';
import { expiresInMs, isBootstrapToken } from '../token-secret.ts';

/** Deletes bootstrap tokens that have expired. */
export const tokenCleanerController = defineController({
  name: 'token-cleaner-controller',
  aliases: ['tokencleaner'],
  serviceAccount: 'token-cleaner',
  disabledByDefault: true,
  workers: 1,
  watches: [{ type: secrets, keys: (secret, { deleted }) => (!deleted && isBootstrapToken(secret) ? [keyOf(secret)] : []) }],
  async reconcile(key, { client, clock, lister, signal }) {
    const secret = lister(secrets).get(key);
    const left = secret && isBootstrapToken(secret) ? expiresInMs(secret, clock.now()) : undefined;
    if (left === undefined) return done;
    if (left > 0) return requeueAfter(left);
    const { namespace, name, uid } = secret!.metadata;
    try {
      await client.delete(secrets, name!, { namespace, preconditions: { uid }, signal });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
    return done;
  },
});
