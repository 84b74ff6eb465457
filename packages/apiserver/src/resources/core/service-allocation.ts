/** What a service takes that must be unique across the cluster: addresses and node ports, for one write at a time. */
import { type Cidr, invalid, invalidError, parseCidr } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { Taken, WriteContext } from '../../contract.ts';
import type { Filled } from '../filled.ts';
import type { ResourceOptions } from '../options.ts';
import { ClusterIps, clusterIpsOf } from './cluster-ips.ts';
import { changesPorts, NodePorts, nodePortsOf, planPorts } from './node-ports.ts';

type Service = Filled<Published>;

/** It is better to lose an address or a port for a while (the repair loop finds it) than to give it out twice: taken before the service is written, given back after. */
export class ServiceAllocator {
  readonly #families: readonly ('IPv4' | 'IPv6')[];
  readonly #ips: ClusterIps;
  readonly #ports: NodePorts;

  constructor(options: ResourceOptions) {
    const ranges = options.serviceClusterIpRanges.map((range): Cidr => {
      const cidr = parseCidr(range);
      if (!cidr) throw new Error(`Read service cluster IP range ${JSON.stringify(range)}: not a CIDR`);
      return cidr;
    });
    this.#families = ranges.map((cidr) => (cidr.family === 4 ? 'IPv4' : 'IPv6'));
    this.#ips = new ClusterIps(ranges);
    this.#ports = new NodePorts(options.serviceNodePortRange);
  }

  get families(): readonly ('IPv4' | 'IPv6')[] {
    return this.#families;
  }

  /** Fills in what the service lacks. @throws StatusError 422 for what is asked for and cannot be had, 500 when all are taken. */
  async take(service: Service, old: Service | undefined, context: WriteContext): Promise<Taken> {
    const ips: string[] = [];
    let ports: number[] = [];
    let release: number[] = [];
    const rollback = async () => {
      await this.#ips.release(service, ips, context);
      await this.#ports.release(context, ports).catch(lost(context, ports));
    };
    try {
      await this.#takeIps(service, old, context, ips);
      if (changesPorts(service, old)) ({ take: ports, release } = await this.#takePorts(service, old, context));
    } catch (error) {
      if (!context.dryRun) await rollback();
      throw error;
    }
    if (context.dryRun) return { commit: async () => {}, rollback: async () => {} };
    return {
      commit: async () => {
        const now = new Set(clusterIpsOf(service));
        await this.#ips.release(service, old ? clusterIpsOf(old).filter((ip) => !now.has(ip)) : [], context);
        await this.#ports.release(context, release).catch(lost(context, release));
      },
      rollback,
    };
  }

  /** After the service is gone. */
  async free(service: Service, context: WriteContext): Promise<void> {
    await this.#ips.release(service, clusterIpsOf(service), context);
    const ports = nodePortsOf(service);
    await this.#ports.release(context, ports).catch(lost(context, ports));
  }

  async #takeIps(service: Service, old: Service | undefined, context: WriteContext, taken: string[]): Promise<void> {
    const { spec } = service;
    if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return;
    const kept = new Set(old && clusterIpsOf(old));
    const ips = [...(spec.clusterIPs ?? [])];
    for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
      if (ips[i] && kept.has(ips[i])) continue;
      if (!this.#families.includes(family as 'IPv4')) throw invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', [invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')]);
      ips[i] = await this.#ips.take(service, family, ips[i], context);
      taken.push(ips[i]);
    }
    if (ips.length) {
      spec.clusterIPs = ips;
      spec.clusterIP = ips[0];
    }
  }

  async #takePorts(service: Service, old: Service | undefined, context: WriteContext): Promise<{ take: number[]; release: number[] }> {
    const plan = await this.#ports.take(context, context.dryRun, (taken) => planPorts(service, old, taken, context));
    service.spec.ports?.forEach((port, i) => {
      if (plan.nodePorts[i]) port.nodePort = plan.nodePorts[i];
    });
    if (plan.healthCheckNodePort) service.spec.healthCheckNodePort = plan.healthCheckNodePort;
    return plan;
  }
}

const lost = ({ log }: WriteContext, ports: readonly number[]) => (error: unknown): void => log.warn('Node ports could not be given back, they will be found by the repair loop', { ports: ports.join(','), err: error });
