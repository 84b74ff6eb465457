import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import { realClock, realRandom, silentLogger } from '@pilothouse/base';
import { type KubeObject, pods } from '@pilothouse/apimachinery';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import { createInformerFactory } from '../informer/factory.ts';
import { createSocketTransport } from './socket.ts';

const runtime = { clock: realClock, random: realRandom, log: silentLogger };
let tls: { cert: string; key: string };

beforeAll(async () => {
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01', name: 'CN=test', notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 3_600_000), signingAlgorithm: algorithm, keys: keys as never,
    extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  tls = { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
});

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server of one pod whose version can be raised; ends with all its connections. */
async function podServer(state: { version: number }, port = 0): Promise<{ port: number; lists: () => number; stop: () => Promise<void> }> {
  let lists = 0;
  const sessions = new Set<ServerHttp2Session>();
  const pod = () => ({ metadata: { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: String(state.version) } });
  const server: Http2SecureServer = createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const query = new URL(request.url, 'https://x').searchParams;
    response.setHeader('content-type', 'application/json');
    if (!query.get('watch')) {
      lists++;
      response.end(JSON.stringify({ metadata: { resourceVersion: String(state.version) }, items: [pod()] }));
      return;
    }
    response.stream.respond({ ':status': 200 });
    if (Number(query.get('resourceVersion')) < state.version) response.stream.write(`${JSON.stringify({ type: 'MODIFIED', object: pod() })}\n`);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, lists: () => lists, stop };
}

const until = async (condition: () => boolean, withinMs: number) => {
  const end = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error('waited in vain');
    await realClock.sleep(5);
  }
};

describe('socket transport', () => {
  test('an informer survives a restart of the server and hears what changed meanwhile, without listing again', async () => {
    const state = { version: 1 };
    const first = await podServer(state);
    const client = createClient(createSocketTransport({ server: `https://127.0.0.1:${first.port}`, certificateAuthority: tls.cert }, runtime), runtime, { userAgent: 'test' });
    cleanups.push(() => client.close());
    const factory = createInformerFactory(client, runtime);
    cleanups.push(() => factory.close());
    const informer = factory.informer(pods);
    const versions: string[] = [];
    informer.handle({ add: (p) => versions.push(`add ${p.metadata.resourceVersion}`), update: (p) => versions.push(`update ${p.metadata.resourceVersion}`) });
    factory.start();
    await factory.whenSynced();
    await realClock.sleep(50);
    await first.stop();
    state.version = 7;
    await realClock.sleep(200);
    const second = await podServer(state, first.port);
    cleanups.push(second.stop);
    await until(() => versions.length === 2, 1200);
    expect(versions).toEqual(['add 1', 'update 7']);
    expect(second.lists()).toBe(0);
  });

  test('a request that is aborted rejects with the reason of the abort, and an unreachable server with an error', async () => {
    const server = await podServer({ version: 1 });
    cleanups.push(server.stop);
    const client = createClient(createSocketTransport({ server: `https://127.0.0.1:${server.port}`, certificateAuthority: tls.cert }, runtime), runtime, { userAgent: 'test' });
    cleanups.push(() => client.close());
    const abort = new AbortController();
    const reason = new Error('enough');
    const events: unknown[] = [];
    const watching = (async () => {
      for await (const batch of client.watch(pods, { resourceVersion: '0', signal: abort.signal })) events.push(...batch);
    })();
    await until(() => events.length === 1, 2000);
    abort.abort(reason);
    await watching;
    await expect(client.get(pods, 'a', { namespace: 'ns', signal: abort.signal })).rejects.toBe(reason);
    const nowhere = createClient(createSocketTransport({ server: 'https://127.0.0.1:1' }, runtime), runtime, { userAgent: 'test' });
    await expect(nowhere.list(pods)).rejects.toThrow('ECONNREFUSED');
    await nowhere.close();
  });

  test('a server that speaks only HTTP/1.1 is spoken to so', async () => {
    const server = createServer(tls, (request, response) => response.end(JSON.stringify({ metadata: { name: request.httpVersion, namespace: 'ns' } })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
    const client = createClient(createSocketTransport({ server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, certificateAuthority: tls.cert, token: 't' }, runtime), runtime, { userAgent: 'test' });
    cleanups.push(() => client.close());
    expect((await client.get<KubeObject>(pods, 'a', { namespace: 'ns' })).metadata.name).toBe('1.1');
  });
});
