/** Whether a ServiceCIDR may go: nothing in it may be left without a range. Pure. */
import type { IPAddress, ServiceCIDR } from '@pilothouse/api-schemas/types/networking/v1';
import { parseCidr } from '../nodeipam/cidr-set.ts';

const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
const allocator = 'ipallocator.k8s.io';

/** Whether `outer` has all addresses of `inner`. */
export function contains(outer: string, inner: string): boolean {
  const a = parseCidr(outer);
  const b = parseCidr(inner);
  if (!a || !b || a.family !== b.family || b.prefix < a.prefix) return false;
  const size = 1n << BigInt((a.family === 6 ? 128 : 32) - a.prefix);
  return b.first - (b.first % size) === a.first;
}

const holds = (cidr: ServiceCIDR, range: string): boolean => cidr.spec?.cidrs?.some((own) => contains(own, range)) ?? false;

export function mayGo(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const others = all.filter((other) => other.metadata.name !== cidr.metadata.name && !other.metadata.deletionTimestamp);
  const ranges = cidr.spec?.cidrs ?? [];
  if (ranges.every((range) => others.some((other) => holds(other, range)))) return true;
  return addresses.every((address) => {
    if (address.metadata.labels?.[managedByLabel] !== allocator) return true;
    const ip = address.metadata.name!;
    const range = `${ip}/${ip.includes(':') ? 128 : 32}`;
    return !holds(cidr, range) || others.some((other) => holds(other, range));
  });
}
