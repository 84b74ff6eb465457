/** Which EndpointSlices a service should have, with as few writes as may be (k8s.io/endpointslice). Pure. */
import type { Endpoint, EndpointPort, EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import type { Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import { nameIsDnsSubdomain, services } from '@pilothouse/apimachinery';
import { canonicalJson, controllerReference, isPodReady, semanticallyEqual } from '@pilothouse/controller-runtime';
import { asksForHints, type HintEvent, type TopologyHints } from './topology.ts';
import { type AddressType, addressesOf, addressTypesOf, belongsInEndpoints, hasClusterIp, headlessLabel, setsHostname, targetPort } from './pods.ts';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedBy = 'endpointslice-controller.k8s.io';

export interface SlicePlan {
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

/** How slices of one owner are made. */
export interface SliceShape {
  maxPerSlice: number;
  /** A slice without endpoints, as it would be created. */
  blank(addressType: AddressType, ports: EndpointPort[]): EndpointSlice;
  /** Labels the slice should have. */
  labels: Record<string, string>;
  /** Annotations it should have; absent: what it has stays. */
  annotations?: Record<string, string>;
  owns(slice: EndpointSlice): boolean;
  /** Hints are seen to afterwards, and are no reason to write a slice. */
  ignoreHints?: boolean;
}

export interface NodeZones {
  /** undefined: no such node. */
  zoneOf(node: string): { zone?: string } | undefined;
}

const reservedLabels = new Set([serviceNameLabel, managedByLabel, headlessLabel]);

/** The service's labels, and those that say whose slice it is. */
export function sliceLabels(service: Service): Record<string, string> {
  const own = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !reservedLabels.has(key));
  return { ...Object.fromEntries(own), ...(!hasClusterIp(service) && { [headlessLabel]: '' }), [serviceNameLabel]: service.metadata.name!, [managedByLabel]: managedBy };
}

export const generateNameFor = (name: string): string => (nameIsDnsSubdomain(`${name}-`, true).length ? name : `${name}-`);

function serviceSliceShape(service: Service, maxPerSlice: number): SliceShape {
  const labels = sliceLabels(service);
  return {
    maxPerSlice,
    labels,
    ignoreHints: asksForHints(service),
    blank: (addressType, ports) => ({
      metadata: { generateName: generateNameFor(service.metadata.name!), namespace: service.metadata.namespace, labels, ownerReferences: [controllerReference(services, service)] },
      addressType, endpoints: [], ports,
    }),
    owns: (slice) => slice.metadata.ownerReferences?.some((ref) => ref.uid === service.metadata.uid && ref.kind === 'Service' && ref.apiVersion === 'v1') ?? false,
  };
}

export interface ServicePlan extends SlicePlan {
  /** Pods that were left out because their nodes are not known: look again later. */
  problems: string[];
  events: HintEvent[];
}

/** The plan for a service. `topology` remembers what hints it gave. */
export function planServiceSlices(service: Service, pods: readonly Pod[], existing: readonly EndpointSlice[], options: { maxPerSlice: number; nodes: NodeZones; topology?: TopologyHints }): ServicePlan {
  const shape = serviceSliceShape(service, options.maxPerSlice);
  const types = addressTypesOf(service);
  const key = `${service.metadata.namespace}/${service.metadata.name}`;
  const plan: ServicePlan = { create: [], update: [], delete: existing.filter((slice) => !types.includes(slice.addressType as AddressType)), problems: [], events: [] };
  for (const type of types) {
    const desired = new Map<string, DesiredPorts>();
    for (const pod of pods) {
      if (!belongsInEndpoints(pod, true)) continue;
      const ports = endpointPorts(service, pod);
      const group = groupFor(desired, ports);
      const node = pod.spec?.nodeName ? options.nodes.zoneOf(pod.spec.nodeName) : undefined;
      if (!node && !service.spec?.publishNotReadyAddresses) {
        plan.problems.push(`skipping Pod ${pod.metadata.name} for Service ${key}: Node ${pod.spec?.nodeName} Not Found`);
        continue;
      }
      const addresses = addressesOf(pod, type);
      if (addresses.length) {
        const endpoint = endpointOf(pod, service, addresses, node?.zone);
        group.endpoints.set(identityOf(endpoint), endpoint);
      }
    }
    const present = existing.filter((slice) => slice.addressType === type);
    let forType = planSlices(present, desired, type, shape);
    if (options.topology && shape.ignoreHints) {
      const touched = new Set([...forType.update, ...forType.delete].map((slice) => slice.metadata.uid));
      const { events, ...hinted } = options.topology.add(key, type, { ...forType, unchanged: present.filter((slice) => !touched.has(slice.metadata.uid)) });
      forType = { ...hinted, delete: forType.delete };
      plan.events.push(...events);
    } else if (options.topology) plan.events.push(...options.topology.remove(key, type));
    plan.create.push(...forType.create);
    plan.update.push(...forType.update);
    plan.delete.push(...forType.delete);
  }
  return plan;
}

export interface DesiredPorts {
  ports: EndpointPort[];
  /** By identity. */
  endpoints: Map<string, Endpoint>;
}

/** Endpoints with the same ports share slices. */
export function groupFor(desired: Map<string, DesiredPorts>, ports: EndpointPort[]): DesiredPorts {
  const key = portsKey(ports);
  let group = desired.get(key);
  if (!group) desired.set(key, (group = { ports, endpoints: new Map() }));
  return group;
}

const portsKey = (ports: readonly EndpointPort[] | undefined | null): string => (ports ?? []).map((port) => canonicalJson(port)).sort().join();

/** What makes an endpoint the same endpoint: where it leads, not how it is. */
export const identityOf = ({ addresses, hostname, targetRef }: Endpoint): string => JSON.stringify([[...addresses].sort(), hostname ?? '', targetRef?.namespace ?? '', targetRef?.name ?? '']);

function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(pod, port);
    if (number !== undefined) ports.push({ name: port.name ?? '', protocol: port.protocol ?? 'TCP', port: number, ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) });
  }
  return ports;
}

function endpointOf(pod: Pod, service: Service, addresses: string[], zone: string | undefined): Endpoint {
  const serving = isPodReady(pod);
  const terminating = !!pod.metadata.deletionTimestamp;
  const { nodeName, hostname } = pod.spec ?? {};
  return {
    addresses,
    conditions: { ready: !!service.spec?.publishNotReadyAddresses || (serving && !terminating), serving, terminating },
    ...(setsHostname(pod, service) && { hostname }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    // Nobody is sent to what is not ready.
    ...((service.spec?.publishNotReadyAddresses || (serving && !terminating)) && hintsFor(service, zone, nodeName)),
  } as Endpoint;
}

/** Where traffic should rather come from, for services that ask for it. */
function hintsFor(service: Service, zone: string | undefined, nodeName: string | undefined): { hints?: Endpoint['hints'] } {
  const wish = asksForHints(service) ? undefined : service.spec?.trafficDistribution;
  const sameNode = wish === 'PreferSameNode';
  if (!sameNode && wish !== 'PreferClose' && wish !== 'PreferSameZone') return {};
  const hints = { ...(zone && { forZones: [{ name: zone }] }), ...(sameNode && nodeName && { forNodes: [{ name: nodeName }] }) };
  return Object.keys(hints).length ? { hints } : {};
}

/** Slices of one address type. */
export function planSlices(existing: readonly EndpointSlice[], desired: ReadonlyMap<string, DesiredPorts>, type: AddressType, shape: SliceShape, options: { placeholder?: boolean } = {}): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    if (!shape.owns(slice)) plan.delete.push(slice);
    else byPorts.set(portsKey(slice.ports), [...(byPorts.get(portsKey(slice.ports)) ?? []), slice]);
  }
  for (const [key, group] of desired) {
    const part = planGroup(byPorts.get(key) ?? [], group, type, shape);
    plan.create.push(...part.create);
    plan.update.push(...part.update);
    plan.delete.push(...part.delete);
    byPorts.delete(key);
  }
  for (const slices of byPorts.values()) plan.delete.push(...slices);
  if ((options.placeholder ?? true) && plan.delete.length === existing.length && !plan.create.length) {
    // A service without endpoints keeps one empty slice.
    const [only] = plan.delete;
    if (plan.delete.length === 1 && shape.owns(only) && !only.endpoints?.length && !only.ports?.length && semanticallyEqual(only.metadata.labels, shape.labels)) plan.delete = [];
    else plan.create.push(shape.blank(type, []));
  }
  return reuse(plan, shape);
}

function planGroup(existing: readonly EndpointSlice[], group: DesiredPorts, type: AddressType, shape: SliceShape): SlicePlan {
  const left = new Map(group.endpoints);
  const plan: SlicePlan = { create: [], update: [], delete: [] };
  const unchanged: EndpointSlice[] = [];
  for (const slice of existing) {
    const kept: Endpoint[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints ?? []) {
      const identity = identityOf(endpoint);
      const wanted = left.get(identity);
      if (!wanted) {
        changed = true;
        continue;
      }
      left.delete(identity);
      kept.push(wanted);
      if (!sameEndpoint(endpoint, wanted, shape.ignoreHints)) changed = true;
    }
    if (changed && kept.length === 0) plan.delete.push(slice);
    else if (changed || !semanticallyEqual(slice.metadata.labels, shape.labels) || (shape.annotations && !semanticallyEqual(slice.metadata.annotations, shape.annotations))) plan.update.push({ ...slice, metadata: { ...slice.metadata, labels: shape.labels, ...(shape.annotations && { annotations: shape.annotations }) }, endpoints: kept });
    else unchanged.push(slice);
  }
  // What is written anyway takes new endpoints first, the fullest first.
  plan.update.sort((a, b) => (b.endpoints?.length ?? 0) - (a.endpoints?.length ?? 0));
  for (const slice of plan.update) fill(slice, left, shape.maxPerSlice);
  while (left.size > 0) {
    const roomy = left.size < shape.maxPerSlice ? closestFit(unchanged, left.size, shape.maxPerSlice) : undefined;
    if (roomy) {
      unchanged.splice(unchanged.indexOf(roomy), 1);
      const updated = { ...roomy, endpoints: [...(roomy.endpoints ?? [])] };
      fill(updated, left, shape.maxPerSlice);
      plan.update.push(updated);
    } else {
      const created = shape.blank(type, group.ports);
      fill(created, left, shape.maxPerSlice);
      plan.create.push(created);
    }
  }
  return plan;
}

function fill(slice: EndpointSlice, left: Map<string, Endpoint>, max: number): void {
  const endpoints = (slice.endpoints ??= []);
  for (const [identity, endpoint] of left) {
    if (endpoints.length >= max) return;
    endpoints.push(endpoint);
    left.delete(identity);
  }
}

/** The slice that would be the fullest with `count` more. */
function closestFit(slices: readonly EndpointSlice[], count: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let least = max;
  for (const slice of slices) {
    const room = max - count - (slice.endpoints?.length ?? 0);
    if (room >= 0 && room < least) {
      least = room;
      best = slice;
    }
  }
  return best;
}

function sameEndpoint(a: Endpoint, b: Endpoint, ignoreHints = false): boolean {
  const view = ({ conditions, nodeName, zone, targetRef, hints }: Endpoint) => ({ conditions, nodeName, zone, uid: targetRef?.uid, hints: ignoreHints ? undefined : hints });
  return semanticallyEqual(view(a), view(b));
}

/** What would be deleted is rather overwritten with what would be created. */
function reuse(plan: SlicePlan, shape: SliceShape): SlicePlan {
  const deleted: EndpointSlice[] = [];
  const created = [...plan.create];
  const updated = [...plan.update];
  for (const slice of plan.delete) {
    const next = created.at(-1);
    if (next && next.addressType === slice.addressType && shape.owns(slice)) {
      created.pop();
      updated.push({ ...next, metadata: { ...slice.metadata, labels: next.metadata.labels } });
    } else deleted.push(slice);
  }
  return { create: created, update: updated, delete: deleted };
}
