/** Objects as upstream wrote them in both forms: each is made into the other, byte for byte. The pairs lie beside the project, as the other recordings do. */
import { decodeProtobuf, encodeProtobuf, watchFrame } from '@pilothouse/apimachinery';
import { decodeObject } from '@pilothouse/apimachinery/schema/decode';
import { typeOfKind } from '@pilothouse/api-schemas';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

type Value = { kind: string; apiVersion: string; metadata?: Record<string, any>; items?: Record<string, unknown>[] };
interface Pair {
  name: string;
  json: Value;
  protobuf: string;
}

const recorded = join(process.env.PILOTHOUSE_GOLDEN ?? join(import.meta.dirname, '../../../../shared/golden'), 'protobuf/pairs.json');
const all: (Partial<Pair> & { name: string; protobuf: string })[] = existsSync(recorded) ? JSON.parse(readFileSync(recorded, 'utf8')) : [];
const pairs = all.filter((pair): pair is Pair => pair.json !== undefined);
const bytesOf = (pair: { protobuf: string }) => Buffer.from(pair.protobuf, 'base64');
const decoded = (pair: Pair) => decodeProtobuf(bytesOf(pair)) as Value;
const named = <T extends { name: string }>(list: T[]) => list.map((pair) => [pair.name, pair] as const);

/** The two forms were asked for one after the other: of some objects a controller wrote in between. */
const sameMoment = ({ json, protobuf, name }: Pair) => (json.items ? json.items.every((item, i) => revision(item) === revision(decoded({ json, protobuf, name }).items?.[i])) : revision(json) === revision(decoded({ json, protobuf, name })));
const revision = (object: any): string => object?.metadata?.resourceVersion ?? '';

/** The list's own metadata is of its own moment. */
const listMetadata = ({ metadata }: Value): object => Object.fromEntries(Object.entries(metadata ?? {}).filter(([, value]) => value !== ''));
const atMomentOf = (json: Value, other: Value): Value => (json.items ? { ...json, metadata: listMetadata(other) as Record<string, any> } : json);

/** A value with the fields that JSON writes, in the type's order. */
function asWritten(value: Value): unknown {
  if (value.items) return { ...value, metadata: listMetadata(value), items: value.items.map((item) => asWritten({ ...item, kind: value.kind.slice(0, -4), apiVersion: value.apiVersion } as Value)) };
  if (value.kind === 'PartialObjectMetadata') return { ...value, metadata: (asWritten({ kind: 'ConfigMap', apiVersion: 'v1', metadata: value.metadata } as Value) as Value).metadata };
  const [group, version] = value.apiVersion.includes('/') ? value.apiVersion.split('/') : ['', value.apiVersion];
  const type = typeOfKind(group, version, value.kind);
  return type ? decodeObject(type, value).object : value;
}

describe.skipIf(!pairs.length)('protobuf as upstream writes it', () => {
  const together = pairs.filter(sameMoment);
  test('most pairs were taken at one moment', () => expect(together.length).toBeGreaterThan(pairs.length - 6));
  test.each(named(together))('%s: JSON becomes the same bytes', (_, pair) => {
    expect(Buffer.from(encodeProtobuf(atMomentOf(pair.json, decoded(pair)))).toString('base64')).toBe(pair.protobuf);
  });
  test.each(named(together))('%s: the bytes become the same JSON', (_, pair) => {
    expect(JSON.stringify(asWritten(decoded(pair)))).toBe(JSON.stringify(asWritten(atMomentOf(pair.json, decoded(pair)))));
  });
  test.each(named(pairs))('%s: what was read is written as it was', (_, pair) => {
    expect(Buffer.from(encodeProtobuf(decoded(pair))).toString('base64')).toBe(pair.protobuf);
  });
  test.each(named(all.filter((pair) => pair.json === undefined)))('%s', (_, pair) => {
    const frames = bytesOf(pair);
    const again: Uint8Array[] = [];
    // The recording ends in the middle of a frame.
    for (let at = 0; at + 4 < frames.length; ) {
      const length = frames.readUInt32BE(at);
      if (at + 4 + length > frames.length) break;
      const { type, object } = readEvent(frames.subarray(at + 4, at + 4 + length));
      again.push(watchFrame(type, encodeProtobuf(decodeProtobuf(object))));
      at += 4 + length;
    }
    expect(again.length).toBeGreaterThan(1);
    const written = Buffer.concat(again);
    expect(written.equals(frames.subarray(0, written.length))).toBe(true);
  });
});

/** WatchEvent: 1 its type, 2 a RawExtension whose 1 is the object. */
function readEvent(event: Buffer): { type: string; object: Uint8Array } {
  const fields = new Map(fieldsOf(event));
  return { type: fields.get(1)!.toString(), object: new Map(fieldsOf(fields.get(2)!)).get(1)! };
}

function* fieldsOf(bytes: Buffer): Generator<[number, Buffer]> {
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++] >> 3;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    yield [tag, bytes.subarray(at, at + length)];
    at += length;
  }
}
