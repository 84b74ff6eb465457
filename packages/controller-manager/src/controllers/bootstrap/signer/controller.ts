import { configMaps, isNotFound, secrets } from '@pilothouse/apimachinery';
import { defineController, done } from '@pilothouse/controller-runtime';
import { isBootstrapToken, signedData, tokenNamespace } from '../token-secret.ts';

const clusterInfo = 'kube-public/cluster-info';

/** Signs `kube-public/cluster-info` with the bootstrap tokens, so that who has one can trust it. */
export const bootstrapSignerController = defineController({
  name: 'bootstrap-signer-controller',
  aliases: ['bootstrapsigner'],
  serviceAccount: 'bootstrap-signer',
  disabledByDefault: true,
  workers: 1,
  watches: [
    { type: configMaps, keys: ({ metadata }) => (`${metadata.namespace}/${metadata.name}` === clusterInfo ? [clusterInfo] : []) },
    { type: secrets, keys: (secret) => (isBootstrapToken(secret) ? [clusterInfo] : []) },
  ],
  async reconcile(key, { client, clock, lister, signal }) {
    const map = lister(configMaps).get(key);
    const data = map && signedData(map, lister(secrets).inNamespace(tokenNamespace).filter(isBootstrapToken), clock.now());
    if (!data) return done;
    try {
      await client.update(configMaps, { ...map, data }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return done;
  },
});
