/** The addresses that load balancers are given. Pure. */
import { formatIp, parseCidr, parseIp } from '@pilothouse/apimachinery';

interface Range {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

export type AddressPool = readonly Range[];

/** Of ranges such as `10.0.0.0/28` and `10.0.0.5-10.0.0.9`, or single addresses. @throws RangeError naming what is none */
export function parsePool(ranges: readonly string[]): AddressPool {
  return ranges.map((text) => {
    const block = parseCidr(text);
    if (block) return { family: block.family, first: block.network, last: block.network + (1n << BigInt((block.family === 6 ? 128 : 32) - block.prefix)) - 1n };
    const [first, last = first] = text.split('-').map((part) => parseIp(part.trim()));
    if (!first || !last || first.family !== last.family || first.bits > last.bits) throw new RangeError(`${JSON.stringify(text)} is no range of addresses`);
    return { family: first.family, first: first.bits, last: last.bits };
  });
}

export function isInPool(pool: AddressPool, address: string): boolean {
  const ip = parseIp(address);
  return !!ip && pool.some((range) => range.family === ip.family && range.first <= ip.bits && ip.bits <= range.last);
}

/** The first address of a family that nobody has. */
export function freeAddress(pool: AddressPool, family: 4 | 6, taken: ReadonlySet<string>): string | undefined {
  for (const range of pool) {
    if (range.family !== family) continue;
    for (let bits = range.first; bits <= range.last; bits++) {
      const address = formatIp({ family, bits });
      if (!taken.has(address)) return address;
    }
  }
  return undefined;
}
