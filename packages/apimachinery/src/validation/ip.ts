/** IP addresses and CIDR blocks: reading, canonical text, validity. Facts: k8s.io/apimachinery/pkg/util/validation/ip. */
import { goQuote } from '../go-format.ts';
import { type FieldError, invalid } from '../field-error.ts';

export interface IpAddress {
  family: 4 | 6;
  /** 32 or 128 bits. An IPv4-mapped IPv6 address is the IPv4 address. */
  bits: bigint;
  /** Written as an IPv4-mapped IPv6 address. */
  mapped: boolean;
  /** Some part is written with leading zeros, which strict readers refuse. */
  leadingZeros: boolean;
}

export interface Cidr {
  family: 4 | 6;
  /** The address as written, with bits beyond the prefix. */
  address: IpAddress;
  prefix: number;
  /** The address without those bits. */
  network: bigint;
  leadingZeros: boolean;
}

function parseIpv4(text: string): { bits: bigint; leadingZeros: boolean } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  let leadingZeros = false;
  for (const part of parts) {
    if (!/^[0-9]+$/.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    if (part.length > 1 && part.startsWith('0')) leadingZeros = true;
    bits = (bits << 8n) | BigInt(value);
  }
  return { bits, leadingZeros };
}

function parseIpv6(text: string): { bits: bigint; leadingZeros: boolean } | undefined {
  let rest = text;
  let leadingZeros = false;
  let tail: bigint | undefined;
  const lastColon = rest.lastIndexOf(':');
  if (rest.includes('.')) {
    const v4 = parseIpv4(rest.slice(lastColon + 1));
    if (!v4) return undefined;
    tail = v4.bits;
    leadingZeros = v4.leadingZeros;
    rest = `${rest.slice(0, lastColon + 1)}0:0`;
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): string[] => (half ? half.split(':') : []);
  const head = groups(halves[0]);
  const end = groups(halves[1]);
  const missing = 8 - head.length - end.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let bits = 0n;
  for (const group of [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...end]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    bits = (bits << 16n) | BigInt(Number.parseInt(group, 16));
  }
  return { bits: tail === undefined ? bits : bits | tail, leadingZeros };
}

/** Reads an address as Kubernetes always has: IPv4 parts may have leading zeros. Undefined where it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const v4 = parseIpv4(text);
    return v4 && { family: 4, ...v4, mapped: false };
  }
  const v6 = parseIpv6(text);
  if (!v6) return undefined;
  const mapped = v6.bits >> 32n === 0xffffn;
  return mapped ? { family: 4, bits: v6.bits & 0xffffffffn, mapped, leadingZeros: v6.leadingZeros } : { family: 6, ...v6, mapped };
}

/** Canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIp({ family, bits }: Pick<IpAddress, 'family' | 'bits'>): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => Number((bits >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return best.start < 0 ? hex(groups) : `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

/** Reads `10.0.0.0/8`, as liberally as `parseIp`. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!address || !/^[0-9]+$/.test(length)) return undefined;
  const width = address.family === 4 && !address.mapped ? 32 : 128;
  const written = Number(length);
  if (written > width || (address.mapped && written < 96)) return undefined;
  const prefix = address.mapped ? written - 96 : written;
  const hostBits = BigInt((address.family === 4 ? 32 : 128) - prefix);
  return { family: address.family, address, prefix, network: (address.bits >> hostBits) << hostBits, leadingZeros: address.leadingZeros || (length.length > 1 && length.startsWith('0')) };
}

export const formatCidr = ({ family, network, prefix }: Pick<Cidr, 'family' | 'network' | 'prefix'>): string => `${formatIp({ family, bits: network })}/${prefix}`;

/** Whether the block holds the address; never across families. */
export function cidrContains({ family, network, prefix }: Pick<Cidr, 'family' | 'network' | 'prefix'>, ip: Pick<IpAddress, 'family' | 'bits'>): boolean {
  if (family !== ip.family) return false;
  const hostBits = BigInt((ip.family === 4 ? 32 : 128) - prefix);
  return ip.bits >> hostBits === network >> hostBits;
}

const notAnIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const notACidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function strictIpFaults(ip: IpAddress, value: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (ip.leadingZeros) errors.push(invalid(field, value, 'must not have leading 0s'));
  if (ip.mapped && !ip.leadingZeros) errors.push(invalid(field, value, 'must not be an IPv4-mapped IPv6 address'));
  return errors;
}

export interface LegacyIpOptions {
  /** Whether texts that only lenient readers accept are refused. Default true, as since v1.36. */
  strict?: boolean;
  /** Values that were there before and stay valid. */
  old?: readonly string[] | undefined;
}

/** An address in a field older than the strict rules. */
export function validateIpForLegacyField(value: string, field: string, { strict = true, old = [] }: LegacyIpOptions = {}): FieldError[] {
  if (old.includes(value)) return [];
  const ip = parseIp(value);
  if (!ip) return [invalid(field, value, notAnIp)];
  return strict ? strictIpFaults(ip, value, field) : [];
}

/** An address in canonical form. */
export function validateIp(value: string, field: string): FieldError[] {
  const errors = validateIpForLegacyField(value, field, { strict: true });
  if (errors.length) return errors;
  const text = formatIp(parseIp(value) as IpAddress);
  return text === value ? [] : [invalid(field, value, `must be in canonical form (${goQuote(text)})`)];
}

/** A block in a field older than the strict rules. */
export function validateCidrForLegacyField(value: string, field: string, { strict = true, old = [] }: LegacyIpOptions = {}): FieldError[] {
  if (old.includes(value)) return [];
  const cidr = parseCidr(value);
  if (!cidr) return [invalid(field, value, notACidr)];
  if (!strict) return [];
  if (cidr.leadingZeros) return [invalid(field, value, 'must not have leading 0s in IP or prefix length')];
  if (cidr.address.mapped) return [invalid(field, value, 'must not have an IPv4-mapped IPv6 address')];
  return cidr.address.bits === cidr.network ? [] : [invalid(field, value, 'must not have bits set beyond the prefix length')];
}

/** A block in canonical form. */
export function validateCidr(value: string, field: string): FieldError[] {
  const errors = validateCidrForLegacyField(value, field, { strict: true });
  if (errors.length) return errors;
  const text = formatCidr(parseCidr(value) as Cidr);
  return text === value ? [] : [invalid(field, value, `must be in canonical form (${goQuote(text)})`)];
}

/** Warnings for an address that is accepted but written unusually. */
export function ipWarnings(value: string, field: string): string[] {
  const ip = parseIp(value);
  if (!ip) return [];
  const text = formatIp(ip);
  if (ip.leadingZeros || ip.mapped) return [`${field}: non-standard IP address ${goQuote(value)} is invalid: use ${goQuote(text)}`];
  return ip.family === 6 && text !== value ? [`${field}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(text)})`] : [];
}

/** Warnings for a block that is accepted but written unusually. */
export function cidrWarnings(value: string, field: string): string[] {
  const cidr = parseCidr(value);
  if (!cidr) return [];
  const warnings: string[] = [];
  const quoted = goQuote(value);
  const { address, network, prefix } = cidr;
  const text = formatCidr(cidr);
  const width = address.family === 4 ? 32 : 128;
  if (address.bits !== network) warnings.push(`${field}: CIDR value ${quoted} is ambiguous in this context (should be ${goQuote(text)} or ${goQuote(`${formatIp(address)}/${width}`)}?)`);
  if (cidr.leadingZeros || address.mapped) warnings.push(`${field}: non-standard CIDR value ${quoted} is invalid: use ${goQuote(text)}`);
  if (!warnings.length && address.family === 6 && `${formatIp(address)}/${prefix}` !== value) warnings.push(`${field}: IPv6 CIDR value ${quoted} should be in RFC 5952 canonical format (${goQuote(text)})`);
  return warnings;
}

/** Whether two texts are addresses of different families: the only list of two that dual-stack fields accept. */
export const isDualStackPair = (ips: readonly string[]): boolean => ips.length === 2 && parseIp(ips[0] ?? '')?.family !== parseIp(ips[1] ?? '')?.family;
