/** Cluster IPs and node ports: which are free, and who has just taken which. */
import { type Cidr, cidrContains, formatCidr, formatIp, goQuote, internalError, invalid, invalidError, parseCidr, parseIp, services as serviceType } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { WriteContext } from '../../contract.ts';
import type { Filled } from '../filled.ts';
import type { ResourceOptions } from '../options.ts';

type Service = Filled<Published>;

const refuse = (service: Service, path: string, value: unknown, detail: string) => invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', [invalid(path, value, detail)]);

/**
 * Takes addresses and ports for one write at a time. What is stored is known from the caches; what is on its way to
 * storage is held here until the caches show it.
 */
export class ServiceAllocator {
  readonly #cidrs: readonly Cidr[];
  readonly #ports: ResourceOptions['serviceNodePortRange'];
  /** Taken by writes that are under way or that the caches do not show yet. */
  readonly #held = new Set<string>();

  constructor(options: ResourceOptions) {
    this.#cidrs = options.serviceClusterIpRanges.map((range) => {
      const cidr = parseCidr(range);
      if (!cidr) throw new Error(`Read service cluster IP range ${goQuote(range)}: not a CIDR`);
      return cidr;
    });
    this.#ports = options.serviceNodePortRange;
  }

  get families(): readonly ('IPv4' | 'IPv6')[] {
    return this.#cidrs.map((cidr) => (cidr.family === 4 ? 'IPv4' : 'IPv6'));
  }

  /** Fills in what the service lacks. @throws StatusError 422 for what is asked for and cannot be had, 500 when all are taken. */
  async take(service: Service, old: Service | undefined, context: WriteContext): Promise<{ commit(): void; rollback(): void }> {
    const stored = await context.read.list(serviceType);
    const others = stored.filter((s) => s.metadata.uid !== service.metadata.uid) as Service[];
    const mine: string[] = [];
    const hold = (key: string) => {
      mine.push(key);
      this.#held.add(key);
    };
    const release = () => {
      for (const key of mine) this.#held.delete(key);
    };
    for (const key of this.#held) if (others.some((s) => keysOf(s).includes(key))) this.#held.delete(key);
    const taken = new Set([...this.#held, ...others.flatMap(keysOf)]);
    const kept = new Set(old ? keysOf(old) : []);
    try {
      this.#takeIps(service, taken, kept, context, hold);
      this.#takePorts(service, taken, kept, context, hold);
    } catch (error) {
      release();
      throw error;
    }
    if (context.dryRun) release();
    return { commit() {}, rollback: release };
  }

  /** After the service is gone. */
  free(service: Service): void {
    for (const key of keysOf(service)) this.#held.delete(key);
  }

  #takeIps(service: Service, taken: ReadonlySet<string>, kept: ReadonlySet<string>, context: WriteContext, hold: (key: string) => void): void {
    const { spec } = service;
    if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return;
    const ips = [...(spec.clusterIPs ?? [])];
    (spec.ipFamilies ?? []).forEach((family, i) => {
      const wanted = ips[i];
      if (wanted && kept.has(wanted)) return;
      const cidr = this.#cidrs.find((c) => (c.family === 4 ? 'IPv4' : 'IPv6') === family);
      if (!cidr) throw refuse(service, `spec.ipFamilies[${i}]`, family, 'not configured on this cluster');
      if (!wanted) ips[i] = pickIp(cidr, taken, context, service);
      else this.#checkIp(service, cidr, wanted, taken);
      hold(ips[i]);
    });
    if (ips.length) {
      spec.clusterIPs = ips;
      spec.clusterIP = ips[0];
    }
  }

  #checkIp(service: Service, cidr: Cidr, wanted: string, taken: ReadonlySet<string>): void {
    const ip = parseIp(wanted);
    const bad = (why: string) => refuse(service, 'spec.clusterIPs', service.spec.clusterIPs, `failed to allocate IP ${wanted}: ${why}`);
    if (!ip || !cidrContains(cidr, ip)) throw bad('the provided network does not match the current range');
    const { first, last } = usable(cidr);
    if (ip.bits < first || ip.bits > last) throw bad(`the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${formatCidr(cidr)}`);
    if (taken.has(formatIp(ip))) throw bad('provided IP is already allocated');
  }

  #takePorts(service: Service, taken: ReadonlySet<string>, kept: ReadonlySet<string>, context: WriteContext, hold: (key: string) => void): void {
    const { spec } = service;
    if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') return;
    const now = new Set(taken);
    const request = (port: number, path: string) => {
      const key = String(port);
      if (kept.has(key)) return;
      if (port < this.#ports.from || port > this.#ports.to) throw refuse(service, path, port, `provided port is not in the valid range. The range of valid ports is ${this.#ports.from}-${this.#ports.to}`);
      if (now.has(key)) throw refuse(service, path, port, 'provided port is already allocated');
      now.add(key);
      hold(key);
    };
    /** One number serves all protocols of a port. */
    const byPort = new Map<number, number>();
    spec.ports?.forEach((port, i) => {
      const path = `spec.ports[${i}].nodePort`;
      const shared = byPort.get(port.port);
      if (!port.nodePort && spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false) return;
      if (port.nodePort && port.nodePort === shared) return;
      if (!port.nodePort) {
        port.nodePort = shared ?? spec.ports!.find((other) => other.port === port.port && other.nodePort)?.nodePort;
        if (port.nodePort && !shared) request(port.nodePort, path);
      } else if (![...byPort.values()].includes(port.nodePort)) request(port.nodePort, path);
      port.nodePort ||= this.#pickPort(now, kept, context, hold);
      if (!byPort.has(port.port)) byPort.set(port.port, port.nodePort);
    });
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return;
    if (!spec.healthCheckNodePort) spec.healthCheckNodePort = this.#pickPort(now, kept, context, hold);
    else request(spec.healthCheckNodePort, 'spec.healthCheckNodePort');
  }

  #pickPort(taken: Set<string>, kept: ReadonlySet<string>, context: WriteContext, hold: (key: string) => void): number {
    const size = this.#ports.to - this.#ports.from + 1;
    const start = context.random.below(size);
    for (let i = 0; i < size; i++) {
      const port = this.#ports.from + ((start + i) % size);
      if (taken.has(String(port)) || kept.has(String(port))) continue;
      taken.add(String(port));
      hold(String(port));
      return port;
    }
    throw internalError('failed to allocate a nodePort: range is full');
  }
}

/** Addresses and node ports a service has. */
function keysOf({ spec }: Pick<Service, 'spec'>): string[] {
  const ips = (spec.clusterIPs ?? []).filter((ip) => ip && ip !== 'None');
  const ports = (spec.ports ?? []).flatMap((port) => (port.nodePort ? [String(port.nodePort)] : []));
  return [...ips, ...ports, ...(spec.healthCheckNodePort ? [String(spec.healthCheckNodePort)] : [])];
}

/** All but the network's and, for IPv4, the broadcast address. */
function usable(cidr: Cidr): { first: bigint; last: bigint } {
  const size = 1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  return { first: cidr.network + 1n, last: cidr.network + size - (cidr.family === 4 ? 2n : 1n) };
}

/** A random free address above the band kept for those who choose their own; the band only when the rest is full. */
function pickIp(cidr: Cidr, taken: ReadonlySet<string>, context: WriteContext, service: Service): string {
  const { first, last } = usable(cidr);
  const size = last - first + 1n;
  const span = Number(size > 1n << 31n ? 1n << 31n : size);
  const band = Math.min(Math.max(16, Math.floor(span / 16)), 256);
  const offset = span > band ? band : 0;
  const search = (from: number, count: number): string | undefined => {
    const start = count > 0 ? context.random.below(count) : 0;
    for (let i = 0; i < count; i++) {
      const ip = formatIp({ family: cidr.family, bits: first + BigInt(from + ((start + i) % count)) });
      if (!taken.has(ip)) return ip;
    }
    return undefined;
  };
  const found = search(offset, span - offset) ?? search(0, offset);
  if (!found) throw internalError(`failed to allocate a serviceIP for Service ${goQuote(service.metadata.name ?? '')}: range is full`);
  return found;
}
