/** `ip()` and `cidr()`. */
import { type Cidr, formatIp, type IpAddress, parseCidr, parseIp } from '@pilothouse/apimachinery';
import { declare, type Library, member, overload } from '../check/declarations.ts';
import { CelError } from '../eval/errors.ts';
import type { Opaque } from '../eval/values.ts';
import { boolType, intType, opaqueOf, stringType } from '../types.ts';
import { whyNoIp, whyNoPrefix } from './network-errors.ts';

export const ipType = opaqueOf('net.IP');
export const cidrType = opaqueOf('net.CIDR');

type Address = Pick<IpAddress, 'family' | 'bits'>;

class Ip implements Opaque {
  readonly celType = ipType;
  readonly address: Address;
  constructor(address: Address) {
    this.address = address;
  }
  get costSize(): number {
    return this.address.family === 4 ? 4 : 16;
  }
  equals(other: Ip): boolean {
    return this.address.family === other.address.family && this.address.bits === other.address.bits;
  }
  toString(): string {
    return formatIp(this.address);
  }
}

const widthOf = (family: number): number => (family === 4 ? 32 : 128);
const mapped = (address: Address): boolean => address.family === 6 && address.bits >> 32n === 0xffffn;

class Net implements Opaque {
  readonly celType = cidrType;
  readonly address: Address;
  readonly prefix: number;
  constructor(address: Address, prefix: number) {
    this.address = address;
    this.prefix = prefix;
  }
  get costSize(): number {
    return this.address.family === 4 ? 4 : 16;
  }
  get network(): bigint {
    const rest = BigInt(widthOf(this.address.family) - this.prefix);
    return (this.address.bits >> rest) << rest;
  }
  contains(other: Address): boolean {
    return other.family === this.address.family && other.bits >> BigInt(widthOf(other.family) - this.prefix) === this.network >> BigInt(widthOf(other.family) - this.prefix);
  }
  equals(other: Net): boolean {
    return this.address.family === other.address.family && this.address.bits === other.address.bits && this.prefix === other.prefix;
  }
  toString(): string {
    return `${formatIp(this.address)}/${this.prefix}`;
  }
}

const quoted = (text: string): string => JSON.stringify(text);

function toIp(text: string): Ip {
  const why = whyNoIp(text);
  if (why) throw new CelError(`IP Address ${quoted(text)} parse error during conversion from string: ${why}`);
  if (text.includes('%')) throw new CelError(`IP address ${quoted(text)} with zone value is not allowed`);
  const { family, bits } = parseIp(text)!;
  if (/:.*\./.test(text) || mapped({ family, bits })) throw new CelError(`IPv4-mapped IPv6 address ${quoted(text)} is not allowed`);
  return new Ip({ family, bits });
}
function toCidr(text: string): Net {
  const why = whyNoPrefix(text);
  const lead = 'network address parse error during conversion from string: ';
  if (why) throw new CelError(`${lead}${lead}${why}`);
  const { family, prefix, ...rest } = parseCidr(text) as Cidr;
  const bits = parseIp(text.slice(0, text.lastIndexOf('/')))?.bits ?? rest.network;
  if (mapped({ family, bits })) throw new CelError(`${lead}IPv4-mapped IPv6 address ${quoted(text)} is not allowed`);
  return new Net({ family, bits }, prefix);
}
const succeeds = (run: (text: string) => unknown) => (text: string): boolean => {
  try {
    run(text);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
};

/** By family: ranges as network and prefix length. */
const inRange = (four: [bigint, number] | undefined, six: [bigint, number] | undefined) => ({ address: { family, bits } }: Ip): boolean => {
  const range = family === 4 ? four : six;
  if (!range) return false;
  const rest = BigInt(widthOf(family) - range[1]);
  return bits >> rest === range[0] >> rest;
};
const isUnspecified = inRange([0n, 32], [0n, 128]);
const isLoopback = inRange([0x7fn << 24n, 8], [1n, 128]);
const isMulticast = inRange([0xe0n << 24n, 4], [0xffn << 120n, 8]);
const isLinkLocalMulticast = inRange([0xe0000000n, 24], [0xff02n << 112n, 16]);
const isLinkLocalUnicast = inRange([0xa9fe0000n, 16], [0xfe80n << 112n, 10]);
const isBroadcast = inRange([0xffffffffn, 32], undefined);
const isGlobalUnicast = (ip: Ip): boolean => !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip) && !isBroadcast(ip);
const ipIs = (name: string, id: string, run: (ip: Ip) => boolean) => declare(name, member(id, [ipType], boolType, run));
const containsCidr = (outer: Net, inner: Net): boolean => outer.prefix <= inner.prefix && outer.contains(inner.address);

export const networkLibrary: Library = {
  types: [ipType, cidrType],
  functions: [
    declare('ip', overload('string_to_ip', [stringType], ipType, toIp), member('cidr_ip', [cidrType], ipType, ({ address }: Net) => new Ip(address))),
    declare('family', member('ip_family', [ipType], intType, ({ address }: Ip) => address.family)),
    declare('ip.isCanonical', overload('ip_is_canonical', [stringType], boolType, (text: string) => String(toIp(text)) === text)),
    ipIs('isUnspecified', 'ip_is_unspecified', isUnspecified),
    ipIs('isLoopback', 'ip_is_loopback', isLoopback),
    ipIs('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLinkLocalMulticast),
    ipIs('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocalUnicast),
    ipIs('isGlobalUnicast', 'ip_is_global_unicast', isGlobalUnicast),
    declare('isIP', overload('is_ip', [stringType], boolType, succeeds(toIp))),
    declare('string', overload('ip_to_string', [ipType], stringType, String), overload('cidr_to_string', [cidrType], stringType, String)),
    declare('cidr', overload('string_to_cidr', [stringType], cidrType, toCidr)),
    declare('containsIP', member('cidr_contains_ip_string', [cidrType, stringType], boolType, (net: Net, text: string) => net.contains(toIp(text).address)), member('cidr_contains_ip_ip', [cidrType, ipType], boolType, (net: Net, ip: Ip) => net.contains(ip.address))),
    declare('containsCIDR', member('cidr_contains_cidr_string', [cidrType, stringType], boolType, (net: Net, text: string) => containsCidr(net, toCidr(text))), member('cidr_contains_cidr', [cidrType, cidrType], boolType, containsCidr)),
    declare('prefixLength', member('cidr_prefix_length', [cidrType], intType, ({ prefix }: Net) => prefix)),
    declare('masked', member('cidr_masked', [cidrType], cidrType, (net: Net) => new Net({ family: net.address.family, bits: net.network }, net.prefix))),
    declare('isCIDR', overload('is_cidr', [stringType], boolType, succeeds(toCidr))),
  ],
};
