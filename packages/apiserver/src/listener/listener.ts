import { type ApiHandler, tooLargeError } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, UserError } from '@pilothouse/base';
import fastify, { type FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { separateHeaders } from '../auth/headers.ts';
import { statusAnswer } from '../request/respond.ts';
import { trackConnections } from './connections.ts';
import { peerOf } from './peer.ts';
import { readBody } from './read-body.ts';
import { drainingUpgrades, handleUpgrade } from './upgrade.ts';
import { writeResponse } from './write-response.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** 0: a free one. */
  port: number;
  /** PEM. Absent: plain HTTP, for tests and for behind a proxy on the same machine. */
  tls?: { cert: string | Buffer; key: string | Buffer; /** Authorities that client certificates are verified against. */ clientCa?: string | Buffer | (string | Buffer)[] };
  /** Default 10,000. */
  maxConnections?: number;
  /** Longest body in bytes. Default 3 MiB. */
  bodyLimit?: number;
  /** Longest that `close` waits for requests in flight. Default 10,000. */
  drainMs?: number;
}

export interface Listener {
  host: string;
  port: number;
  /** `https://127.0.0.1:6443` */
  url: string;
  /** Replaces the certificate for new connections. */
  replaceCertificate(tls: NonNullable<ListenOptions['tls']>): void;
  close(): Promise<void>;
}

/** Serves the handler on a socket: HTTP/1.1, and over TLS HTTP/2 as well. @throws UserError where the address cannot be had */
export async function openListener(runtime: Runtime, handle: ApiHandler, options: ListenOptions): Promise<Listener> {
  const bodyLimit = options.bodyLimit ?? 3 * 1024 * 1024;
  const app = build(options);
  const connections = trackConnections(app.server as never, options.tls !== undefined);
  // Routing, bodies and answers are the handler's own: fastify keeps the server, its protocols and its connections.
  app.addHook('onRequest', (request, reply, _done) => {
    reply.hijack();
    connections.serving(request.raw.socket, reply.raw);
    void serve(runtime, handle, request.raw, reply.raw, bodyLimit);
  });
  app.all('*', async () => {});
  const server = app.server;
  // fastify sets it on HTTP/1 servers only; Node reads it for HTTP/1 connections of an HTTP/2 server too.
  Object.assign(server, { keepAliveTimeout: keepAliveMs });
  server.maxConnections = options.maxConnections ?? 10_000;
  const upgrades = drainingUpgrades();
  server.on('upgrade', (request, socket, head) => void handleUpgrade(runtime, handle, request, socket as Socket, head, upgrades));
  try {
    await app.listen({ host: options.host ?? '127.0.0.1', port: options.port });
  } catch (error) {
    throw new UserError(`Listen on ${options.host ?? '127.0.0.1'}:${options.port}: ${messageOf(error)}`);
  }
  const address = server.address() as { address: string; port: number };
  const host = address.address.includes(':') ? `[${address.address}]` : address.address;
  return {
    host: address.address,
    port: address.port,
    url: `${options.tls ? 'https' : 'http'}://${host}:${address.port}`,
    replaceCertificate({ cert, key, clientCa }) {
      (server as unknown as { setSecureContext(o: unknown): void }).setSecureContext({ cert, key, ...(clientCa && { ca: clientCa }) });
    },
    async close() {
      upgrades.end();
      const cut = runtime.clock.after(options.drainMs ?? 10_000, () => connections.destroy(), { keepAlive: true });
      try {
        const closed = app.close();
        connections.drain();
        await closed;
      } finally {
        cut.cancel();
        connections.destroy();
      }
    },
  };
}

/** Idle connections are kept so long, as upstream's. */
const keepAliveMs = 180_000;

function build(options: ListenOptions): FastifyInstance {
  const shared = { logger: false, forceCloseConnections: 'idle' as const, exposeHeadRoutes: false, keepAliveTimeout: keepAliveMs, requestTimeout: 0, routerOptions: { maxParamLength: 65_536 } };
  if (!options.tls) return fastify(shared as object) as unknown as FastifyInstance;
  const { cert, key, clientCa } = options.tls;
  return fastify({ ...shared, http2: true, https: { allowHTTP1: true, cert, key, requestCert: true, rejectUnauthorized: false, ...(clientCa && { ca: clientCa }), settings: { maxConcurrentStreams: 250 } } } as object) as unknown as FastifyInstance;
}

const bodyMethods = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

async function serve(runtime: Runtime, handle: ApiHandler, request: IncomingMessage, raw: ServerResponse, bodyLimit: number): Promise<void> {
  const abort = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) abort.abort(new Error('the client went away'));
  });
  const method = request.method ?? 'GET';
  try {
    let body: Buffer | undefined;
    if (bodyMethods.has(method)) {
      body = await readBody(request, bodyLimit);
      if (body === undefined) {
        raw.shouldKeepAlive = false;
        await writeResponse(raw, method, request.headers, statusAnswer(tooLargeError(`limit is ${bodyLimit}`), { headers: request.headers, url: request.url ?? '' }), abort.signal);
        return;
      }
    }
    const response = await handle({
      method,
      url: request.url ?? '/',
      headers: separateHeaders(request.headers, request.rawHeaders),
      ...(body && { body }),
      peer: peerOf(request),
      signal: abort.signal,
    });
    await writeResponse(raw, method, request.headers, response, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) runtime.log.error('Answering failed', { url: request.url, err: error });
    raw.destroy();
  }
}
