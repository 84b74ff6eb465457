/**
 * Topology aware hints (`service.kubernetes.io/topology-mode: Auto`): endpoints are shared out to zones in the proportion
 * of the zones' CPU, each to its own zone as far as that goes (k8s.io/endpointslice/topologycache).
 */
import type { Node, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { Endpoint, EndpointSlice } from '@pilothouse/api-schemas/types/discovery/v1';
import { milliValue, parseQuantity } from '@pilothouse/apimachinery';
import { nodeCondition } from '@pilothouse/controller-runtime';
import type { AddressType } from './pods.ts';

/** A zone's endpoints may have to bear this much more than their share. */
const overload = 0.2;

export interface HintEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface Slices {
  create: EndpointSlice[];
  update: EndpointSlice[];
  unchanged: readonly EndpointSlice[];
}

interface Allocation {
  minimum: number;
  maximum: number;
  desired: number;
}

export const asksForHints = ({ metadata }: Service): boolean => ['Auto', 'auto'].includes(metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] ?? metadata.annotations?.['service.kubernetes.io/topology-mode'] ?? '');

/** Each zone's share of the CPU of ready nodes; undefined where that cannot be told, or there is one zone only. */
export function zoneRatios(nodes: readonly Node[]): Map<string, number> | undefined {
  const byZone = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    const labels = node.metadata.labels ?? {};
    if ('node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels || nodeCondition(node, 'Ready')?.status !== 'True') continue;
    const zone = labels['topology.kubernetes.io/zone'];
    const cpu = milliValue(parseQuantity(String(node.status?.allocatable?.cpu ?? '0')));
    if (!zone || !cpu) return undefined;
    total += cpu;
    byZone.set(zone, (byZone.get(zone) ?? 0) + cpu);
  }
  return byZone.size < 2 ? undefined : new Map([...byZone].map(([zone, cpu]) => [zone, cpu / total]));
}

const isReady = (endpoint: Endpoint): boolean => endpoint.conditions?.ready === true;
const ready = (slices: readonly EndpointSlice[]): Endpoint[] => slices.flatMap((slice) => (slice.endpoints ?? []).filter(isReady));

/** How many endpoints each zone should get; a text says why there can be no shares. */
function allocate(ratios: ReadonlyMap<string, number> | undefined, count: number): Map<string, Allocation> | string {
  if (!ratios) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  if (ratios.size > count) return `Insufficient number of endpoints (${count} endpoints, ${ratios.size} zones)`;
  let least = 0;
  const allocations = new Map<string, Allocation>();
  for (const [zone, ratio] of ratios) {
    const desired = ratio * count;
    const minimum = Math.ceil(desired * (1 / (1 + overload)));
    least += minimum;
    if (least > count) return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${count} endpoints, ${ratios.size} zones)`;
    allocations.set(zone, { minimum, desired: Math.max(desired, minimum), maximum: 0 });
  }
  for (const allocation of allocations.values()) allocation.maximum = allocation.minimum + count - least;
  return allocations;
}

/** Hints of a slice by zone, where it can stay as it is. */
function hintsOf(slice: EndpointSlice, allocated: ReadonlyMap<string, number>, allocations: ReadonlyMap<string, Allocation>): Map<string, number> | undefined {
  const found = new Map<string, number>();
  for (const endpoint of (slice.endpoints ?? []).filter(isReady)) {
    const zones = endpoint.hints?.forZones ?? [];
    if (!zones.length || zones.some(({ name }) => !allocations.has(name))) return undefined;
    for (const { name } of zones) found.set(name, (found.get(name) ?? 0) + 1);
  }
  for (const [zone, count] of found) if (count + (allocated.get(zone) ?? 0) > allocations.get(zone)!.maximum) return undefined;
  return found;
}

const most = (zones: ReadonlyMap<string, number>): [string, number] => [...zones].reduce<[string, number]>((best, entry) => (entry[1] > best[1] ? entry : best), ['', 0]);

/** How many endpoints zones should give to others, and get from them. */
function exchange(allocations: ReadonlyMap<string, Allocation>, allocated: ReadonlyMap<string, number>): { give: Map<string, number>; receive: Map<string, number> } {
  const surplus = new Map<string, number>();
  const lack = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const has = allocated.get(zone) ?? 0;
    if (has > desired) surplus.set(zone, has - desired);
    else if (has < desired) lack.set(zone, desired - has);
  }
  const give = new Map<string, number>();
  const receive = new Map<string, number>();
  for (;;) {
    const [giver, toGive] = most(surplus);
    const [receiver, toReceive] = most(lack);
    if (!giver || !receiver || (toGive < 1 && toReceive < 1) || toGive < 0.5 || toReceive < 0.5) return { give, receive };
    give.set(giver, (give.get(giver) ?? 0) + 1);
    receive.set(receiver, (receive.get(receiver) ?? 0) + 1);
    surplus.set(giver, toGive - 1);
    lack.set(receiver, toReceive - 1);
  }
}

const withHints = (slice: EndpointSlice, hint: (endpoint: Endpoint) => string | undefined): EndpointSlice => ({
  ...slice,
  endpoints: slice.endpoints?.map((endpoint) => {
    const { hints: _, ...rest } = endpoint;
    const zone = hint(endpoint);
    return zone === undefined ? (rest as Endpoint) : { ...rest, hints: { forZones: [{ name: zone }] } };
  }),
});

/** The slices without hints; unchanged ones that have some are to be written. */
export function withoutHints({ create, update, unchanged }: Slices): Pick<Slices, 'create' | 'update'> {
  const strip = (slice: EndpointSlice) => withHints(slice, () => undefined);
  return { create: create.map(strip), update: [...update.map(strip), ...unchanged.filter((slice) => slice.endpoints?.some((endpoint) => endpoint.hints)).map(strip)] };
}

/** The slices of one address type with hints, and how many hints each zone has; a text says why there are none. Pure. */
export function addHints(slices: Slices, ratios: ReadonlyMap<string, number> | undefined): (Pick<Slices, 'create' | 'update'> & { byZone: Map<string, number> }) | string {
  const allocations = allocate(ratios, ready([...slices.create, ...slices.update, ...slices.unchanged]).length);
  if (typeof allocations === 'string') return allocations;
  const byZone = new Map<string, number>();
  const count = (zone: string, by: number) => byZone.set(zone, (byZone.get(zone) ?? 0) + by);
  const update = [...slices.update];
  for (const slice of slices.unchanged) {
    const found = hintsOf(slice, byZone, allocations);
    if (!found) update.push(slice);
    else for (const [zone, hints] of found) count(zone, hints);
  }
  for (const endpoint of ready([...slices.create, ...update])) {
    if (!endpoint.zone) return 'One or more endpoints do not have a zone specified';
    count(endpoint.zone, 1);
  }
  if (!byZone.size) return 'No hints allocated for zones';
  const { give, receive } = exchange(allocations, byZone);
  const take = (from: Map<string, number>, zone: string) => (from.get(zone) === 1 ? from.delete(zone) : from.set(zone, from.get(zone)! - 1));
  const assign = (slice: EndpointSlice) =>
    withHints(slice, (endpoint) => {
      if (!isReady(endpoint)) return undefined;
      const own = endpoint.zone!;
      const [receiver] = receive.keys();
      if (!give.has(own) || receiver === undefined) return own;
      take(give, own);
      take(receive, receiver);
      count(own, -1);
      count(receiver, 1);
      return receiver;
    });
  return { create: slices.create.map(assign), update: update.map(assign), byZone };
}

/** Whether a zone has fewer endpoints of a service than it should. */
export function isOverloaded(byZone: ReadonlyMap<string, number>, ratios: ReadonlyMap<string, number> | undefined): boolean {
  if (!byZone.size) return false;
  if (!ratios) return true;
  const total = [...byZone.values()].reduce((sum, count) => sum + count, 0);
  return [...ratios].some(([zone, ratio]) => (byZone.get(zone) ?? -1) < Math.ceil(total * ratio * (1 / (1 + overload))));
}

/** What has been handed out so far, for all services. */
export interface TopologyHints {
  setNodes(nodes: readonly Node[]): void;
  /** Keys of services whose hints fit the nodes no longer. */
  overloaded(): string[];
  /** Hints for a service that asks for them. */
  add(key: string, type: AddressType, slices: Slices): Pick<Slices, 'create' | 'update'> & { events: HintEvent[] };
  /** For a service that does not, or no longer. */
  remove(key: string, type: AddressType): HintEvent[];
}

export function createTopologyHints(): TopologyHints {
  let ratios: Map<string, number> | undefined;
  const handedOut = new Map<string, Map<AddressType, Map<string, number>>>();
  const drop = (key: string, type: AddressType): boolean => {
    const types = handedOut.get(key);
    const had = types !== undefined;
    types?.delete(type);
    if (!types?.size) handedOut.delete(key);
    return had;
  };
  const event = (reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled', message: string, addressType: AddressType): HintEvent => ({ type: reason === 'TopologyAwareHintsEnabled' ? 'Normal' : 'Warning', reason, message: `${message}, addressType: ${addressType}` });
  return {
    setNodes(nodes) {
      ratios = zoneRatios(nodes);
    },
    overloaded: () => [...handedOut].filter(([, types]) => [...types.values()].some((byZone) => isOverloaded(byZone, ratios))).map(([key]) => key),
    add(key, type, slices) {
      const given = addHints(slices, ratios);
      if (typeof given === 'string') {
        drop(key, type);
        return { ...withoutHints(slices), events: [event('TopologyAwareHintsDisabled', given, type)] };
      }
      const enabled = handedOut.has(key);
      const types = handedOut.get(key) ?? new Map<AddressType, Map<string, number>>();
      types.set(type, given.byZone);
      handedOut.set(key, types);
      return { create: given.create, update: given.update, events: enabled ? [] : [event('TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled', type)] };
    },
    remove: (key, type) => (drop(key, type) ? [event('TopologyAwareHintsDisabled', 'Topology Aware Hints has been disabled', type)] : []),
  };
}
