/**
 * Looks over LMDB's file before LMDB does: LMDB trusts its pages, and ends the process with a signal on a file that was
 * cut short or overwritten. Walks the trees from the newest meta page through branch and leaf pages; what lies in
 * overflow pages (large values) is guarded by a checksum where it is read.
 *
 * Layout (little endian, 64 bits; LMDB as the npm package builds it, data version 2): a page begins with a header of
 * 24 bytes: number u64, transaction u64, pad u16, flags u16, lower u16, upper u16. Offsets inside a page count from the
 * header's end. The entry of a large value holds its first page u64, a transaction u64 and its length in pages u64.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const header = 24;
const isBranch = 0x01;
const isLeaf = 0x02;
const isOverflow = 0x04;
const isMeta = 0x08;
const isLeaf2 = 0x20;
const bigData = 0x01;
const subData = 0x02;
const noPage = 0xffff_ffff_ffff_ffffn;
const magic = 0xbeefc0de;

class Damage extends Error {}

/** What is wrong with the file, in a few words; undefined when it can be opened. */
export function findDamage(path: string): string | undefined {
  const fd = openSync(path, 'r');
  try {
    inspect(fd, fstatSync(fd).size);
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function inspect(fd: number, bytes: number): void {
  const metas = [readMeta(fd, 0, bytes), readMeta(fd, 1, bytes)];
  const { pageSize } = metas[0];
  const newest = metas[1].transaction > metas[0].transaction ? metas[1] : metas[0];
  if (bytes % pageSize !== 0) throw new Damage(`its length of ${bytes} bytes is not a whole number of pages`);
  const pages = Math.floor(bytes / pageSize);
  const page = Buffer.alloc(pageSize);
  const visited = new Uint8Array(pages);

  const load = (number: bigint): { number: number; flags: number } => {
    if (number < 2n || number >= BigInt(pages)) throw new Damage(`it refers to page ${number}, of ${pages}`);
    const n = Number(number);
    readSync(fd, page, 0, pageSize, n * pageSize);
    // A transaction to come would make LMDB write to the page in place, where it is mapped read-only.
    if (page.readBigUInt64LE(0) !== number || page.readBigUInt64LE(8) > newest.transaction) throw new Damage(`page ${n} is not what it should be`);
    if (visited[n]++) throw new Damage(`page ${n} is used twice`);
    return { number: n, flags: page.readUInt16LE(18) };
  };
  const start = Buffer.alloc(header);
  /** Checks where a large value is said to be; of it, only the header is read. */
  const claim = (first: bigint, length: bigint, size: number): void => {
    if (first < 2n || length < 1n || first + length > BigInt(pages) || length * BigInt(pageSize) < BigInt(header + size)) throw new Damage(`it has a value of ${size} bytes in ${length} pages from ${first}, of ${pages}`);
    readSync(fd, start, 0, header, Number(first) * pageSize);
    if (start.readBigUInt64LE(0) !== first || start.readBigUInt64LE(8) > newest.transaction || start.readUInt16LE(18) !== isOverflow || BigInt(start.readUInt32LE(20)) !== length) throw new Damage(`page ${first} does not begin the value it should`);
    for (let n = Number(first); n < Number(first + length); n++) if (visited[n]++) throw new Damage(`page ${n} is used twice`);
  };
  /** Checks a tree; `subs` takes the root and depth of trees that are named in it. */
  const walk = (root: bigint, depth: number, subs: bigint[]): void => {
    if (root === noPage) return;
    if (depth < 1) throw new Damage('a tree is deeper than it says');
    const { number, flags } = load(root);
    const kind = flags & (isBranch | isLeaf | isOverflow | isMeta | isLeaf2);
    if (kind !== (depth > 1 ? isBranch : isLeaf)) throw new Damage(`page ${number} is of the wrong kind`);
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const room = pageSize - header;
    if (lower > upper || upper > room || lower % 2 || lower === 0) throw new Damage(`page ${number} has impossible bounds`);
    const children: bigint[] = [];
    for (let i = 0; i < lower; i += 2) {
      const at = page.readUInt16LE(header + i);
      if (at < upper || at + 8 > room) throw new Damage(`page ${number} has an entry outside its bounds`);
      const node = header + at;
      const low = page.readUInt32LE(node);
      const nodeFlags = page.readUInt16LE(node + 4);
      const keySize = page.readUInt16LE(node + 6);
      const data = node + 8 + keySize;
      const size = kind === isBranch ? 0 : nodeFlags & bigData ? 24 : low;
      if (data + size > pageSize) throw new Damage(`page ${number} has an entry that is too long`);
      if (kind === isBranch) children.push(BigInt(low) + (BigInt(nodeFlags) << 32n));
      else if (nodeFlags & bigData) claim(page.readBigUInt64LE(data), page.readBigUInt64LE(data + 16), low);
      else if (nodeFlags & subData) {
        if (size !== 48) throw new Damage(`page ${number} names a tree in ${size} bytes`);
        subs.push(page.readBigUInt64LE(data + 40), BigInt(page.readUInt16LE(data + 6)));
      }
    }
    for (const child of children) walk(child, depth - 1, subs);
  };
  const subs: bigint[] = [];
  walk(newest.free.root, newest.free.depth, []);
  walk(newest.main.root, newest.main.depth, subs);
  for (let i = 0; i < subs.length; i += 2) walk(subs[i], Number(subs[i + 1]), []);
}

function readMeta(fd: number, number: 0 | 1, bytes: number) {
  const meta = Buffer.alloc(header + 144);
  const first = Buffer.alloc(header + 32);
  readSync(fd, first, 0, first.length, 0);
  const pageSize = first.readUInt32LE(header + 24);
  const plausible = pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0;
  if (!plausible || bytes < 2 * pageSize) throw new Damage('its first page is not one of LMDB');
  readSync(fd, meta, 0, meta.length, number * pageSize);
  if (!(meta.readUInt16LE(18) & isMeta) || meta.readUInt32LE(header) !== magic) throw new Damage(`its page ${number} is not a meta page of LMDB`);
  const tree = (at: number) => ({ depth: meta.readUInt16LE(at + 6), root: meta.readBigUInt64LE(at + 40) });
  return { pageSize, free: tree(header + 24), main: tree(header + 72), transaction: meta.readBigUInt64LE(header + 128) };
}
