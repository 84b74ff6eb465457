import { readFile } from 'node:fs/promises';
import { configMaps, isAlreadyExists, isNotFound, namespaces } from '@pilothouse/apimachinery';
import { defineController, done, isNamespaceTerminating } from '@pilothouse/controller-runtime';
import { semanticallyEqual } from '@pilothouse/controller-runtime';

const name = 'kube-root-ca.crt';
const descriptionAnnotation = 'kubernetes.io/description';
const description = 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Publishes the cluster's authority (`root-ca-file`: a path, or the PEM itself) as a config map in every namespace. */
export const rootCaPublisherController = defineController<string | undefined>({
  name: 'root-ca-certificate-publisher-controller',
  aliases: ['root-ca-cert-publisher'],
  serviceAccount: 'root-ca-cert-publisher',
  workers: 1,
  watches: [
    { type: namespaces, keys: (namespace, { old, deleted }) => (deleted || (old && namespace.status?.phase !== 'Active') ? [] : [namespace.metadata.name!]) },
    { type: configMaps, keys: (map, { old, deleted }) => (map.metadata.name === name && (old || deleted) ? [map.metadata.namespace!] : []) },
  ],
  async start({ flags, log }) {
    const given = flags['root-ca-file'];
    if (typeof given !== 'string' || !given) {
      log.info('No root-ca-file given, kube-root-ca.crt is not published');
      return undefined;
    }
    return given.includes('-----BEGIN') ? given : readFile(given, 'utf8');
  },
  async reconcile(namespace, { client, lister, signal }, rootCa) {
    if (rootCa === undefined || !lister(namespaces).get(namespace)) return done;
    const data = { 'ca.crt': rootCa };
    const current = lister(configMaps).get(`${namespace}/${name}`);
    if (!current) {
      try {
        await client.create(configMaps, { metadata: { name, namespace, annotations: { [descriptionAnnotation]: description } }, data }, { signal });
      } catch (error) {
        if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceTerminating(error)) throw error;
      }
      return done;
    }
    if (semanticallyEqual(current.data, data) && current.metadata.annotations?.[descriptionAnnotation]) return done;
    await client.update(configMaps, { ...current, data, metadata: { ...current.metadata, annotations: { ...current.metadata.annotations, [descriptionAnnotation]: description } } }, { signal });
    return done;
  },
});
