import { type ApiHandler, type StatusError, timeoutError, tooLargeError, tooManyRequestsError } from '@pilothouse/apimachinery';
import { Deadlines, messageOf, type Runtime, UserError } from '@pilothouse/base';
import fastify, { type FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { separateHeaders } from '../auth/headers.ts';
import { statusAnswer } from '../request/respond.ts';
import { trackConnections } from './connections.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { peerOf } from './peer.ts';
import { BodyBudget, type BodyLimits, type NoBody, readBody } from './read-body.ts';
import { drainingUpgrades, handleUpgrade } from './upgrade.ts';
import { writeResponse } from './write-response.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** 0: a free one. */
  port: number;
  /** PEM. Absent: plain HTTP, for tests and for behind a proxy on the same machine. */
  tls?: { cert: string | Buffer; key: string | Buffer; /** Authorities that client certificates are verified against. */ clientCa?: string | Buffer | (string | Buffer)[] };
  /** Those that shall not be the default. */
  limits?: Partial<Limits>;
  /** Share of HTTP/2 requests, 0 to 1, after which the client is told to connect anew. Default 0. */
  goawayChance?: number;
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
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const bodies = { budget: new BodyBudget(limits.bodyBudget), deadlines: new Deadlines(runtime.clock, limits.bodyTimeoutMs), limit: limits.bodyLimit };
  const app = build(options, limits);
  const connections = trackConnections(app.server as never, { secure: options.tls !== undefined, clock: runtime.clock, limits });
  const server = app.server;
  // fastify keeps the server, its protocols and its end. Requests do not go through its router: there is one route.
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    connections.serving(request.socket, response);
    if (options.goawayChance && runtime.random.next() < options.goawayChance) (request as unknown as { stream?: { session?: Http2Session } }).stream?.session?.close();
    void serve({ runtime, handle, limits, bodies }, request, response);
  });
  // fastify sets some of these on HTTP/1 servers only; Node reads them for HTTP/1 connections of an HTTP/2 server too.
  Object.assign(server, { keepAliveTimeout: limits.idleMs, headersTimeout: limits.headersTimeoutMs, maxHeaderSize: limits.maxHeaderBytes, maxConnections: limits.maxConnections });
  const upgrades = drainingUpgrades();
  server.on('upgrade', (request, socket, head) => void handleUpgrade(runtime, handle, request, socket as Socket, head, upgrades));
  try {
    await app.listen({ host: options.host ?? '127.0.0.1', port: options.port });
  } catch (error) {
    connections.destroy();
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

/** Streams that a client may have open on one connection, and headers of one request, over HTTP/2. */
const maxConcurrentStreams = 250;
const maxHeaderPairs = 2_000;

function build(options: ListenOptions, { idleMs, handshakeTimeoutMs, headersTimeoutMs, maxHeaderBytes }: Limits): FastifyInstance {
  const connectionsCheckingInterval = headersTimeoutMs / 4;
  const shared = { logger: false, forceCloseConnections: 'idle' as const, exposeHeadRoutes: false, keepAliveTimeout: idleMs, requestTimeout: 0, routerOptions: { maxParamLength: maxHeaderBytes } };
  if (!options.tls) return fastify({ ...shared, http: { maxHeaderSize: maxHeaderBytes, headersTimeout: headersTimeoutMs, connectionsCheckingInterval } } as object) as unknown as FastifyInstance;
  const { cert, key, clientCa } = options.tls;
  return fastify({ ...shared, http2: true, https: { allowHTTP1: true, cert, key, requestCert: true, rejectUnauthorized: false, ...(clientCa && { ca: clientCa }), handshakeTimeout: handshakeTimeoutMs, connectionsCheckingInterval, maxHeaderListPairs: maxHeaderPairs, settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes } } } as object) as unknown as FastifyInstance;
}

const bodyMethods = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

interface Serving {
  runtime: Runtime;
  handle: ApiHandler;
  limits: Limits;
  bodies: BodyLimits;
}

/** What is answered where a body was not read to its end. */
const refusals: Readonly<Record<NoBody, (limits: Limits) => StatusError>> = {
  'too-long': ({ bodyLimit }) => tooLargeError(`limit is ${bodyLimit}`),
  'too-late': () => timeoutError('request did not complete within the allotted timeout', 0),
  'too-many': () => tooManyRequestsError('Too many requests, please try again later.', 1),
};

async function serve({ runtime, handle, limits, bodies }: Serving, request: IncomingMessage, raw: ServerResponse): Promise<void> {
  const abort = new AbortController();
  raw.once('close', () => {
    // An HTTP/2 response says that it is finished even where its stream was reset.
    if (!raw.writableEnded || !raw.writableFinished) abort.abort(new Error('the client went away'));
  });
  const method = request.method ?? 'GET';
  const writing = { signal: abort.signal, clock: runtime.clock, stalledMs: limits.stalledMs };
  try {
    let body: Buffer | undefined;
    if (bodyMethods.has(method)) {
      const read = await readBody(request, bodies);
      if (typeof read === 'string') {
        raw.shouldKeepAlive = false;
        await writeResponse(raw, method, request.headers, statusAnswer(refusals[read](limits), { headers: request.headers, url: request.url ?? '' }), writing);
        return;
      }
      body = read;
    }
    const response = await handle({
      method,
      url: request.url ?? '/',
      headers: separateHeaders(request.headers, request.rawHeaders),
      ...(body && { body }),
      peer: peerOf(request),
      signal: abort.signal,
    });
    await writeResponse(raw, method, request.headers, response, writing);
  } catch (error) {
    if (!abort.signal.aborted) runtime.log.error('Answering failed', { url: request.url, err: error });
    raw.destroy();
  }
}
