/**
 * Cluster IPs of services, taken through storage so that no two API servers give out the same one: an address is taken
 * by creating the IPAddress of its name, before the service is written. Ranges come from ServiceCIDRs.
 * https://kubernetes.io/docs/reference/networking/service-ip-ranges/ · KEP-1880
 */
import { type Cidr, cidrContains, formatCidr, formatIp, internalError, invalid, invalidError, ipAddresses, isNotFound, parseCidr, parseIp, serviceCIDRs } from '@pilothouse/apimachinery';
import type { Service as Published } from '@pilothouse/api-schemas/types/core/v1';
import type { IPAddress } from '@pilothouse/api-schemas/types/networking/v1';
import type { WriteContext } from '../../contract.ts';
import type { Filled } from '../filled.ts';

type Service = Filled<Published>;

export const familyLabel = 'ipaddress.kubernetes.io/ip-family';
export const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
export const allocatorName = 'ipallocator.k8s.io';

export const familyOf = (ip: string): 'IPv4' | 'IPv6' => (ip.includes(':') ? 'IPv6' : 'IPv4');

type Owner = { metadata: { name?: string; namespace?: string } };

/** The IPAddress that holds an address for a service. */
export const addressFor = (ip: string, { metadata }: Owner): IPAddress => ({
  metadata: { name: ip, labels: { [familyLabel]: familyOf(ip), [managedByLabel]: allocatorName } },
  spec: { parentRef: { group: '', resource: 'services', namespace: metadata.namespace, name: metadata.name! } },
});

/** Whether an IPAddress holds its address for the service. */
export const holdsFor = ({ spec }: IPAddress, { metadata }: Owner): boolean => {
  const { group, resource, namespace, name } = spec?.parentRef ?? {};
  return !group && resource === 'services' && namespace === metadata.namespace && name === metadata.name;
};

/** Addresses a service has. */
export const clusterIpsOf = ({ spec }: Pick<Service, 'spec'>): string[] => (spec.type === 'ExternalName' ? [] : (spec.clusterIPs ?? []).filter((ip) => ip && ip !== 'None'));

export class ClusterIps {
  readonly #configured: readonly Cidr[];

  /** `ranges`: those the server was started with; they count until there are ServiceCIDRs. */
  constructor(ranges: readonly Cidr[]) {
    this.#configured = ranges;
  }

  /** Takes an address of the family for a service, the one it asks for or any. @throws StatusError 422, 500 */
  async take(service: Service, family: string, wanted: string | undefined, context: WriteContext): Promise<string> {
    const ranges = (await this.#ranges(context)).filter((cidr) => (cidr.family === 4 ? 'IPv4' : 'IPv6') === family);
    if (wanted) {
      await takeThis(service, ranges, wanted, context);
      return wanted;
    }
    if (context.dryRun && ranges.length) return formatIp({ family: ranges[0].family, bits: ranges[0].network });
    for (const cidr of ranges) {
      const ip = await takeAny(service, cidr, context);
      if (ip) return ip;
    }
    throw internalError('failed to allocate a serviceIP: range is full');
  }

  /** Gives addresses back that are held for the service; those that are not do not matter. */
  async release(service: Owner, ips: readonly string[], { client, log }: Pick<WriteContext, 'client' | 'log'>): Promise<void> {
    for (const ip of ips) {
      try {
        const held = await client.get(ipAddresses, ip);
        if (held && holdsFor(held, service)) await client.delete(ipAddresses, ip, undefined, { uid: held.metadata.uid! });
      } catch (error) {
        if (!isNotFound(error)) log.warn('An address could not be given back, it will be found by the repair loop', { ip, err: error });
      }
    }
  }

  async #ranges({ read }: WriteContext): Promise<readonly Cidr[]> {
    const all = await read.list(serviceCIDRs);
    if (!all.length) return this.#configured;
    const ready = all.filter(({ metadata, status }) => !metadata.deletionTimestamp && (status?.conditions?.find((c) => c.type === 'Ready')?.status ?? 'True') === 'True');
    return ready.flatMap(({ spec }) => spec?.cidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
  }
}

const create = (service: Service, ip: string, { client }: WriteContext): Promise<boolean> => client.create(ipAddresses, addressFor(ip, service));

async function takeThis(service: Service, ranges: readonly Cidr[], wanted: string, context: WriteContext): Promise<void> {
  const ip = parseIp(wanted);
  const refuse = (why: string) => invalidError({ group: '', kind: 'Service' }, service.metadata.name ?? '', [invalid('spec.clusterIPs', service.spec.clusterIPs, `failed to allocate IP ${wanted}: ${why}`)]);
  const usableIn = (cidr: Cidr): boolean => {
    if (!ip || !cidrContains(cidr, ip)) return false;
    const { first, last } = usable(cidr);
    return ip.bits >= first && ip.bits <= last;
  };
  if (!ip || !ranges.some(usableIn)) {
    if (context.dryRun && ranges.length) throw refuse(`the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${formatCidr(ranges[0])}`);
    throw refuse('the provided network does not match the current range');
  }
  if (!context.dryRun && !(await create(service, formatIp(ip), context))) throw refuse('provided IP is already allocated');
}

/** All but the network's and, for IPv4, the broadcast address. */
function usable(cidr: Cidr): { first: bigint; last: bigint } {
  const size = 1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  return { first: cidr.network + 1n, last: cidr.network + size - (cidr.family === 4 ? 2n : 1n) };
}

/** A random free address above the band kept for those who choose their own; the band only when the rest is full. */
async function takeAny(service: Service, cidr: Cidr, context: WriteContext): Promise<string | undefined> {
  const { first, last } = usable(cidr);
  const size = last - first + 1n;
  const span = Number(size > 1n << 31n ? 1n << 31n : size);
  const band = Math.min(Math.max(16, Math.floor(span / 16)), 256);
  const offset = span > band ? band : 0;
  const search = async (from: number, count: number): Promise<string | undefined> => {
    const start = count > 0 ? context.random.below(count) : 0;
    for (let i = 0; i < count; i++) {
      const ip = formatIp({ family: cidr.family, bits: first + BigInt(from + ((start + i) % count)) });
      // Another server may have been quicker: then the next.
      if (!context.read.peek(ipAddresses, ip) && (await create(service, ip, context))) return ip;
    }
    return undefined;
  };
  return (await search(offset, span - offset)) ?? search(0, offset);
}
