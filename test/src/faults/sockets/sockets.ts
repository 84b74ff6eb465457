/** Fuzzing the listener by sockets: malformed HTTP/1.1 and HTTP/2, handshakes and bodies cut off, clients that vanish. */
import { connect, type Socket } from 'node:net';
import { request as httpsRequest } from 'node:https';
import { connect as tlsConnect } from 'node:tls';
import { realClock } from '@pilothouse/base';
import { startTarget, type TargetServer } from '../fuzz/target.ts';
import { dice, type Dice, type FaultContext, type FaultReport, type FaultSuite, type Finding } from '../suite.ts';
import { watchdog } from '../watchdog.ts';
import { countsOf, leftOver } from './counts.ts';
import { vanishing } from './vanish.ts';
import { http1Request, http2Bytes } from './wire.ts';

/** After the last byte was sent and the sending side closed, the server has so long to end the connection. */
const endWithinMs = 5_000;
const probeEvery = 20;

type Script = (socket: Socket, dice: Dice) => Promise<void>;

const write = (socket: Socket, bytes: Uint8Array): Promise<void> => new Promise((resolve) => (socket.writable ? socket.write(bytes, () => resolve()) : resolve()));

/** In pieces of any size, with pauses now and then. */
async function dribble(socket: Socket, bytes: Buffer, throws: Dice): Promise<void> {
  for (let at = 0; at < bytes.length && socket.writable; ) {
    const size = throws.pick([1, 7, 100, 20_000, bytes.length]);
    await write(socket, bytes.subarray(at, at + size));
    at += size;
    if (throws.once(4)) await realClock.sleep(1);
    if (at > 300 && size < 100) break;
  }
}

const scripts: readonly { name: string; protocols: readonly string[] | undefined; run: Script }[] = [
  { name: 'HTTP/1.1', protocols: ['http/1.1'], run: async (socket, throws) => write(socket, http1Request(throws)) },
  { name: 'HTTP/1.1 in pieces', protocols: ['http/1.1'], run: async (socket, throws) => dribble(socket, http1Request(throws), throws) },
  { name: 'HTTP/1.1 pipelined', protocols: ['http/1.1'], run: async (socket, throws) => write(socket, Buffer.concat(Array.from({ length: throws.pick([2, 5, 60]) }, () => (throws.once(3) ? http1Request(throws) : Buffer.from(`GET ${throws.pick(['/readyz', '/api/v1/namespaces', '/api/v1/pods?watch=1&timeoutSeconds=1'])} HTTP/1.1\r\nHost: x\r\n\r\n`))))) },
  { name: 'HTTP/1.1 cut off', protocols: ['http/1.1'], run: async (socket, throws) => { const bytes = http1Request(throws); await write(socket, bytes.subarray(0, throws.below(bytes.length + 1))); if (throws.once(2)) socket.destroy(); } },
  { name: 'HTTP/2', protocols: ['h2'], run: async (socket, throws) => write(socket, http2Bytes(throws)) },
  { name: 'HTTP/2 in pieces', protocols: ['h2'], run: async (socket, throws) => dribble(socket, http2Bytes(throws), throws) },
  { name: 'HTTP/2 cut off', protocols: ['h2'], run: async (socket, throws) => { const bytes = http2Bytes(throws); await write(socket, bytes.subarray(0, throws.below(bytes.length + 1))); if (throws.once(2)) socket.destroy(); } },
  { name: 'HTTP/1.1 where HTTP/2 was agreed', protocols: ['h2'], run: async (socket, throws) => write(socket, http1Request(throws)) },
  { name: 'no TLS', protocols: undefined, run: async (socket, throws) => write(socket, throws.once(2) ? http1Request(throws) : Buffer.concat([Buffer.from([0x16, 3, 1, throws.below(3), throws.below(256), throws.below(3)]), Buffer.from(throws.bytes(throws.below(600)))])) },
];

/** Opens a connection, with TLS where protocols are named; resolves with it, or with undefined where the server refuses. */
function dial(target: TargetServer, protocols: readonly string[] | undefined): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const { port } = target.listener;
    const socket: Socket = protocols ? tlsConnect({ port, host: '127.0.0.1', ca: target.pki.ca.certificate, ALPNProtocols: [...protocols] }, () => resolve(socket)) : connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });
}

/** True where the server closed the connection in time. */
async function ends(socket: Socket): Promise<boolean> {
  let closed = socket.destroyed || socket.closed;
  socket.once('close', () => (closed = true)).resume();
  socket.end();
  for (let waited = 0; !closed && waited < endWithinMs; waited += 5) await realClock.sleep(5);
  socket.destroy();
  return closed;
}

/** Asks for /readyz on a connection of its own. */
function probe(target: TargetServer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = httpsRequest({ host: '127.0.0.1', port: target.listener.port, path: '/readyz', ca: target.pki.ca.certificate, agent: false, timeout: endWithinMs }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200 ? undefined : `/readyz answers ${response.statusCode}`));
    });
    request.once('timeout', () => request.destroy(new Error('timed out')));
    request.once('error', (error) => resolve(`/readyz cannot be asked: ${error.message}`));
    request.end();
  });
}

async function run({ seed, forMs, only, log }: FaultContext): Promise<FaultReport> {
  const target = await startTarget();
  const guard = watchdog(`sockets of seed ${seed}`, 2 * endWithinMs);
  const findings = new Map<string, Finding>();
  const found = (title: string, detail: string): void => void (findings.has(title) || findings.set(title, { title, detail }));
  const onStray = (error: unknown): void => found(`an error that nobody caught: ${String(error).slice(0, 100)}`, String((error as Error)?.stack ?? error));
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
  const start = realClock.monotonic();
  let tried = 0;
  const runCase = async (number: number): Promise<void> => {
    guard.begin(number);
    const throws = dice(`${seed}/${number}`);
    const script = throws.pick(scripts);
    const socket = await dial(target, script.protocols);
    if (!socket) return;
    await script.run(socket, throws);
    if (!(await ends(socket))) found(`${script.name}: a connection is not closed after its client's side was`, `case ${number} of seed ${seed}`);
    for (const error of target.errors()) found(`${script.name}: logs an error: ${error.split('\n')[0].slice(0, 140)}`, `case ${number} of seed ${seed}\n${error}`);
  };
  try {
    await probe(target);
    const before = countsOf(target);
    if (only !== undefined) await runCase(only);
    else {
      while (realClock.monotonic() - start < forMs * 0.7) {
        await runCase(tried++);
        if (tried % probeEvery) continue;
        const fault = await probe(target);
        if (fault) found(fault, `after case ${tried - 1} of seed ${seed}`);
      }
      log(`  ${tried} connections`);
    }
    const left = await leftOver(target, before);
    if (left) found('clients that are gone leave something behind', left);
    for (const finding of await vanishing(target, Math.max(1, Math.round(forMs / 20_000)))) found(finding.title, finding.detail);
  } finally {
    await guard.close();
    await target.close();
    process.off('unhandledRejection', onStray);
    process.off('uncaughtException', onStray);
  }
  return { tried, findings: [...findings.values()] };
}

export const socketFaults: FaultSuite = { name: 'sockets', run };
