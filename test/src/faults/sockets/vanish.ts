/** Clients of good standing that go away without a word, in the middle of whatever they do. */
import http2 from 'node:http2';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { realClock } from '@pilothouse/base';
import { adminPeer, ask } from '../fuzz/request.ts';
import type { TargetServer } from '../fuzz/target.ts';
import type { Finding } from '../suite.ts';
import { countsOf, leftOver } from './counts.ts';

const clients = 60;

type Client = { destroy(): unknown };

interface Scene {
  name: string;
  /** Opens the client and resolves when it is in the middle of it. */
  open(target: TargetServer, credentials: Credentials): Promise<Client>;
}

interface Credentials {
  ca: string;
  cert: string;
  key: string;
}

const dial = (target: TargetServer, credentials: Credentials): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = tlsConnect({ port: target.listener.port, host: '127.0.0.1', ...credentials, ALPNProtocols: ['http/1.1'] }, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });

const sent = async (target: TargetServer, credentials: Credentials, text: string, then: (socket: TLSSocket) => Promise<unknown> = (socket) => new Promise((resolve) => socket.once('data', resolve))): Promise<Client> => {
  const socket = await dial(target, credentials);
  socket.write(text);
  await then(socket);
  return socket;
};

const paused = async (socket: TLSSocket): Promise<void> => {
  socket.pause();
  await realClock.sleep(20);
};

const scenes: readonly Scene[] = [
  { name: 'watching over HTTP/1.1', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/configmaps?watch=1&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true HTTP/1.1\r\nHost: x\r\n\r\n') },
  { name: 'watching without reading', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true HTTP/1.1\r\nHost: x\r\n\r\n', paused) },
  { name: 'reading half of a list', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: x\r\n\r\n', paused) },
  { name: 'reading half of a packed list', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n', paused) },
  { name: 'sending half of a body', open: (t, c) => sent(t, c, `POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`, () => realClock.sleep(20)) },
  { name: 'sending half of a chunk', open: (t, c) => sent(t, c, 'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nxxx', () => realClock.sleep(20)) },
  { name: 'sending half of a head', open: (t, c) => sent(t, c, 'GET / HTTP/1.1\r\nHost:', () => realClock.sleep(5)) },
  { name: 'asking for an exec', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/pods/none/exec?command=ls&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n', () => realClock.sleep(5)) },
  { name: 'watching after asking for another protocol', open: (t, c) => sent(t, c, 'GET /api/v1/namespaces/fuzz/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n') },
  {
    name: 'nothing happens to what they watch over HTTP/2',
    open: async (target, credentials) => {
      const session = http2.connect(target.listener.url, credentials);
      session.on('error', () => {});
      const streams = Array.from({ length: 5 }, () => session.request({ ':path': '/api/v1/namespaces/fuzz-2/configmaps?watch=1' }).on('error', () => {}));
      await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));
      return { destroy: () => { for (const stream of streams) stream.close(); setTimeout(() => session.destroy(), 100); } };
    },
  },
  {
    name: 'watching over HTTP/2',
    open: async (target, credentials) => {
      const session = http2.connect(target.listener.url, credentials);
      session.on('error', () => {});
      const streams = Array.from({ length: 5 }, () => session.request({ ':path': '/api/v1/namespaces/fuzz/configmaps?watch=1&resourceVersion=0&allowWatchBookmarks=true' }).on('error', () => {}));
      await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));
      return session;
    },
  },
];

/** Every scene with many clients at once, `rounds` times; what is left of them afterwards. */
export async function vanishing(target: TargetServer, rounds: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  const admin = await target.pki.clientCertificate({ commonName: adminPeer.certificate.commonName, organizations: adminPeer.certificate.organizations });
  const credentials: Credentials = { ca: target.pki.ca.certificate, cert: admin.certificate, key: admin.key };
  for (let i = 0; i < 40; i++) await ask(target.server.handle, { method: 'POST', url: '/api/v1/namespaces/fuzz/configmaps', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ metadata: { name: `big-${i}` }, data: { a: String(i).padEnd(200_000, 'x') } })) });
  await realClock.sleep(50);
  target.errors();
  const before = countsOf(target);
  for (let round = 0; round < rounds; round++) {
    for (const { name, open } of scenes) {
      const opened = await Promise.all(Array.from({ length: clients }, () => open(target, credentials)));
      // Something happens while they hold on.
      await ask(target.server.handle, { method: 'PATCH', url: '/api/v1/namespaces/fuzz/configmaps/big-0', headers: { 'content-type': 'application/merge-patch+json' }, body: Buffer.from(JSON.stringify({ data: { b: `${round} ${name}` } })) });
      for (const client of opened) client.destroy();
      const left = await leftOver(target, before);
      if (left) findings.push({ title: `${clients} clients that vanish while ${name} leave something behind`, detail: left });
      for (const error of target.errors()) findings.push({ title: `clients that vanish while ${name} are logged as errors`, detail: error });
    }
  }
  return findings;
}
