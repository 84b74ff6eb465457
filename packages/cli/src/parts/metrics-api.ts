/** The metrics server put together: measuring, a certificate, the extension server, its place in the cluster's API. */
import { jsonAnswer, serveExtension } from '@pilothouse/apiserver/extension/index';
import { issueAuthority, issueCertificate } from '@pilothouse/apiserver/pki/index';
import type { Runtime, Scope } from '@pilothouse/base';
import type { Client, InformerFactory } from '@pilothouse/client';
import { group, type KubeletAccess, publishMetricsApi, resources, servingName, startMetricsServer, version } from '@pilothouse/metrics-server';

export interface MetricsApi {
  /** May read nodes, pods and `extension-apiserver-authentication`, create reviews, and publish the API. */
  client: Client;
  informers: InformerFactory;
  kubelets: KubeletAccess;
  /** Where it listens, and where the API server reaches it. */
  host: string;
  port: number;
  resolutionMs?: number;
}

const yearMs = 365 * 24 * 3_600_000;

/** Serves until the scope closes; resolves with where it listens, published. @throws UserError for an address that cannot be had */
export async function serveMetricsApi(runtime: Runtime, scope: Scope, { client, informers, kubelets, host, port, resolutionMs }: MetricsApi): Promise<string> {
  const server = scope.own(await startMetricsServer({ runtime, informers, kubelets, resolutionMs }));
  const extension = await serveExtension(runtime, scope, {
    client,
    api: {
      groups: () => [{ name: group, versions: [version], preferredVersion: version }],
      resources: () => resources,
    },
    answer: (request, { info }) => jsonAnswer(server.answer({ verb: info.verb, resource: info.resource, namespace: info.namespace, name: info.name, query: info.query }, { table: /;as=Table/.test(String(request.headers.accept ?? '')) })),
  });
  const now = runtime.clock.now();
  const validity = { notBefore: now - 60_000, notAfter: now + yearMs };
  const authority = await issueAuthority('metrics-server', validity, runtime.random);
  const serving = await issueCertificate(authority, { commonName: servingName, usages: ['server'], names: [servingName] }, validity, runtime.random);
  const listener = await extension.listen({ host, port, tls: { cert: serving.certificate, key: serving.key } });
  await publishMetricsApi(client, { host, port: listener.port, certificateAuthority: authority.certificate });
  return listener.url;
}
