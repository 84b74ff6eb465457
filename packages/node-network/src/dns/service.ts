/** Makes cluster DNS reachable: the `kube-dns` Service and the endpoint behind it. */
import { endpointSlices, isAlreadyExists, isConflict, isNotFound, services } from '@pilothouse/apimachinery';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import type { Client } from '@pilothouse/client';

const namespace = 'kube-system';
const name = 'kube-dns';

/** Creates or mends both; `address:port` is where the DNS server listens. */
export async function publishDnsService(client: Client, options: { clusterIP: string; address: string; port: number }): Promise<void> {
  const service: Service = {
    apiVersion: 'v1', kind: 'Service',
    metadata: { name, namespace, labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' } },
    spec: { clusterIP: options.clusterIP, ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: options.port }, { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: options.port }] },
  };
  await ensureService(client, service);
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice',
    metadata: { name: `${name}-pilothouse`, namespace, labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'pilothouse-dns' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [options.address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [{ name: 'dns', port: options.port, protocol: 'UDP' }, { name: 'dns-tcp', port: options.port, protocol: 'TCP' }],
  };
  for (let attempt = 0; ; attempt++) {
    try {
      const current = await client.get(endpointSlices, slice.metadata.name!, { namespace });
      await client.update(endpointSlices, { ...slice, metadata: { ...slice.metadata, resourceVersion: current.metadata.resourceVersion } });
      return;
    } catch (error) {
      if (isNotFound(error)) {
        try {
          await client.create(endpointSlices, slice);
          return;
        } catch (inner) {
          if (!isAlreadyExists(inner) || attempt >= 3) throw inner;
        }
      } else if (!isConflict(error) || attempt >= 3) throw error;
    }
  }
}

/** Asks first: creating a Service whose address is taken, if only by itself, is refused for the address. */
async function ensureService(client: Client, wanted: Service): Promise<void> {
  const current = await client.get(services, name, { namespace }).catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (!current) {
    await client.create(services, wanted).catch((error) => { if (!isAlreadyExists(error)) throw error; });
    return;
  }
  const portsOf = (s: Service) => JSON.stringify((s.spec?.ports ?? []).map((p) => [p.name, p.port, p.protocol, p.targetPort]));
  if (portsOf(current) !== portsOf(wanted)) await client.update(services, { ...current, spec: { ...current.spec, ports: wanted.spec!.ports } });
}
