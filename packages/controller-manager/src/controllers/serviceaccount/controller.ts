import { namespaces, serviceAccounts } from '@pilothouse/apimachinery';
import { defineController, done, isNamespaceTerminating, itself } from '@pilothouse/controller-runtime';
import { isAlreadyExists } from '@pilothouse/apimachinery';

/** Service accounts that every namespace has. */
const wanted = ['default'];

/** Gives every active namespace its service account `default`. */
export const serviceAccountController = defineController({
  name: 'serviceaccount-controller',
  aliases: ['serviceaccount'],
  serviceAccount: 'service-account-controller',
  workers: 1,
  watches: [itself(namespaces), { type: serviceAccounts, keys: (account, { deleted }) => (deleted ? [account.metadata.namespace!] : []) }],
  async reconcile(namespace, { client, lister, signal }) {
    if (lister(namespaces).get(namespace)?.status?.phase !== 'Active') return done;
    for (const name of wanted) {
      if (lister(serviceAccounts).get(`${namespace}/${name}`)) continue;
      try {
        await client.create(serviceAccounts, { metadata: { name, namespace } }, { signal });
      } catch (error) {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      }
    }
    return done;
  },
});
