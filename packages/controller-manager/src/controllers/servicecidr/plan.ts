/** Whether a ServiceCIDR may go: nothing in it may be left without a range. Pure. */
import { cidrContains, parseCidr } from '@pilothouse/apimachinery';
import type { IPAddress, ServiceCIDR } from '@pilothouse/api-schemas/types/networking/v1';

const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
const allocator = 'ipallocator.k8s.io';

/** Whether `outer` has all addresses of `inner`. */
export function contains(outer: string, inner: string): boolean {
  const a = parseCidr(outer);
  const b = parseCidr(inner);
  return a !== undefined && b !== undefined && a.prefix <= b.prefix && cidrContains(a, { family: b.family, bits: b.network });
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
