/** Which endpoints each service port has on this node: a pure view of Services and EndpointSlices. */
import type { Service, ServicePort } from '@pilothouse/api-schemas/types/core/v1';
import type { Endpoint, EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';

export interface Backend {
  address: string;
  port: number;
}

/** One port of a service as the proxy forwards it. */
export interface ServicePortPlan {
  /** `namespace/name:port`. */
  name: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  /** Addresses inside the cluster, with `port`. */
  clusterIPs: string[];
  /** Addresses from outside (external IPs, load balancer addresses), with `port`. */
  externalIPs: string[];
  port: number;
  nodePort: number | undefined;
  /** Where traffic to the cluster IPs goes. */
  internal: Backend[];
  /** Where traffic from outside goes. */
  external: Backend[];
  /** Traffic from outside keeps its source address (externalTrafficPolicy Local). */
  externalLocal: boolean;
  /** Seconds a client stays with its endpoint; undefined: no affinity. */
  affinitySeconds: number | undefined;
  /** Source ranges admitted to load balancer addresses; empty: all. */
  sourceRanges: string[];
}

export interface NodeView {
  nodeName: string;
  zone: string | undefined;
}

interface Candidate extends Backend {
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  nodeName: string | undefined;
  zones: string[] | undefined;
  nodes: string[] | undefined;
}

const isIPv4 = (address: string) => !address.includes(':');

/** `slices` are those of the service. Headless and ExternalName services have no plan. Order: by port as in the service. */
export function planService(service: Service, slices: readonly EndpointSlice[], node: NodeView): ServicePortPlan[] {
  const spec = service.spec;
  if (!spec || spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return [];
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP]).filter(isIPv4);
  const balancer = (service.status?.loadBalancer?.ingress ?? []).filter((i) => i.ip && i.ipMode !== 'Proxy').map((i) => i.ip!);
  const externalIPs = [...(spec.externalIPs ?? []), ...balancer].filter(isIPv4);
  const externalLocal = spec.externalTrafficPolicy === 'Local' && (spec.type === 'NodePort' || spec.type === 'LoadBalancer');
  return (spec.ports ?? []).map((port) => {
    const candidates = candidatesFor(port, slices);
    const usable = selectUsable(candidates);
    const everywhere = preferClose(usable, node);
    const local = selectUsable(candidates.filter((c) => c.nodeName === node.nodeName));
    return {
      name: `${service.metadata.namespace}/${service.metadata.name}:${port.name ?? ''}`,
      protocol: (port.protocol ?? 'TCP').toLowerCase() as ServicePortPlan['protocol'],
      clusterIPs,
      externalIPs,
      port: port.port,
      nodePort: port.nodePort || undefined,
      internal: backends(spec.internalTrafficPolicy === 'Local' ? local : everywhere),
      external: backends(externalLocal ? local : everywhere),
      externalLocal,
      affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : undefined,
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).filter(isIPv4),
    };
  });
}

function candidatesFor(port: ServicePort, slices: readonly EndpointSlice[]): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    for (const slicePort of slice.ports ?? []) {
      if ((slicePort.name ?? '') !== (port.name ?? '') || (slicePort.protocol ?? 'TCP') !== (port.protocol ?? 'TCP') || !slicePort.port) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const candidate = candidateOf(endpoint, slicePort.port);
        if (candidate) found.set(`${candidate.address}:${candidate.port}`, candidate);
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1));
}

function candidateOf(endpoint: Endpoint, port: number): Candidate | undefined {
  const address = endpoint.addresses?.[0];
  if (!address) return undefined;
  const { ready, serving, terminating } = endpoint.conditions ?? {};
  return { address, port, ready: ready ?? true, serving: serving ?? ready ?? true, terminating: terminating ?? false, nodeName: endpoint.nodeName, zones: endpoint.hints?.forZones?.map((z) => z.name), nodes: endpoint.hints?.forNodes?.map((n) => n.name) };
}

/** Ready endpoints; where there are none, those that still serve while they terminate (KEP-1669). */
function selectUsable(candidates: readonly Candidate[]): Candidate[] {
  const ready = candidates.filter((c) => c.ready);
  return ready.length ? ready : candidates.filter((c) => c.serving && c.terminating);
}

/** Hints keep traffic on the node or in the zone, when every endpoint carries them and some match (KEP-2433, KEP-4444). */
function preferClose(candidates: Candidate[], node: NodeView): Candidate[] {
  if (!candidates.length) return candidates;
  if (candidates.every((c) => c.nodes?.length)) {
    const near = candidates.filter((c) => c.nodes!.includes(node.nodeName));
    if (near.length) return near;
  }
  if (node.zone && candidates.every((c) => c.zones?.length)) {
    const near = candidates.filter((c) => c.zones!.includes(node.zone!));
    if (near.length) return near;
  }
  return candidates;
}

const backends = (candidates: readonly Candidate[]): Backend[] => candidates.map(({ address, port }) => ({ address, port }));
