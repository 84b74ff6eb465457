/** What a client may take of the listener, and what happens to one that takes more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { realRuntime } from '@pilothouse/base';
import { openMemoryStore } from '@pilothouse/storage';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ensurePki, type Pki } from '../pki/index.ts';
import { type ApiServer, createApiServer } from '../server.ts';
import type { Limits } from './limits.ts';
import type { Listener } from './listener.ts';

const runtime = realRuntime();
const dir = mkdtempSync(join(tmpdir(), 'pilothouse-limits-'));
const store = openMemoryStore(runtime);
let server: ApiServer;
let pki: Pki;
let own: Listener;
const open: { destroy(): unknown }[] = [];

beforeAll(async () => {
  pki = await ensurePki(dir, runtime, { addresses: ['127.0.0.1'] });
  server = await createApiServer(runtime, { store, nonResourceRoutes: [{ path: '/long', handle: () => ({ status: 200, headers: {}, body: Buffer.alloc(64 * 1024 * 1024, 'x') }) }] });
});
afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await own.close();
});
afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(dir, { recursive: true });
});

const listen = async (limits: Partial<Limits>): Promise<void> => {
  own = await server.listen({ port: 0, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key }, limits, drainMs: 200 });
};
const tcp = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(own.port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
    open.push(socket);
  });
const tls = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = tlsConnect({ port: own.port, host: '127.0.0.1', ca: pki.ca.certificate, ALPNProtocols: ['http/1.1'] }, () => resolve(socket));
    socket.on('error', reject);
    open.push(socket);
  });
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()).resume());
const until = async (what: () => boolean): Promise<void> => {
  while (!what()) await runtime.clock.sleep(5);
};

interface Reply {
  status: number;
  headers: Record<string, unknown>;
  text: string;
}
/** Sends a request whose body is left unfinished where `half` is set. */
const send = (path: string, options: { method?: string; headers?: Record<string, string>; body?: string; half?: boolean } = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest({ host: '127.0.0.1', port: own.port, path, method: options.method ?? 'GET', headers: options.headers, ca: pki.ca.certificate, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece)).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    open.push(request);
    request.on('error', reject);
    if (options.half) request.write(options.body);
    else request.end(options.body);
  });

test('a head of up to 1 MiB is read, over both protocols; a longer one is refused', async () => {
  await listen({});
  const long = `/api/v1/pods?labelSelector=${'a'.repeat(900_000)}`;
  expect((await send(long)).status).toBe(400);
  await expect(send(`${long}${'a'.repeat(200_000)}`).then(({ status }) => status)).resolves.toBe(431);
  // Over HTTP/2 nghttp2's own limits are less: 64 KiB a header, nine frames of 16 KiB a head.
  const session = http2.connect(own.url, { ca: pki.ca.certificate, maxSendHeaderBlockLength: 2 * 1024 * 1024 });
  open.push(session);
  const many = Object.fromEntries(Array.from({ length: 2 }, (_, i) => [`x-${i}`, 'a'.repeat(30_000)]));
  const status = await new Promise((resolve, reject) => session.request({ ':path': `/api/v1/pods?labelSelector=${'a'.repeat(60_000)}`, ...many }).on('response', (headers) => resolve(headers[':status'])).on('error', reject));
  expect(status).toBe(400);
});

test('a body that does not come in time is answered 504', async () => {
  await listen({ bodyTimeoutMs: 100 });
  const { status, text } = await send('/api/v1/namespaces', { method: 'POST', headers: { 'content-length': '100' }, body: '{', half: true });
  expect([status, JSON.parse(text).reason]).toEqual([504, 'Timeout']);
});

test('bodies that together hold too much are answered 429, and room comes back', async () => {
  await listen({ bodyBudget: 1_000, bodyTimeoutMs: 300 });
  const half = send('/api/v1/namespaces', { method: 'POST', headers: { 'content-length': '1000' }, body: 'x'.repeat(900), half: true });
  await runtime.clock.sleep(50);
  const refused = await send('/api/v1/namespaces', { method: 'POST', body: `{"metadata":{"name":"n","annotations":{"a":"${'x'.repeat(300)}"}}}` });
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
  expect((await half).status).toBe(504);
  expect((await send('/api/v1/namespaces', { method: 'POST', body: `{"metadata":{"name":"n","annotations":{"a":"${'x'.repeat(300)}"}}}` })).status).toBe(201);
});

test('handshakes under way are bounded; those that are done do not count', async () => {
  await listen({ maxHandshakes: 3 });
  for (let i = 0; i < 6; i++) await tls();
  const silent = [await tcp(), await tcp(), await tcp()];
  const gone = closed(silent[0]);
  await tcp();
  await gone;
  expect(silent.slice(1).every((socket) => !socket.destroyed)).toBe(true);
  expect((await send('/long', { method: 'HEAD' })).status).toBe(200);
});

test('a handshake or a head that never ends ends the connection', async () => {
  await listen({ handshakeTimeoutMs: 100, headersTimeoutMs: 200 });
  await closed(await tcp());
  const slow = await tls();
  slow.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  await closed(slow);
});

test('connections beyond the most are closed; the others are served', async () => {
  await listen({ maxConnections: 2 });
  const first = await tls();
  await tls();
  await closed(await tcp());
  first.destroy();
  await runtime.clock.sleep(50);
  expect((await send('/long', { method: 'HEAD' })).status).toBe(200);
});

test('a client that takes nothing of a long answer is cut off', async () => {
  await listen({ stalledMs: 150 });
  const socket = await tls();
  socket.pause();
  socket.write('GET /long HTTP/1.1\r\nHost: x\r\n\r\n');
  let gone = false;
  socket.once('close', () => (gone = true));
  await runtime.clock.sleep(800);
  socket.resume();
  await until(() => gone);
  expect(socket.bytesRead).toBeLessThan(64 * 1024 * 1024);
});

test('HTTP/2 connections without streams are closed after a while; with one they stay', async () => {
  await listen({ idleMs: 150 });
  const idle = http2.connect(own.url, { ca: pki.ca.certificate });
  const busy = http2.connect(own.url, { ca: pki.ca.certificate });
  open.push(idle, busy);
  const stream = busy.request({ ':path': '/api/v1/namespaces?watch=1' });
  stream.on('error', () => {});
  await new Promise((resolve) => idle.once('close', resolve));
  expect(busy.closed).toBe(false);
  stream.close();
  await new Promise((resolve) => busy.once('close', resolve));
});

test('a request for a protocol that nobody speaks is answered as any other; its connection is not kept', async () => {
  await listen({});
  const socket = await tls();
  socket.write('GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  const [answer] = await new Promise<[Buffer]>((resolve) => socket.once('data', (piece) => resolve([piece])));
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  await closed(socket);
  const watching = await tls();
  const cache = server.registry.find('', 'v1', 'namespaces')!.stored!.cache;
  watching.write('GET /api/v1/namespaces?watch=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await until(() => cache.watcherCount === 1);
  watching.destroy();
  await until(() => cache.watcherCount === 0);
});

test.each(['close', 'destroy'] as const)('a watch over HTTP/2 ends with its stream, or its connection: %s', async (how) => {
  await listen({});
  const cache = server.registry.find('', 'v1', 'namespaces')!.stored!.cache;
  const session = http2.connect(own.url, { ca: pki.ca.certificate });
  open.push(session);
  const streams = Array.from({ length: 3 }, () => session.request({ ':path': '/api/v1/namespaces?watch=1' }).on('error', () => {}));
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));
  expect(cache.watcherCount).toBe(3);
  if (how === 'destroy') session.destroy();
  else for (const stream of streams) stream.close();
  await until(() => cache.watcherCount === 0);
});
