/**
 * Requests that turn into a byte stream (exec, attach, port-forward, WebSockets of proxied applications): the request's
 * head goes to the backend, its 101 comes back, and from then on bytes pass unchanged in both directions.
 */
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsMaterial } from './kubelet.ts';
import { dialError, hostPort, plainError, type Target } from './target.ts';

/** A response head longer than this is no HTTP. */
const maxHead = 64 * 1024;
const bearerProtocol = 'base64url.bearer.authorization.k8s.io.';

const text = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : (value ?? ''));

export const wantsUpgrade = (request: ApiRequest): boolean => /(^|,)\s*upgrade\s*(,|$)/i.test(text(request.headers.connection)) && request.headers.upgrade !== undefined;

/** Headers that say who the client is stay here: the backend knows the API server by its certificate. */
function forwarded(headers: ApiRequest['headers'], host: string): string[] {
  const lines = [`Host: ${host}`];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || ['host', 'authorization', 'content-length', 'transfer-encoding'].includes(name) || name.startsWith('impersonate-')) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      if (name !== 'sec-websocket-protocol') {
        lines.push(`${name}: ${one}`);
        continue;
      }
      const protocols = one.split(',').map((p) => p.trim()).filter((p) => !p.startsWith(bearerProtocol));
      if (protocols.length) lines.push(`${name}: ${protocols.join(', ')}`);
    }
  }
  return lines;
}

/** Connects; rejects with what dialling said. */
export function dial(target: Target, tls: TlsMaterial | undefined, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const at = { host: target.host, port: target.port };
    const socket: Socket = target.secure ? connectTls({ ...at, ...(tls ?? { rejectUnauthorized: false }), ALPNProtocols: ['http/1.1'] }) : connectTcp(at);
    const done = (error?: Error) => {
      socket.off('error', done);
      signal.removeEventListener('abort', abort);
      if (!error) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const abort = () => done(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    socket.setNoDelay(true);
    socket.once(target.secure ? 'secureConnect' : 'connect', () => done());
    socket.on('error', done);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** The head of the answer, and what came with it. */
function readHead(socket: Socket): Promise<{ head: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const finish = (error?: Error) => {
      socket.off('data', onData);
      socket.off('error', finish);
      socket.off('close', onClose);
      if (error) reject(error);
    };
    const onClose = () => finish(new Error('the backend closed the connection before answering'));
    const onData = (piece: Buffer) => {
      held = Buffer.concat([held, piece]);
      const end = held.indexOf('\r\n\r\n');
      if (end >= 0) {
        socket.pause();
        finish();
        resolve({ head: held.subarray(0, end + 4), rest: held.subarray(end + 4) });
      } else if (held.length > maxHead) finish(new Error('the backend\'s answer has too long a head'));
    };
    socket.on('data', onData);
    socket.on('error', finish);
    socket.on('close', onClose);
  });
}

function parseHead(head: Buffer): { status: number; headers: Record<string, string> } {
  const [first, ...lines] = head.toString('latin1').trimEnd().split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(/^HTTP\/1\.\d (\d{3})/.exec(first)?.[1] ?? 502), headers };
}

/** Joins two sockets until either ends; half-closes are passed on. */
export function splice(client: Socket, backend: Socket): void {
  const cut = () => {
    client.destroy();
    backend.destroy();
  };
  client.on('error', cut);
  backend.on('error', cut);
  client.on('close', () => backend.destroy());
  backend.on('close', () => client.destroySoon());
  client.pipe(backend);
  backend.pipe(client);
}

/** Longest wait (bytes) for the text of a refusal. */
const maxRefusal = 1024 * 1024;

/** Passes the upgrade on; a backend that refuses is answered with its own words. @throws StatusError 500 when it cannot be reached */
export async function passUpgrade(request: ApiRequest, target: Target, path: string, tls?: TlsMaterial): Promise<ApiResponse> {
  let backend: Socket;
  try {
    backend = await dial(target, tls, request.signal);
  } catch (error) {
    throw plainError(`error dialing backend: ${dialError(target, error)}`, error);
  }
  let answer: Awaited<ReturnType<typeof readHead>>;
  try {
    backend.write(`${[`${request.method} ${path} HTTP/1.1`, ...forwarded(request.headers, hostPort(target.host, target.port))].join('\r\n')}\r\n\r\n`);
    answer = await readHead(backend);
  } catch (error) {
    backend.destroy();
    throw plainError(`error dialing backend: ${dialError(target, error)}`, error);
  }
  const { status, headers } = parseHead(answer.head);
  if (status === 101) {
    return {
      status,
      headers,
      upgrade(socket, head) {
        const client = socket as Socket;
        client.setNoDelay(true);
        client.write(Buffer.concat([answer.head, answer.rest]));
        if (head.length) backend.write(head);
        splice(client, backend);
      },
    };
  }
  return { status, headers: headers['content-type'] ? { 'content-type': headers['content-type'] } : {}, body: await refusalBody(backend, headers, answer.rest) };
}

async function refusalBody(backend: Socket, headers: Record<string, string>, rest: Buffer): Promise<Buffer> {
  const length = headers['content-length'] === undefined ? Infinity : Number(headers['content-length']);
  let body = rest;
  if (body.length < Math.min(length, maxRefusal)) {
    for await (const piece of backend) {
      body = Buffer.concat([body, piece as Buffer]);
      if (body.length >= Math.min(length, maxRefusal)) break;
      if (/chunked/i.test(headers['transfer-encoding'] ?? '') && body.includes('0\r\n\r\n')) break;
    }
  }
  backend.destroy();
  return /chunked/i.test(headers['transfer-encoding'] ?? '') ? unchunk(body) : body.subarray(0, length);
}

function unchunk(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    const size = end < 0 ? Number.NaN : Number.parseInt(body.toString('latin1', at, end), 16);
    if (!size) return Buffer.concat(pieces);
    pieces.push(body.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}
