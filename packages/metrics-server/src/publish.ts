/** Makes the metrics server a part of the cluster's API: a Service that names its address, an APIService, and who may read. */
import { apiServices, clusterRoles, isAlreadyExists, isConflict, isNotFound, type KubeObject, type ResourceType, services } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { group, version } from './api.ts';

const namespace = 'kube-system';
const name = 'metrics-server';
const apiServiceName = `${version}.${group}`;
/** Tells what is published here from a metrics server that somebody else has put there. */
const labels = { 'k8s-app': name, 'app.kubernetes.io/managed-by': 'pilothouse' };

/** The name that the server's certificate must be good for. */
export const servingName = `${name}.${namespace}.svc`;

export interface Published {
  /** Where the server listens, as the API server reaches it. */
  host: string;
  port: number;
  /** Authority of its certificate, PEM; absent: the certificate is not checked. */
  certificateAuthority?: string;
}

/** Creates or mends all of it. The Service is of type ExternalName, so it needs no service proxy. */
export async function publishMetricsApi(client: Client, { host, port, certificateAuthority }: Published): Promise<void> {
  await ensure(client, services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, labels }, spec: { type: 'ExternalName', externalName: host, ports: [{ name: 'https', port, protocol: 'TCP', targetPort: port }] } });
  await ensure(client, clusterRoles, {
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole',
    metadata: { name: 'system:aggregated-metrics-reader', labels: { ...labels, ...Object.fromEntries(['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true'])) } },
    rules: [{ apiGroups: [group], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  });
  const trust = certificateAuthority ? { caBundle: Buffer.from(certificateAuthority).toString('base64') } : { insecureSkipTLSVerify: true };
  await ensure(client, apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService',
    metadata: { name: apiServiceName, labels },
    spec: { group, version, groupPriorityMinimum: 100, versionPriority: 100, service: { name, namespace, port }, ...trust },
  });
}

/**
 * Takes back what an earlier run published, where none serves it now: a group version that nobody answers for would hold
 * up the deletion of every namespace. What others have published stays.
 */
export async function withdrawMetricsApi(client: Client): Promise<void> {
  const absent = (error: unknown): undefined => {
    if (!isNotFound(error)) throw error;
  };
  const found = await client.get(apiServices, apiServiceName).catch(absent);
  if (found?.metadata.labels?.['app.kubernetes.io/managed-by'] !== labels['app.kubernetes.io/managed-by']) return;
  await client.delete(apiServices, apiServiceName).catch(absent);
  await client.delete(services, name, { namespace }).catch(absent);
}

/** Written over what is there; whoever else changes it at the same time is let through first. */
async function ensure<T extends KubeObject>(client: Client, type: ResourceType<T>, wanted: T): Promise<void> {
  const { name: own, namespace: at } = wanted.metadata;
  for (let attempt = 0; ; attempt++) {
    try {
      const current = await client.get(type, own!, { namespace: at }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      if (current) await client.update(type, { ...wanted, metadata: { ...wanted.metadata, resourceVersion: current.metadata.resourceVersion } });
      else await client.create(type, wanted);
      return;
    } catch (error) {
      if (attempt >= 3 || !(isConflict(error) || isAlreadyExists(error))) throw error;
    }
  }
}
