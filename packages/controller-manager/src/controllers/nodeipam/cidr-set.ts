/** Blocks of one size cut out of a range of addresses. Pure. */
import { isIPv6 } from 'node:net';

export interface CidrSet {
  readonly family: 4 | 6;
  /** The next free block; undefined where all are taken. */
  allocate(): string | undefined;
  /** Marks every block that a range touches; false where the range lies outside. */
  occupy(cidr: string): boolean;
  release(cidr: string): void;
}

interface Range {
  family: 4 | 6;
  first: bigint;
  prefix: number;
}

export function parseCidr(text: string): Range | undefined {
  const [address, length] = text.split('/');
  if (!length || !/^[0-9]+$/.test(length)) return undefined;
  const family = isIPv6(address) ? 6 : 4;
  const value = family === 6 ? parseIPv6(address) : parseIPv4(address);
  const prefix = Number(length);
  const bits = family === 6 ? 128 : 32;
  if (value === undefined || prefix > bits) return undefined;
  const size = 1n << BigInt(bits - prefix);
  return { family, first: value - (value % size), prefix };
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^[0-9]{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseIPv6(text: string): bigint | undefined {
  const [head, tail] = text.split('::');
  const groups = (half: string | undefined) => (half ? half.split(':') : []);
  const left = groups(head);
  const right = groups(tail);
  const filler = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  const all = [...left, ...filler, ...right];
  return all.length === 8 ? all.reduce((value, group) => value * 65536n + BigInt(`0x${group || '0'}`), 0n) : undefined;
}

function formatAddress(value: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - i * 16)) & 0xffffn).toString(16));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === '0') length++;
    if (length > best.length) best = { at: i, length };
  }
  return best.at < 0 ? groups.join(':') : `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

/** @throws RangeError where blocks of `blockPrefix` do not fit into the range */
export function createCidrSet(cidr: string, blockPrefix: number): CidrSet {
  const range = parseCidr(cidr);
  if (!range) throw new RangeError(`${JSON.stringify(cidr)} is no range of addresses`);
  const { family, first, prefix } = range;
  const bits = family === 6 ? 128 : 32;
  if (blockPrefix < prefix || blockPrefix > bits || blockPrefix - prefix > 16) throw new RangeError(`blocks of /${blockPrefix} do not fit into ${cidr}`);
  const count = 2 ** (blockPrefix - prefix);
  const blockSize = 1n << BigInt(bits - blockPrefix);
  const taken = new Set<number>();
  let next = 0;
  const blocksOf = (text: string): [number, number] | undefined => {
    const other = parseCidr(text);
    if (!other || other.family !== family) return undefined;
    const last = other.first + (1n << BigInt(bits - other.prefix)) - 1n;
    const from = (other.first - first) / blockSize;
    const to = (last - first) / blockSize;
    if (last < first || from >= BigInt(count)) return undefined;
    return [Math.max(0, Number(other.first < first ? 0n : from)), Math.min(count - 1, Number(to))];
  };
  return {
    family,
    allocate() {
      if (taken.size === count) return undefined;
      while (taken.has(next)) next = (next + 1) % count;
      const index = next;
      taken.add(index);
      next = (index + 1) % count;
      return `${formatAddress(first + BigInt(index) * blockSize, family)}/${blockPrefix}`;
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
