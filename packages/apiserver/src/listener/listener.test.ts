import { Agent, request as httpsRequest } from 'node:https';
import http2 from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { realRuntime } from '@pilothouse/base';
import { openMemoryStore, type Store } from '@pilothouse/storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePki, type Pki } from '../pki/index.ts';
import { type ApiServer, createApiServer } from '../server.ts';
import type { Listener } from './listener.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const runtime = realRuntime();
let store: Store;
let server: ApiServer;
let listener: Listener;
let pki: Pki;
let admin: Awaited<ReturnType<Pki['clientCertificate']>>;
const dir = mkdtempSync(join(tmpdir(), 'pilothouse-listener-'));

beforeAll(async () => {
  pki = await ensurePki(dir, runtime, { addresses: ['127.0.0.1'] });
  admin = await pki.clientCertificate({ commonName: 'kubernetes-admin', organizations: ['system:masters'] });
  store = openMemoryStore(runtime);
  server = await createApiServer(runtime, {
    store,
    authenticators: [{ name: 'x509', authenticate: async ({ peer }) => peer?.certificate && { user: { name: peer.certificate.commonName, groups: peer.certificate.organizations } } }],
    nonResourceRoutes: [{ path: '/whoami', handle: (_request, { user }) => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from(user.name) }) }],
  });
  listener = await server.listen({ port: 0, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key, clientCa: pki.ca.certificate } });
});
afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(dir, { recursive: true });
});

interface Reply {
  status: number;
  headers: Record<string, any>;
  body: Buffer;
}

const send = (method: string, path: string, options: { body?: Buffer; headers?: Record<string, string>; client?: boolean } = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', port: listener.port, method, path, headers: options.headers, ca: pki.ca.certificate, agent: false, ...(options.client && { cert: admin.certificate, key: admin.key }) },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }));
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });

test('a client certificate says who asks, over HTTP/1.1 and over HTTP/2; without one the anonymous asks', async () => {
  expect((await send('GET', '/whoami')).body.toString()).toBe('system:anonymous');
  expect((await send('GET', '/whoami', { client: true })).body.toString()).toBe('kubernetes-admin');
  const session = http2.connect(listener.url, { ca: pki.ca.certificate, cert: admin.certificate, key: admin.key });
  for (let i = 0; i < 2; i++) {
    const stream = session.request({ ':path': '/whoami' });
    let text = '';
    for await (const piece of stream) text += piece;
    expect(text).toBe('kubernetes-admin');
  }
  session.close();
});

test('a body of more than 3 MiB is refused with 413', async () => {
  const reply = await send('POST', '/api/v1/namespaces/x/configmaps', { body: Buffer.alloc(3 * 1024 * 1024 + 1, ' ') });
  expect([reply.status, JSON.parse(reply.body.toString())]).toEqual([413, expect.objectContaining({ reason: 'RequestEntityTooLarge', message: 'Request entity too large: limit is 3145728' })]);
});

test('long answers are compressed for those that accept it', async () => {
  await send('POST', '/api/v1/namespaces/x/configmaps', { body: Buffer.from(JSON.stringify({ metadata: { name: 'big' }, data: { a: 'x'.repeat(200_000) } })) });
  const reply = await send('GET', '/api/v1/namespaces/x/configmaps/big', { headers: { 'accept-encoding': 'gzip' } });
  expect(reply.headers['content-encoding']).toBe('gzip');
  expect(JSON.parse(gunzipSync(reply.body).toString()).data.a).toHaveLength(200_000);
  expect((await send('GET', '/api/v1/namespaces/x/configmaps/big')).headers['content-encoding']).toBeUndefined();
});

test('a weighed encoding is none that is understood', async () => {
  expect((await send('GET', '/api/v1/namespaces/x/configmaps/big', { headers: { 'accept-encoding': 'gzip;q=1.0' } })).headers['content-encoding']).toBeUndefined();
  expect((await send('GET', '/api/v1/namespaces/x/configmaps/big', { headers: { 'accept-encoding': 'br, gzip' } })).headers['content-encoding']).toBe('gzip');
});

test('a watch streams over both protocols and ends when the server closes its listener', async () => {
  const own = await server.listen({ port: 0 });
  const response = await fetch(`${own.url}/api/v1/namespaces?watch=1`);
  const reader = response.body!.getReader();
  await send('POST', '/api/v1/namespaces', { body: Buffer.from('{"metadata":{"name":"seen"}}') });
  expect(Buffer.from((await reader.read()).value!).toString()).toContain('"name":"seen"');
  const session = http2.connect(listener.url, { ca: pki.ca.certificate });
  const stream = session.request({ ':path': '/api/v1/namespaces?watch=1&resourceVersion=0' });
  const [first] = await new Promise<[Buffer]>((resolve) => stream.once('data', (piece) => resolve([piece])));
  expect(first.toString()).toContain('"type":"ADDED"');
  stream.close();
  session.close();
  await reader.cancel();
  await own.close();
});

test('closing does not wait for idle connections, but for the request in flight', async () => {
  let answer: (() => void) | undefined;
  const slow = await createApiServer(runtime, { store, nonResourceRoutes: [{ path: '/slow', handle: () => new Promise((resolve) => { answer = () => resolve({ status: 200, headers: {}, body: Buffer.from('done') }); }) }] });
  const own = await slow.listen({ port: 0, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key } });
  const idle = http2.connect(own.url, { ca: pki.ca.certificate });
  await new Promise((resolve) => idle.once('connect', resolve));
  const agent = new Agent({ keepAlive: true, ca: pki.ca.certificate });
  const get = (path: string) => new Promise<string>((resolve, reject) => httpsRequest(`${own.url}${path}`, { agent }, (response) => response.on('data', (piece) => resolve(String(piece)))).on('error', reject).end());
  await get('/nosuch');
  const inFlight = get('/slow');
  while (!answer) await new Promise((resolve) => runtime.clock.soon(() => resolve(undefined)));
  const start = runtime.clock.monotonic();
  const closed = slow.close();
  answer!();
  expect(await inFlight).toBe('done');
  await closed;
  expect(runtime.clock.monotonic() - start).toBeLessThan(1_000);
  agent.destroy();
});

test('an address in use is the user’s to mend', async () => {
  await expect(server.listen({ port: listener.port })).rejects.toThrow(/^Listen on 127\.0\.0\.1:\d+: /);
});

test('a client of HTTP/2 that is told to connect anew still gets its answers', async () => {
  const other = await server.listen({ port: 0, goawayChance: 1, tls: { cert: pki.apiserver.certificate, key: pki.apiserver.key } });
  const session = http2.connect(other.url, { ca: pki.ca.certificate });
  const told = new Promise<number>((resolve) => void session.once('goaway', resolve));
  const closed = new Promise<void>((resolve) => void session.once('close', resolve));
  const stream = session.request({ ':path': '/whoami' });
  let text = '';
  for await (const piece of stream) text += piece;
  expect(text).toBe('system:anonymous');
  expect(await told).toBe(http2.constants.NGHTTP2_NO_ERROR);
  await closed;
  await other.close();
});
