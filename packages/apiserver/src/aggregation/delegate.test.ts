import { Agent, createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { realClock, realRandom } from '@pilothouse/base';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { issueAuthority, issueCertificate } from '../pki/issue.ts';
import type { Backends } from './backends.ts';
import { delegate } from './delegate.ts';

let server: Server;
let agent: Agent;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let gone = 0;
beforeAll(async () => {
  const validity = { notBefore: realClock.now() - 60_000, notAfter: realClock.now() + 3600_000 };
  const authority = await issueAuthority('ca', validity, realRandom);
  const pair = await issueCertificate(authority, { commonName: 's', usages: ['server'], names: ['s.a.svc'] }, validity, realRandom);
  server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    response.on('close', () => {
      if (!response.writableEnded) gone++;
    });
    answer(request, response);
  });
  agent = new Agent({ ca: authority.certificate, servername: 's.a.svc', keepAlive: true });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  gone = 0;
});
afterAll(() => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

const backends = (): Backends => ({ backendOf: async () => ({ target: { secure: true, host: '127.0.0.1', port: (server.address() as AddressInfo).port }, tls: { rejectUnauthorized: true }, agent }) }) as unknown as Backends;
const user = { name: 'jane', groups: ['g'] };

async function ask(path: string, { method = 'GET', headers = {}, limitMs, signal = new AbortController().signal, body }: { method?: string; headers?: Record<string, string>; limitMs?: number; signal?: AbortSignal; body?: object } = {}) {
  const { pathname } = new URL(path, 'http://x');
  const response = await delegate(backends(), { metadata: {} }, { method, url: path, headers, signal, ...(body && { bodyObject: body }) }, { user, info: { path: decodeURIComponent(pathname), isResource: true }, auditId: 'id', ...(limitMs && { limitMs }) });
  const pieces: Uint8Array[] = [];
  if (response.body instanceof Uint8Array) pieces.push(response.body);
  else for await (const piece of response.body ?? []) pieces.push(piece);
  return { ...response, text: Buffer.concat(pieces).toString() };
}

test('the server sees the path that was authorized, the user, and nothing of what the client said of itself', async () => {
  answer = (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('x-own', 'yes');
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  };
  const { headers, text } = await ask('/apis/g/v1/a%2F..%2Fb?x=%2F', { headers: { authorization: 'Bearer x', 'x-remote-user': 'root', 'x-remote-extra-a': 'b', 'impersonate-user': 'c', connection: 'keep-alive', accept: 'application/json' } });
  const seen = JSON.parse(text);
  expect(seen.url).toBe('/apis/g/v1/a/../b?x=%2F');
  expect(seen.headers).toMatchObject({ 'x-remote-user': 'jane', 'x-remote-group': 'g', 'audit-id': 'id', accept: 'application/json' });
  for (const name of ['authorization', 'x-remote-extra-a', 'impersonate-user']) expect(seen.headers[name]).toBeUndefined();
  expect(headers).toMatchObject({ 'x-own': 'yes' });
  expect(headers['access-control-allow-origin']).toBeUndefined();
});

test('a caller in this process sends and gets JSON', async () => {
  answer = async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    response.end(JSON.stringify([request.headers['content-type'], text]));
  };
  expect(JSON.parse((await ask('/apis/g/v1/a', { method: 'POST', body: { a: 1 } })).text)).toEqual(['application/json', '{"a":1}']);
});

test('redirects are refused, and what has no body gets none', async () => {
  answer = (_, response) => response.writeHead(302, { location: 'https://elsewhere/' }).end();
  expect(await ask('/apis/g/v1/a')).toMatchObject({ status: 502, text: 'the backend attempted to redirect this request, which is not permitted' });
  answer = (_, response) => response.writeHead(304, { etag: '"x"' }).end();
  expect(await ask('/apis/g/v1/a')).toMatchObject({ status: 304, headers: { etag: '"x"' }, text: '' });
});

test('a server that does not begin to answer is given up, and told so', async () => {
  answer = () => {};
  expect(await ask('/apis/g/v1/a', { limitMs: 50 })).toMatchObject({ status: 503, text: 'error trying to reach service: context deadline exceeded\n' });
  await expect.poll(() => gone).toBe(1);
  // Once it has begun it may take its time.
  answer = (_, response) => {
    response.write('a');
    realClock.after(150, () => response.end('b'));
  };
  expect((await ask('/apis/g/v1/a', { limitMs: 50 })).text).toBe('ab');
});

test('a client that goes takes its request with it', async () => {
  answer = (_, response) => response.write('event');
  const stop = new AbortController();
  const asking = ask('/apis/g/v1/a', { signal: stop.signal });
  realClock.after(30, () => stop.abort(new Error('gone')));
  await expect(asking).rejects.toThrow();
  await expect.poll(() => gone).toBe(1);
});

test('names that no header can hold are no way in', async () => {
  const response = await delegate(backends(), { metadata: {} }, { method: 'GET', url: '/apis/g/v1/a', headers: {}, signal: new AbortController().signal }, { user: { name: 'a\nx-remote-group: system:masters', groups: [] }, info: { path: '/apis/g/v1/a', isResource: true }, auditId: '' });
  expect([response.status, Buffer.from(response.body as Uint8Array).toString()]).toEqual([503, 'error trying to reach service: net/http: invalid header field value for "X-Remote-User"\n']);
});
