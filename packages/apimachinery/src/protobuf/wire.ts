/** The protobuf wire format: a writer that fills its buffer from the end (so that lengths are known when they are needed), and a reader. */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class Writer {
  #buffer: Uint8Array;
  /** First byte written so far; everything after it is. */
  #at: number;

  constructor(capacity = 4096) {
    this.#buffer = new Uint8Array(capacity);
    this.#at = capacity;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(this.#at);
  }

  #room(count: number): void {
    if (this.#at >= count) return;
    const used = this.length;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, used + count));
    larger.set(this.#buffer.subarray(this.#at), larger.length - used);
    this.#buffer = larger;
    this.#at = larger.length - used;
  }

  /** An unsigned or sign-extended varint. Whole numbers only. */
  varint(value: number): void {
    this.#room(10);
    if (value >= 0 && value < 0x80) {
      this.#buffer[--this.#at] = value;
      return;
    }
    const out: number[] = [];
    if (value >= 0) {
      let rest = value;
      while (rest >= 0x80) {
        out.push((rest % 0x80) | 0x80);
        rest = Math.floor(rest / 0x80);
      }
      out.push(rest);
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest >= 0x80n) {
        out.push(Number(rest & 0x7fn) | 0x80);
        rest >>= 7n;
      }
      out.push(Number(rest));
    }
    for (let i = out.length - 1; i >= 0; i--) this.#buffer[--this.#at] = out[i];
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
  }

  /** UTF-8 of the text, without a length. */
  text(text: string): void {
    const { length } = text;
    this.#room(length);
    // Plain ASCII, which nearly everything is, needs no encoder.
    let at = this.#at - length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.raw(encoder.encode(text));
        return;
      }
      this.#buffer[at++] = code;
    }
    this.#at -= length;
  }

  double(value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.raw(bytes);
  }

  /** Key of a length-delimited field whose content was written since `mark` (a `length` taken before). */
  closeMessage(number: number, mark: number): void {
    this.varint(this.length - mark);
    this.varint(number * 8 + 2);
  }
}

/** What is not protobuf at all, or cut short. */
export class WireError extends Error {
  override name = 'WireError';
}

/** Messages inside of one another; far beyond any that a client makes, well within the stack. */
const maxDepth = 500;

export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;
  readonly #depth: number;

  /** `depth`: messages that this one is inside of. @throws WireError for one too deep */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0) {
    if (depth > maxDepth) throw new WireError('proto: exceeded max depth');
    this.#depth = depth;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next varint as a signed 64-bit number; beyond 2^53 precision is lost. */
  varint(): number {
    let low = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.#at >= this.#end) throw new WireError('unexpected EOF');
      const byte = this.#bytes[this.#at++];
      if (i < 7) low += (byte & 0x7f) * factor;
      else return this.#wide(i);
      if (byte < 0x80) return low;
      factor *= 128;
    }
    throw new WireError('proto: integer overflow');
  }

  /** Reads again, with big integers, a varint of which `read` bytes after the first were read. */
  #wide(read: number): number {
    this.#at -= read + 1;
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      if (this.#at >= this.#end) throw new WireError('unexpected EOF');
      const byte = this.#bytes[this.#at++];
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new WireError('proto: integer overflow');
  }

  #span(): [number, number] {
    const length = this.varint();
    const start = this.#at;
    if (length < 0 || start + length > this.#end) throw new WireError('unexpected EOF');
    this.#at = start + length;
    return [start, start + length];
  }

  message(): Reader {
    const [start, end] = this.#span();
    return new Reader(this.#bytes, start, end, this.#depth + 1);
  }

  bytes(): Uint8Array {
    const [start, end] = this.#span();
    return this.#bytes.subarray(start, end);
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new WireError('unexpected EOF');
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true);
    this.#at += 8;
    return value;
  }

  /** Passes over a field of this wire type. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 2) this.#span();
    else if (wireType === 5) this.#at += 4;
    else throw new WireError(`proto: illegal wireType ${wireType}`);
    if (this.#at > this.#end) throw new WireError('unexpected EOF');
  }
}

export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes);
export const encodeText = (text: string): Uint8Array => encoder.encode(text);

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
