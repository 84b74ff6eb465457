/** Chance as a value that is passed in. Only this file touches the runtime's own randomness. */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** `length` characters of Kubernetes' alphabet for generated names (no vowels, no look-alikes). */
  suffix(length: number): string;
  bytes(length: number): Uint8Array;
  /** A source whose numbers do not depend on how often this one is used. */
  fork(label: string): Random;
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

function uuidFrom(b: Uint8Array): string {
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return `${hex[b[0]]}${hex[b[1]]}${hex[b[2]]}${hex[b[3]]}-${hex[b[4]]}${hex[b[5]]}-${hex[b[6]]}${hex[b[7]]}-${hex[b[8]]}${hex[b[9]]}-${hex[b[10]]}${hex[b[11]]}${hex[b[12]]}${hex[b[13]]}${hex[b[14]]}${hex[b[15]]}`;
}

function build(next: () => number, uuid: (() => string) | undefined, bytes: (n: number) => Uint8Array, fork: (label: string) => Random): Random {
  const below = (n: number) => Math.floor(next() * n);
  return {
    next,
    below,
    bytes,
    uuid: uuid ?? (() => uuidFrom(bytes(16))),
    suffix: (length) => {
      let text = '';
      for (let i = 0; i < length; i++) text += alphabet[below(alphabet.length)];
      return text;
    },
    fork,
  };
}

/** The machine's own randomness; `bytes` and `uuid` are fit for secrets. */
export const realRandom: Random = build(Math.random, () => globalThis.crypto.randomUUID(), (n) => globalThis.crypto.getRandomValues(new Uint8Array(n)), () => realRandom);

/** A repeatable source (splitmix32). The same seed gives the same numbers; never for secrets. */
export function seededRandom(seed: number | string): Random {
  const origin = typeof seed === 'string' ? hashText(seed) : seed >>> 0;
  let state = origin;
  const word = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  const bytes = (n: number) => Uint8Array.from({ length: n }, () => word() & 0xff);
  return build(() => word() / 2 ** 32, undefined, bytes, (label) => seededRandom(hashText(`${origin}/${label}`)));
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
