/**
 * Finds devices for claims on one node: structured parameters of kep.k8s.io/4381 with prioritized alternatives, administrators'
 * access, device taints, constraints and shared counters. Devices are given whole: shares of a device (consumable capacity) are not
 * handed out.
 */
import type { Node } from '@pilothouse/api-schemas/types/core/v1';
import type { AllocationResult, Device, DeviceClass, DeviceRequestAllocationResult, DeviceSelector, DeviceToleration, ResourceClaim, ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import { quantityValue } from '@pilothouse/apimachinery/quantity';
import { matchesDevice } from '@pilothouse/cel';
import { nodeSelectorPredicate } from '../../pod/node-affinity.ts';
import { tolerates } from '../../pod/tolerations.ts';
import { deviceId } from './claims.ts';

/** A device with where it comes from. */
export interface PoolDevice {
  readonly slice: ResourceSlice;
  readonly device: Device;
  readonly driver: string;
  readonly pool: string;
  readonly id: string;
}

interface Ask {
  /** `request` or `request/subrequest`. */
  readonly name: string;
  readonly parent: string;
  readonly selectors: readonly DeviceSelector[];
  readonly all: boolean;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  readonly className: string;
}

export interface AllocatorInput {
  readonly slices: readonly ResourceSlice[];
  readonly classOf: (name: string) => DeviceClass | undefined;
  /** Ids of devices that are held already. */
  readonly taken: ReadonlySet<string>;
}

const reaches = (where: { nodeName?: string; allNodes?: boolean; nodeSelector?: ResourceSlice['spec']['nodeSelector'] }, node: Node): boolean =>
  where.allNodes === true || where.nodeName === node.metadata.name || (where.nodeSelector !== undefined && nodeSelectorPredicate(where.nodeSelector)(node.metadata.labels ?? {}, node.metadata.name!));

/** Devices the node can reach, of the newest generation of each pool; pools that are not complete are left out. */
export function devicesOn(node: Node, slices: readonly ResourceSlice[]): PoolDevice[] {
  const pools = new Map<string, { generation: number; slices: ResourceSlice[] }>();
  for (const slice of slices) {
    const key = `${slice.spec.driver}/${slice.spec.pool.name}`;
    const pool = pools.get(key);
    if (!pool || slice.spec.pool.generation > pool.generation) pools.set(key, { generation: slice.spec.pool.generation, slices: [slice] });
    else if (slice.spec.pool.generation === pool.generation) pool.slices.push(slice);
  }
  const devices: PoolDevice[] = [];
  for (const { slices: members } of pools.values()) {
    if (members.length < members[0].spec.pool.resourceSliceCount) continue;
    for (const slice of members) {
      const { driver, pool } = slice.spec;
      const perDevice = slice.spec.perDeviceNodeSelection === true;
      if (!perDevice && !reaches(slice.spec, node)) continue;
      for (const device of slice.spec.devices ?? []) if (!perDevice || reaches(device, node)) devices.push({ slice, device, driver, pool: pool.name, id: deviceId({ driver, pool: pool.name, device: device.name }) });
    }
  }
  return devices;
}

/** Every way to ask for a claim's requests: the alternatives of each, best first. */
function asksOf(claim: ResourceClaim): Ask[][] {
  return (claim.spec.devices?.requests ?? []).map((request) => {
    if (request.exactly) return [toAsk(request.name, request.name, request.exactly)];
    return (request.firstAvailable ?? []).map((sub) => toAsk(`${request.name}/${sub.name}`, request.name, sub));
  });
}

function toAsk(name: string, parent: string, from: { deviceClassName: string; selectors?: DeviceSelector[]; allocationMode?: string; count?: number; adminAccess?: boolean; tolerations?: DeviceToleration[] }): Ask {
  return { name, parent, selectors: from.selectors ?? [], all: from.allocationMode === 'All', count: from.count ?? 1, adminAccess: from.adminAccess ?? false, tolerations: from.tolerations ?? [], className: from.deviceClassName };
}

/** Allocations in the order of the claims; undefined where they cannot all be had. */
export function allocate(claims: readonly ResourceClaim[], node: Node, input: AllocatorInput): AllocationResult[] | undefined {
  const search = new Search(claims, node, input);
  return search.run() ? search.results() : undefined;
}

interface Pick {
  readonly ask: Ask;
  readonly device: PoolDevice;
}

class Search {
  readonly #claims: readonly ResourceClaim[];
  readonly #node: Node;
  readonly #input: AllocatorInput;
  readonly #devices: PoolDevice[];
  readonly #taken: Set<string>;
  readonly #picks: Pick[][];
  readonly #asks: Ask[][][];

  constructor(claims: readonly ResourceClaim[], node: Node, input: AllocatorInput) {
    this.#claims = claims;
    this.#node = node;
    this.#input = input;
    this.#devices = devicesOn(node, input.slices);
    this.#taken = new Set(input.taken);
    this.#picks = claims.map(() => []);
    this.#asks = claims.map(asksOf);
  }

  run(): boolean {
    return this.#claim(0, 0);
  }

  /** Serves request `r` of claim `c`, then the rest; takes back what it gave where the rest cannot be served. */
  #claim(c: number, r: number): boolean {
    if (c === this.#claims.length) return true;
    if (r === this.#asks[c].length) return this.#claim(c + 1, 0);
    return this.#asks[c][r].some((ask) => {
      const fitting = this.#devices.filter((d) => this.#fits(ask, d));
      const count = ask.all ? fitting.length : ask.count;
      if (fitting.length < count || (ask.all && (count === 0 || fitting.some((d) => !ask.adminAccess && this.#taken.has(d.id))))) return false;
      return this.#give(c, r, ask, fitting, count, 0);
    });
  }

  #give(c: number, r: number, ask: Ask, fitting: readonly PoolDevice[], left: number, from: number): boolean {
    if (left === 0) return this.#claim(c, r + 1);
    for (let i = from; i < fitting.length; i++) {
      const device = fitting[i];
      if (!ask.adminAccess && (this.#taken.has(device.id) || !this.#countersAllow(device))) continue;
      if (!this.#constraintsAllow(c, ask, device)) continue;
      this.#picks[c].push({ ask, device });
      if (!ask.adminAccess) this.#taken.add(device.id);
      if (this.#give(c, r, ask, fitting, left - 1, i + 1)) return true;
      this.#picks[c].pop();
      if (!ask.adminAccess) this.#taken.delete(device.id);
    }
    return false;
  }

  #fits(ask: Ask, { device, driver }: PoolDevice): boolean {
    if (!ask.adminAccess && device.taints?.some((t) => t.effect !== 'None' && !ask.tolerations.some((tol) => tolerates(tol, t)))) return false;
    const selectors = [...(this.#input.classOf(ask.className)?.spec.selectors ?? []), ...ask.selectors];
    return selectors.every((s) => !s.cel || matchesDevice(s.cel.expression, { driver, attributes: device.attributes, capacity: device.capacity, allowMultipleAllocations: device.allowMultipleAllocations }));
  }

  /** What partitions of one device draw on together must suffice. */
  #countersAllow(wanted: PoolDevice): boolean {
    const { consumesCounters } = wanted.device;
    if (!consumesCounters?.length) return true;
    const peers = this.#devices.filter((d) => d.driver === wanted.driver && d.pool === wanted.pool && (d.id === wanted.id || this.#taken.has(d.id)));
    const used = new Map<string, number>();
    for (const peer of peers) for (const c of peer.device.consumesCounters ?? []) for (const [name, { value }] of Object.entries(c.counters)) used.set(`${c.counterSet}/${name}`, (used.get(`${c.counterSet}/${name}`) ?? 0) + quantityValue(value));
    const available = new Map<string, number>();
    for (const slice of this.#input.slices) {
      if (slice.spec.driver !== wanted.driver || slice.spec.pool.name !== wanted.pool || slice.spec.pool.generation !== wanted.slice.spec.pool.generation) continue;
      for (const set of slice.spec.sharedCounters ?? []) for (const [name, { value }] of Object.entries(set.counters)) available.set(`${set.name}/${name}`, quantityValue(value));
    }
    return consumesCounters.every((c) => Object.keys(c.counters).every((name) => (used.get(`${c.counterSet}/${name}`) ?? 0) <= (available.get(`${c.counterSet}/${name}`) ?? 0)));
  }

  #constraintsAllow(c: number, ask: Ask, device: PoolDevice): boolean {
    for (const constraint of this.#claims[c].spec.devices?.constraints ?? []) {
      const concerns = (a: Ask) => !constraint.requests?.length || constraint.requests.includes(a.name) || constraint.requests.includes(a.parent);
      if (!concerns(ask)) continue;
      const attribute = constraint.matchAttribute ?? constraint.distinctAttribute;
      if (!attribute) return false;
      const value = attributeOf(device, attribute);
      if (value === undefined) return false;
      const others = this.#picks[c].filter((p) => concerns(p.ask)).map((p) => attributeOf(p.device, attribute));
      if (constraint.matchAttribute ? others.some((o) => o !== value) : others.includes(value)) return false;
    }
    return true;
  }

  results(): AllocationResult[] {
    return this.#claims.map((claim, c) => {
      const results = this.#picks[c].map(({ ask, device }): DeviceRequestAllocationResult => ({
        request: ask.name,
        driver: device.driver,
        pool: device.pool,
        device: device.device.name,
        ...(ask.adminAccess && { adminAccess: true }),
        ...(ask.tolerations.length && { tolerations: [...ask.tolerations] }),
        ...(device.device.bindingConditions?.length && { bindingConditions: device.device.bindingConditions, bindingFailureConditions: device.device.bindingFailureConditions }),
      }));
      const config = [...this.#classConfig(c), ...(claim.spec.devices?.config ?? []).map((entry) => ({ source: 'FromClaim', ...entry }))];
      const nodeSelector = this.#where(c);
      return { devices: { results, ...(config.length && { config }) }, ...(nodeSelector && { nodeSelector }) };
    });
  }

  #classConfig(c: number) {
    return [...new Set(this.#picks[c].map((p) => p.ask))].flatMap((ask) => (this.#input.classOf(ask.className)?.spec.config ?? []).map((entry) => ({ source: 'FromClass', requests: [ask.name], ...entry })));
  }

  /** Where the allocated devices can be reached from; undefined: anywhere. */
  #where(c: number): AllocationResult['nodeSelector'] {
    const places = this.#picks[c].map(({ device: { slice, device } }) => (slice.spec.perDeviceNodeSelection ? device : slice.spec));
    if (places.some((p) => p.nodeName !== undefined)) return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [this.#node.metadata.name!] }] }] };
    const selectors = places.flatMap((p) => p.nodeSelector?.nodeSelectorTerms.slice(0, 1) ?? []);
    if (!selectors.length) return undefined;
    return { nodeSelectorTerms: [{ matchExpressions: selectors.flatMap((t) => t.matchExpressions ?? []), matchFields: selectors.flatMap((t) => t.matchFields ?? []) }] };
  }
}

/** An attribute's value as comparable text; names without a domain are the driver's own. */
function attributeOf(device: PoolDevice, name: string): string | undefined {
  const attributes = device.device.attributes ?? {};
  const own = name.startsWith(`${device.driver}/`) ? name.slice(device.driver.length + 1) : undefined;
  const value = attributes[name] ?? (own === undefined ? undefined : attributes[own]);
  return value && JSON.stringify(value);
}
