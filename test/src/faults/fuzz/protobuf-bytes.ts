/** Kubernetes protobuf that is wrong: cut short, with lengths that lie, fields of other types, depth. */
import { encodeProtobuf, Writer } from '@pilothouse/apimachinery';
import type { Dice } from '../suite.ts';
import { pathsOf } from './mutate.ts';

/** A message inside itself by one field, `depth` times. */
export function recursion(field: number, depth: number): Buffer {
  const writer = new Writer(depth * 8);
  for (let i = 0; i < depth; i++) writer.closeMessage(field, 0);
  return Buffer.from(writer.bytes());
}

const oddBytes: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  [0x0b, 0x0c],
  [0x07],
  [0x00],
  [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07],
  [0x0a, 0x02, 0xc3, 0x28],
  [0x0a, 0x01, 0x00],
  [0x0d, 0, 0, 0, 0],
  [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
  [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
  [0xfa, 0xff, 0xff, 0xff, 0x0f, 0x00],
];

/** Replaces some text in an object (numbers stay numbers, for the encoder takes them at their word). */
function retyped(object: any, dice: Dice): any {
  const copy = structuredClone(object);
  const path = dice.pick(pathsOf(copy).filter((p) => p.length > 0));
  let holder = copy;
  for (const step of path.slice(0, -1)) holder = holder[step];
  const key = path[path.length - 1];
  if (typeof holder[key] === 'string') holder[key] = dice.pick(['', '\0', 'é', '\ud800', 'x'.repeat(70_000), '__proto__']);
  else if (typeof holder[key] === 'number') holder[key] = dice.pick([0, -1, 2 ** 31, -(2 ** 31), 2 ** 53]);
  else if (typeof holder[key] === 'object' && holder[key] !== null && !Array.isArray(holder[key]) && dice.once(2)) Object.defineProperty(holder[key], '__proto__', { value: 'x', enumerable: true, configurable: true, writable: true });
  return copy;
}

/** A message for the object, wrong in one way or another. */
export function protobufBytes(object: { apiVersion?: string; kind?: string }, dice: Dice): Buffer {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(encodeProtobuf(dice.once(2) ? retyped(object, dice) : object));
  } catch {
    bytes = Buffer.from('k8s\0');
  }
  for (let times = dice.below(4); times > 0 && bytes.length; times--) {
    const at = dice.below(bytes.length);
    switch (dice.below(7)) {
      case 0:
        bytes[at] ^= 1 << dice.below(8);
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(dice.pick(oddBytes)), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + dice.between(1, 8))]);
        break;
      case 4:
        bytes[at] = dice.pick([0, 0x7f, 0x80, 0xff]);
        break;
      case 5:
        bytes = Buffer.concat([bytes, bytes.subarray(Math.min(4, bytes.length))]);
        break;
      default: {
        const inner = recursion(dice.between(1, 20), dice.pick([10, 200, 12_000, 100_000]));
        const head = new Writer();
        head.varint(inner.length);
        head.varint(2 * 8 + 2);
        bytes = Buffer.concat([bytes.subarray(0, 4), Buffer.from(head.bytes()), inner, dice.once(2) ? bytes.subarray(4) : Buffer.alloc(0)]);
      }
    }
  }
  return bytes;
}
