/** The Endpoints object of a service. Pure. */
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { canonicalJson, isPodReady, semanticallyEqual } from '@pilothouse/controller-runtime';
import { sortPorts } from './port-order.ts';
import { addressesOf, addressTypesOf, belongsInEndpoints, hasClusterIp, headlessLabel, setsHostname, targetPort, triggerTimeAnnotation } from '../endpointslice/pods.ts';

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
/** Addresses an Endpoints object may hold; more are cut off. */
const maxAddresses = 1000;

export const isLeaderElectionRecord = (object: Endpoints): boolean => object.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] !== undefined;

interface Offer {
  /** Undefined: the service has no ports. */
  port: EndpointPort | undefined;
  /** By address and pod. */
  addresses: Map<string, { address: EndpointAddress; ready: boolean }>;
}

/** Ports that the same addresses offer, in the same state, stand in one subset. */
export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = !!service.spec?.publishNotReadyAddresses;
  const [family] = addressTypesOf(service);
  const offers = new Map<string, Offer>();
  for (const pod of pods) {
    if (!belongsInEndpoints(pod, publishAll)) continue;
    const [ip] = addressesOf(pod, family);
    if (!ip) continue;
    const ports = service.spec?.ports?.length ? portsOf(service, pod) : hasClusterIp(service) ? [] : [undefined];
    const address = addressOf(pod, service, ip);
    const ready = publishAll || isPodReady(pod);
    for (const port of ports) {
      const key = canonicalJson(port ?? {});
      const offer = offers.get(key) ?? { port, addresses: new Map() };
      offers.set(key, offer);
      const addressKey = `${ip} ${pod.metadata.uid}`;
      offer.addresses.set(addressKey, { address, ready: ready && (offer.addresses.get(addressKey)?.ready ?? true) });
    }
  }
  const groups = new Map<string, { ports: EndpointPort[]; addresses: Offer['addresses'] }>();
  for (const { port, addresses } of offers.values()) {
    const key = [...addresses].map(([address, { ready }]) => `${address} ${ready}`).sort().join('\n');
    const group = groups.get(key) ?? { ports: [], addresses };
    groups.set(key, group);
    if (port) group.ports.push(port);
  }
  const subsets = [...groups.values()].map(({ ports, addresses }) => {
    const those = (state: boolean) => [...addresses.values()].filter(({ ready }) => ready === state).map(({ address }) => address).sort(byAddress);
    const [ready, notReady] = [those(true), those(false)];
    return { ...(ready.length && { addresses: ready }), ...(notReady.length && { notReadyAddresses: notReady }), ...(ports.length && { ports: sortPorts(ports) }) };
  });
  return subsets.sort((a, b) => (canonicalJson(a.ports ?? []) < canonicalJson(b.ports ?? []) ? -1 : 1));
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(pod, port);
    if (number !== undefined) ports.push({ ...(port.name && { name: port.name }), port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) });
  }
  return ports;
}

const addressOf = (pod: Pod, service: Service, ip: string): EndpointAddress => ({
  ip,
  ...(setsHostname(pod, service) && { hostname: pod.spec!.hostname }),
  ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
  targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
});

const byAddress = (a: EndpointAddress, b: EndpointAddress): number => (a.ip !== b.ip ? (a.ip < b.ip ? -1 : 1) : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1);

/** What to write for a service; undefined where `current` is right. */
export function planEndpoints(service: Service, pods: readonly Pod[], current: Endpoints | undefined, trigger: string | undefined): Endpoints | undefined {
  const { subsets, truncated } = truncate(subsetsOf(service, pods));
  const labels = { ...service.metadata.labels };
  delete labels[headlessLabel];
  if (!hasClusterIp(service)) labels[headlessLabel] = '';
  labels[managedByLabel] = 'endpoint-controller';
  if (current && semanticallyEqual(current.subsets, subsets) && semanticallyEqual(current.metadata.labels, labels) && (current.metadata.annotations?.[overCapacityAnnotation] !== undefined) === truncated) return undefined;
  const { [triggerTimeAnnotation]: _, [overCapacityAnnotation]: __, ...annotations } = current?.metadata.annotations ?? {};
  return {
    metadata: {
      ...(current?.metadata ?? { name: service.metadata.name, namespace: service.metadata.namespace }),
      labels,
      annotations: { ...annotations, ...(trigger && { [triggerTimeAnnotation]: trigger }), ...(truncated && { [overCapacityAnnotation]: 'truncated' }) },
    },
    subsets,
  };
}

/** Cuts to the capacity: ready addresses before those that are not, each subset in proportion. */
function truncate(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (field: 'addresses' | 'notReadyAddresses') => subsets.reduce((total, subset) => total + (subset[field]?.length ?? 0), 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= maxAddresses) return { subsets, truncated: false };
  const field = ready > maxAddresses ? 'addresses' : 'notReadyAddresses';
  const room = field === 'addresses' ? maxAddresses : maxAddresses - ready;
  const total = field === 'addresses' ? ready : notReady;
  let left = room;
  const shares = subsets.map((subset) => {
    const share = Math.floor(((subset[field]?.length ?? 0) * room) / total);
    left -= share;
    return share;
  });
  const cut = subsets.map((subset, i) => {
    const extra = Math.min(left, (subset[field]?.length ?? 0) - shares[i]);
    left -= extra;
    const next: EndpointSubset = { ...subset, [field]: subset[field]?.slice(0, shares[i] + extra) };
    if (field === 'addresses') delete next.notReadyAddresses;
    if (!next[field]?.length) delete next[field];
    return next;
  });
  return { subsets: cut.filter((subset) => subset.addresses || subset.notReadyAddresses), truncated: true };
}
