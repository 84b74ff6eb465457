/**
 * Node ports, taken through storage so that no two API servers give out the same one: one key holds all that are taken
 * (`/registry/ranges/servicenodeports`, as kube-apiserver has it), and each change compares and swaps it.
 */
import { internalError, invalid, invalidError, services as serviceType } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import { type Entry, RevisionConflict, type Store } from '@pilothouse/storage';
import type { WriteContext } from '../../contract.ts';
import type { Filled } from '../filled.ts';
import { decodeRangeAllocation, encodeRangeAllocation, formatPortRange, inPortRange, type PortRange, PortSet } from './port-range.ts';
import { needsHealthCheckPort } from './service-ip-families.ts';

type Service = Filled<Published>;
type Access = Pick<WriteContext, 'store' | 'client'>;

export const nodePortsKey = '/registry/ranges/servicenodeports';

/** Node ports a service has, the one for health checks included. */
export const nodePortsOf = ({ spec }: Pick<Service, 'spec'>): number[] => [...new Set([...(spec.ports ?? []).flatMap((port) => (port.nodePort ? [port.nodePort] : [])), ...(spec.healthCheckNodePort ? [spec.healthCheckNodePort] : [])])];

/** What a service's ports shall be, before any is taken. */
export interface PortPlan {
  /** By place in `spec.ports`. */
  nodePorts: (number | undefined)[];
  healthCheckNodePort: number | undefined;
  /** Ports to take, and to give back once the service is written. */
  take: number[];
  release: number[];
}

/** Whether anything is taken or given back by this write. Pure. */
export function changesPorts(service: Service, old: Service | undefined): boolean {
  const before = old ? nodePortsOf(old) : [];
  const now = nodePortsOf(service);
  return wantsPorts(service) || now.length !== before.length || now.some((port) => !before.includes(port));
}

const hasNodePorts = ({ spec }: Service): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';
const allocates = ({ spec }: Service): boolean => spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;

/** Whether a port is missing. */
const wantsPorts = (service: Service): boolean =>
  (hasNodePorts(service) && allocates(service) && (service.spec.ports ?? []).some((port) => !port.nodePort)) || (needsHealthCheckPort(service) && !service.spec.healthCheckNodePort);

/** Chooses the ports of a service. Pure. @throws StatusError 422 for what is asked for and cannot be had, 500 when all are taken */
export function planPorts(service: Service, old: Service | undefined, taken: PortSet, context: Pick<WriteContext, 'random' | 'dryRun'>): PortPlan {
  const { range } = taken;
  const ports = service.spec.ports ?? [];
  const before = old ? nodePortsOf(old) : [];
  const take: number[] = [];
  const problemOf = (port: number): string | undefined => {
    if (!context.dryRun && !inPortRange(range, port)) return `provided port is not in the valid range. The range of valid ports is ${formatPortRange(range)}`;
    return taken.has(port) || take.includes(port) ? 'provided port is already allocated' : undefined;
  };
  const request = (port: number, path: string) => {
    const problem = problemOf(port);
    if (problem) throw invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', [invalid(path, port, problem)]);
    take.push(port);
  };
  const next = (): number => {
    if (context.dryRun) {
      const port = (take.length ? Math.max(...take) : 32_768) + 1;
      take.push(port);
      return port;
    }
    const all = new PortSet(range);
    for (const port of taken) all.add(port);
    for (const port of take) all.add(port);
    const port = all.pick(context.random);
    if (port === undefined) throw internalError('range is full');
    take.push(port);
    return port;
  };
  const nextNodePort = (): number => {
    try {
      return next();
    } catch {
      throw internalError('failed to allocate a nodePort: range is full');
    }
  };
  const nodePorts = ports.map((port) => port.nodePort || undefined);
  if (hasNodePorts(service)) {
    if (old) {
      ports.forEach((port, i) => {
        if (!port.nodePort && !allocates(service)) return;
        if (!port.nodePort) nodePorts[i] = nextNodePort();
        else if (!before.includes(port.nodePort) && !take.includes(port.nodePort)) request(port.nodePort, `spec.ports[${i}].nodePort`);
      });
    } else {
      /** One number serves all protocols of a port. */
      const byPort = new Map<number, number>();
      ports.forEach((port, i) => {
        if (!port.nodePort && !allocates(service)) return;
        const path = `spec.ports[${i}].nodePort`;
        const shared = byPort.get(port.port);
        if (shared === undefined) {
          const asked = ports.find((other) => other.port === port.port && other.nodePort)?.nodePort;
          if (asked) request(asked, path);
          nodePorts[i] = asked ?? nextNodePort();
          byPort.set(port.port, nodePorts[i]!);
        } else if (!port.nodePort) nodePorts[i] = shared;
        else if (port.nodePort !== shared) request(port.nodePort, path);
      });
    }
  }
  let { healthCheckNodePort } = service.spec;
  if (needsHealthCheckPort(service) && !(old && needsHealthCheckPort(old))) {
    if (healthCheckNodePort) {
      const problem = problemOf(healthCheckNodePort);
      if (problem) throw internalError(`failed to allocate requested HealthCheck NodePort ${healthCheckNodePort}: ${problem}`);
      take.push(healthCheckNodePort);
    } else {
      try {
        healthCheckNodePort = next();
      } catch {
        throw internalError('failed to allocate a HealthCheck NodePort 0: range is full');
      }
    }
  }
  const kept = new Set([...nodePorts, healthCheckNodePort]);
  return { nodePorts, healthCheckNodePort, take, release: before.filter((port) => !kept.has(port)) };
}

export class NodePorts {
  readonly range: PortRange;

  constructor(range: PortRange) {
    this.range = range;
  }

  /** Takes ports: `choose` says which, given those that are taken; it is asked again when another server was quicker. */
  async take<T extends { take: readonly number[] }>(access: Access, dryRun: boolean, choose: (taken: PortSet) => T): Promise<T> {
    let chosen!: T;
    await this.#change(access, (ports) => {
      chosen = choose(ports);
      if (dryRun) return false;
      for (const port of chosen.take) ports.add(port);
      return chosen.take.length > 0;
    });
    return chosen;
  }

  /** Gives ports back; those that are not of the range, or not taken, do not matter. */
  async release(access: Access, released: readonly number[]): Promise<void> {
    if (!released.length) return;
    await this.#change(access, (ports) => {
      const held = released.filter((port) => ports.has(port));
      for (const port of held) ports.delete(port);
      return held.length > 0;
    });
  }

  /** Replaces what is kept; `make` gets what was (undefined: nothing, or of another range). */
  async rebuild(access: Access, make: (kept: PortSet | undefined) => Promise<PortSet>): Promise<PortSet> {
    const { store } = access;
    let entry = (await store.get(nodePortsKey)).entry;
    for (;;) {
      const ports = await make(entry && decodeRangeAllocation(entry.value, this.range));
      const value = encodeRangeAllocation(ports);
      if (entry && Buffer.from(entry.value).equals(value)) return ports;
      const conflict = await swap(store, value, entry);
      if (!conflict) return ports;
      entry = conflict.current;
    }
  }

  /** What is kept is changed in place by `act`, which says whether it did. */
  async #change(access: Access, act: (ports: PortSet) => boolean): Promise<void> {
    const { store } = access;
    let entry = (await store.get(nodePortsKey)).entry;
    for (;;) {
      const ports = entry && decodeRangeAllocation(entry.value, this.range);
      if (!ports) {
        await this.rebuild(access, async (kept) => kept ?? portsOfServices(access, this.range));
        entry = (await store.get(nodePortsKey)).entry;
        continue;
      }
      if (!act(ports)) return;
      const conflict = await swap(store, encodeRangeAllocation(ports), entry);
      if (!conflict) return;
      entry = conflict.current;
    }
  }
}

async function swap(store: Store, value: Buffer, entry: Entry | undefined): Promise<RevisionConflict | undefined> {
  try {
    await store.put(nodePortsKey, value, { ifRevision: entry?.modRevision ?? 0 });
    return undefined;
  } catch (error) {
    if (error instanceof RevisionConflict) return error;
    throw error;
  }
}

/** The ports that services have, as of now. */
export async function portsOfServices({ client }: Pick<Access, 'client'>, range: PortRange): Promise<PortSet> {
  const ports = new PortSet(range);
  for (const service of (await client.list(serviceType)) as Service[]) for (const port of nodePortsOf(service)) if (inPortRange(range, port)) ports.add(port);
  return ports;
}
