/** IP addresses and CIDRs: parsing, canonical text, and the API's rules for them (`k8s.io/apimachinery/pkg/util/validation/ip.go`). */
import { invalid, type FieldError } from '@pilothouse/apimachinery';

export interface Ip {
  family: 4 | 6;
  /** 32 or 128 bits. */
  bits: bigint;
  /** Some part of an IPv4 text began with a superfluous zero. */
  leadingZeros: boolean;
  /** `::ffff:1.2.3.4` */
  mapped: boolean;
}

function parseIpv4(text: string): { bits: bigint; leadingZeros: boolean } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  let leadingZeros = false;
  for (const part of parts) {
    if (!/^\d+$/.test(part) || Number(part) > 255) return undefined;
    if (part.length > 1 && part[0] === '0') leadingZeros = true;
    bits = (bits << 8n) | BigInt(Number(part));
  }
  return { bits, leadingZeros };
}

/** Reads an address the lenient way (leading zeros allowed); undefined where it is none. */
export function parseIp(text: string): Ip | undefined {
  if (!text.includes(':')) {
    const v4 = parseIpv4(text);
    return v4 && { family: 4, ...v4, mapped: false };
  }
  let head = text;
  let leadingZeros = false;
  let tail: bigint | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const v4 = parseIpv4(text.slice(lastColon + 1));
    if (!v4) return undefined;
    tail = v4.bits;
    leadingZeros = v4.leadingZeros;
    head = `${text.slice(0, lastColon)}:0:0`;
  }
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string) => (half ? half.split(':') : []);
  const left = groups(halves[0]);
  const right = halves.length === 2 ? groups(halves[1]) : [];
  if (![...left, ...right].every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let bits = 0n;
  for (const group of [...left, ...new Array<string>(missing).fill('0'), ...right]) bits = (bits << 16n) | BigInt(Number.parseInt(group, 16));
  if (tail !== undefined) bits |= tail;
  const mapped = bits >> 32n === 0xffffn;
  return mapped ? { family: 4, bits: bits & 0xffffffffn, leadingZeros, mapped } : { family: 6, bits, leadingZeros, mapped };
}

/** RFC 5952 for IPv6, dotted decimal for IPv4. */
export function formatIp(ip: { family: 4 | 6; bits: bigint }): string {
  if (ip.family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((ip.bits >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((ip.bits >> BigInt(112 - 16 * i)) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
    i += run;
  }
  const hex = (list: number[]) => list.map((g) => g.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

export interface Cidr {
  family: 4 | 6;
  ip: Ip;
  /** The first address. */
  network: bigint;
  prefix: number;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!ip || !/^\d+$/.test(length)) return undefined;
  const given = Number(length);
  const prefix = ip.mapped ? given - 96 : given;
  const width = ip.family === 4 ? 32 : 128;
  if (prefix < 0 || prefix > width) return undefined;
  const host = BigInt(width - prefix);
  return { family: ip.family, ip, network: (ip.bits >> host) << host, prefix };
}

export const formatCidr = (cidr: { family: 4 | 6; network: bigint; prefix: number }): string => `${formatIp({ family: cidr.family, bits: cidr.network })}/${cidr.prefix}`;
export const cidrContains = (cidr: Cidr, ip: { family: 4 | 6; bits: bigint }): boolean => {
  if (cidr.family !== ip.family) return false;
  const host = BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  return ip.bits >> host === cidr.network >> host;
};

/** Fields older than the strict rules; values that were there before stay allowed. */
export function validateIp(errors: FieldError[], path: string, value: string, validOld: readonly string[] = []): Ip | undefined {
  if (validOld.includes(value)) return parseIp(value);
  const ip = parseIp(value);
  if (!ip) errors.push(invalid(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  else if (ip.leadingZeros) errors.push(invalid(path, value, 'must not have leading 0s'));
  else if (ip.mapped) errors.push(invalid(path, value, 'must not be an IPv4-mapped IPv6 address'));
  return ip;
}

/** Newer fields: the text must be canonical too. */
export function validateCanonicalIp(errors: FieldError[], path: string, value: string): Ip | undefined {
  const before = errors.length;
  const ip = validateIp(errors, path, value);
  if (ip && errors.length === before && formatIp(ip) !== value) errors.push(invalid(path, value, `must be in canonical form (${JSON.stringify(formatIp(ip))})`));
  return ip;
}

export function validateCidr(errors: FieldError[], path: string, value: string, validOld: readonly string[] = []): Cidr | undefined {
  if (validOld.includes(value)) return parseCidr(value);
  const cidr = parseCidr(value);
  if (!cidr) errors.push(invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
  else if (cidr.ip.leadingZeros || /\/0\d/.test(value)) errors.push(invalid(path, value, 'must not have leading 0s in IP or prefix length'));
  else if (cidr.ip.mapped) errors.push(invalid(path, value, 'must not have an IPv4-mapped IPv6 address'));
  else if (cidr.ip.bits !== cidr.network) errors.push(invalid(path, value, 'must not have bits set beyond the prefix length'));
  return cidr;
}

export function validateCanonicalCidr(errors: FieldError[], path: string, value: string): Cidr | undefined {
  const before = errors.length;
  const cidr = validateCidr(errors, path, value);
  if (cidr && errors.length === before && formatCidr(cidr) !== value) errors.push(invalid(path, value, `must be in canonical form (${JSON.stringify(formatCidr(cidr))})`));
  return cidr;
}

/** Warnings for a valid address that is not written as usual. */
export function ipWarnings(path: string, value: string): string[] {
  const ip = parseIp(value);
  if (!ip) return [];
  const text = formatIp(ip);
  if (ip.leadingZeros || ip.mapped) return [`${path}: non-standard IP address ${JSON.stringify(value)} is invalid: use ${JSON.stringify(text)}`];
  return ip.family === 6 && text !== value ? [`${path}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(text)})`] : [];
}

export function cidrWarnings(path: string, value: string): string[] {
  const cidr = parseCidr(value);
  if (!cidr) return [];
  const text = formatCidr(cidr);
  const warnings: string[] = [];
  if (cidr.ip.bits !== cidr.network) {
    const single = `${formatIp(cidr.ip)}/${cidr.family === 4 ? 32 : 128}`;
    warnings.push(`${path}: CIDR value ${JSON.stringify(value)} is ambiguous in this context (should be ${JSON.stringify(text)} or ${JSON.stringify(single)}?)`);
  }
  if (cidr.ip.leadingZeros || cidr.ip.mapped || /\/0\d/.test(value)) warnings.push(`${path}: non-standard CIDR value ${JSON.stringify(value)} is invalid: use ${JSON.stringify(text)}`);
  if (warnings.length === 0 && cidr.family === 6 && text !== value) warnings.push(`${path}: IPv6 CIDR value ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(text)})`);
  return warnings;
}

/** Whether two addresses are of different families; what dual-stack lists need. */
export const isDualStackPair = (ips: readonly string[]): boolean => ips.length === 2 && parseIp(ips[0])?.family !== parseIp(ips[1])?.family;
