/** Which ports of a range are taken, and how kube-apiserver writes that down (`RangeAllocation`). Pure. */
import { isProtobuf } from '@pilothouse/apimachinery';
import { eachField } from '@pilothouse/apimachinery/protobuf/values';
import { Reader } from '@pilothouse/apimachinery/protobuf/wire';
import type { Random } from '@pilothouse/base';

export interface PortRange {
  /** Both ends included. */
  from: number;
  to: number;
}

const sizeOf = ({ from, to }: PortRange): number => to - from + 1;

/** `30000-32767` */
export const formatPortRange = ({ from, to }: PortRange): string => `${from}-${to}`;

export const inPortRange = ({ from, to }: PortRange, port: number): boolean => port >= from && port <= to;

/** So many ports at the range's beginning are given to those who ask for one by number, as long as others are free. */
function staticBand(range: PortRange): number {
  const size = sizeOf(range);
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

/** A bit for each port of the range. */
export class PortSet {
  readonly range: PortRange;
  /** Least significant byte first. */
  readonly #bits: Uint8Array;

  constructor(range: PortRange, bits: Uint8Array = new Uint8Array(Math.ceil(sizeOf(range) / 8))) {
    this.range = range;
    this.#bits = bits;
  }

  has(port: number): boolean {
    const at = port - this.range.from;
    return inPortRange(this.range, port) && (this.#bits[at >> 3] & (1 << (at & 7))) !== 0;
  }

  add(port: number): void {
    const at = port - this.range.from;
    this.#bits[at >> 3] |= 1 << (at & 7);
  }

  delete(port: number): void {
    const at = port - this.range.from;
    if (inPortRange(this.range, port)) this.#bits[at >> 3] &= ~(1 << (at & 7));
  }

  /** A free port: at random above the band for those who choose their own, in the band only when the rest is taken. */
  pick(random: Pick<Random, 'below'>): number | undefined {
    const { range } = this;
    const band = staticBand(range);
    const search = (first: number, count: number): number | undefined => {
      const start = random.below(count);
      for (let i = 0; i < count; i++) {
        const port = first + ((start + i) % count);
        if (!this.has(port)) return port;
      }
      return undefined;
    };
    return search(range.from + band, sizeOf(range) - band) ?? (band ? search(range.from, band) : undefined);
  }

  *[Symbol.iterator](): Generator<number> {
    for (let port = this.range.from; port <= this.range.to; port++) if (this.has(port)) yield port;
  }

  /** One big number, most significant byte first, without leading zeros. */
  toBytes(): Buffer {
    const bytes = Buffer.from(this.#bits).reverse();
    const first = bytes.findIndex((b) => b !== 0);
    return first < 0 ? Buffer.alloc(0) : bytes.subarray(first);
  }

  static fromBytes(range: PortRange, bytes: Uint8Array): PortSet {
    const bits = new Uint8Array(Math.ceil(sizeOf(range) / 8));
    bits.set(Uint8Array.from(bytes).reverse().subarray(0, bits.length));
    return new PortSet(range, bits);
  }
}

/** The value of the key that the ports are kept under. */
export const encodeRangeAllocation = (ports: PortSet): Buffer => Buffer.from(JSON.stringify({ kind: 'RangeAllocation', apiVersion: 'v1', metadata: {}, range: formatPortRange(ports.range), data: ports.toBytes().toString('base64') }));

/** The ports that were kept, by whichever API server; undefined when they are of another range. */
export function decodeRangeAllocation(value: Uint8Array, range: PortRange): PortSet | undefined {
  const { range: kept, data } = isProtobuf(value) ? fromProtobuf(value) : fromJson(value);
  return kept === formatPortRange(range) ? PortSet.fromBytes(range, data) : undefined;
}

function fromJson(value: Uint8Array): { range: string; data: Uint8Array } {
  const { range = '', data = '' } = JSON.parse(Buffer.from(value).toString()) as { range?: string; data?: string };
  return { range, data: Buffer.from(data, 'base64') };
}

/** `runtime.Unknown` with a message of metadata 1, range 2, data 3. */
function fromProtobuf(value: Uint8Array): { range: string; data: Uint8Array } {
  let raw: Uint8Array = new Uint8Array();
  let range = '';
  let data: Uint8Array = new Uint8Array();
  const outer = new Reader(value, 4);
  eachField(outer, (n) => n === 2 && ((raw = outer.bytes()), true));
  const inner = new Reader(raw);
  eachField(inner, (n) => {
    if (n === 2) range = inner.text();
    else if (n === 3) data = inner.bytes();
    else return false;
    return true;
  });
  return { range, data };
}
