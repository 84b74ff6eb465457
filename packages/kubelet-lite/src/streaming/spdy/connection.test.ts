import net from 'node:net';
import { createInflate } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type SpdyConnection, type SpdyOptions, spdyConnection } from './connection.ts';
import { createHeaderReader, createHeaderWriter, dictionary } from './headers.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const o of open.splice(0)) o.close();
});

/** Two ends of one connection. */
async function pair(server: Omit<SpdyOptions, 'role'>): Promise<{ client: SpdyConnection; served: Promise<SpdyConnection>; raw: net.Socket }> {
  let accept: (c: SpdyConnection) => void;
  const served = new Promise<SpdyConnection>((resolve) => {
    accept = resolve;
  });
  const listener = net.createServer((socket) => accept(spdyConnection(socket, Buffer.alloc(0), { role: 'server', ...server })));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const raw = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1');
  await new Promise((resolve) => raw.once('connect', resolve));
  open.push({ close: () => (raw.destroy(), listener.close()) });
  return { client: spdyConnection(raw, Buffer.alloc(0), { role: 'client' }), served, raw };
}

const collect = (stream: NodeJS.ReadableStream) =>
  new Promise<Buffer>((resolve) => {
    const pieces: Buffer[] = [];
    stream.on('data', (d: Buffer) => pieces.push(d)).on('end', () => resolve(Buffer.concat(pieces)));
  });

describe('SPDY/3.1', () => {
  test('the dictionary is the specification\'s', () => {
    let a = 1;
    let b = 0;
    for (const byte of dictionary) b = (b + (a = (a + byte) % 65521)) % 65521;
    expect(((b << 16) | a) >>> 0).toBe(0xe3c6a7c2);
  });

  test('header blocks are one zlib stream that gives each block out at once', async () => {
    const write = createHeaderWriter();
    const reader = createHeaderReader();
    expect(await reader.read(write({ StreamType: 'stdout' }))).toEqual({ streamtype: 'stdout' });
    expect(await reader.read(write({ port: '80', requestid: '1' }))).toEqual({ port: '80', requestid: '1' });
    reader.close();
    expect(createInflate).toBeTypeOf('function');
  });

  test('streams echo, half-close and keep their bytes', async () => {
    const { client } = await pair({ onStream: (stream) => void stream.pipe(stream) });
    const sent = Buffer.alloc(1_000_000, 'abcdefghij');
    const streams = [1, 2, 3].map((n) => client.open({ streamtype: `s${n}` }));
    const got = Promise.all(streams.map(collect));
    for (const s of streams) s.end(sent);
    expect((await got).every((g) => g.equals(sent))).toBe(true);
  });

  test('a refused stream ends, and others go on', async () => {
    const { client } = await pair({ onStream: (stream) => (stream.headers.streamtype === 'no' ? false : void stream.pipe(stream)) });
    const refused = client.open({ streamtype: 'no' });
    const fine = client.open({ streamtype: 'yes' });
    fine.end('x');
    expect((await collect(refused)).length).toBe(0);
    expect((await collect(fine)).toString()).toBe('x');
  });

  test('what was sent before the connection closed is read', async () => {
    const { client } = await pair({
      onStream(stream) {
        stream.end('last words');
        void served.then((c) => c.close());
      },
    });
    const served = Promise.resolve(client);
    const stream = client.open({ streamtype: 'stdout' });
    expect((await collect(stream)).toString()).toBe('last words');
    client.close();
    await client.ended;
  });
});
