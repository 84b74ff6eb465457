/** Blocks of one size cut out of a range of addresses. Pure. */
import { formatIp, parseCidr } from '@pilothouse/apimachinery';

export interface CidrSet {
  readonly family: 4 | 6;
  /** The next free block; undefined where all are taken. */
  allocate(): string | undefined;
  /** Marks every block that a range touches; false where the range lies outside. */
  occupy(cidr: string): boolean;
  release(cidr: string): void;
}

/** @throws RangeError where blocks of `blockPrefix` do not fit into the range */
export function createCidrSet(cidr: string, blockPrefix: number): CidrSet {
  const range = parseCidr(cidr);
  if (!range) throw new RangeError(`${JSON.stringify(cidr)} is no range of addresses`);
  const { family, network: first, prefix } = range;
  const bits = family === 6 ? 128 : 32;
  if (blockPrefix < prefix || blockPrefix > bits || blockPrefix - prefix > 16) throw new RangeError(`blocks of /${blockPrefix} do not fit into ${cidr}`);
  const count = 2 ** (blockPrefix - prefix);
  const blockSize = 1n << BigInt(bits - blockPrefix);
  const taken = new Set<number>();
  let next = 0;
  const blocksOf = (text: string): [number, number] | undefined => {
    const other = parseCidr(text);
    if (!other || other.family !== family) return undefined;
    const last = other.network + (1n << BigInt(bits - other.prefix)) - 1n;
    const from = (other.network - first) / blockSize;
    const to = (last - first) / blockSize;
    if (last < first || from >= BigInt(count)) return undefined;
    return [Math.max(0, Number(other.network < first ? 0n : from)), Math.min(count - 1, Number(to))];
  };
  return {
    family,
    allocate() {
      if (taken.size === count) return undefined;
      while (taken.has(next)) next = (next + 1) % count;
      const index = next;
      taken.add(index);
      next = (index + 1) % count;
      return `${formatIp({ family, bits: first + BigInt(index) * blockSize })}/${blockPrefix}`;
    },
    occupy(text) {
      const blocks = blocksOf(text);
      if (!blocks) return false;
      for (let i = blocks[0]; i <= blocks[1]; i++) taken.add(i);
      return true;
    },
    release(text) {
      const blocks = blocksOf(text);
      if (blocks) for (let i = blocks[0]; i <= blocks[1]; i++) taken.delete(i);
    },
  };
}
