import type { ApiHandler } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, UserError } from '@pilothouse/base';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { peerOf } from './peer.ts';
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
  const app = build(options, bodyLimit);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
  app.all('*', (request, reply) => serve(runtime, handle, request, reply));
  app.setErrorHandler((error, request, reply) => {
    const tooLarge = (error as { statusCode?: number }).statusCode === 413;
    const code = tooLarge ? 413 : ((error as { statusCode?: number }).statusCode ?? 500);
    if (code >= 500) runtime.log.error('Request failed in the listener', { url: request.url, err: error });
    const message = tooLarge ? `Request entity too large: limit is ${bodyLimit}` : messageOf(error);
    void reply.code(code).header('content-type', 'application/json').send(JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: tooLarge ? 'RequestEntityTooLarge' : code === 400 ? 'BadRequest' : 'InternalError', code }));
  });
  const sockets = new Set<Socket>();
  const server = app.server;
  server.maxConnections = options.maxConnections ?? 10_000;
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', track);
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
      const cut = runtime.clock.after(options.drainMs ?? 10_000, () => {
        for (const socket of sockets) socket.destroy();
      });
      try {
        await app.close();
      } finally {
        cut.cancel();
        for (const socket of sockets) socket.destroy();
      }
    },
  };
}

function build(options: ListenOptions, bodyLimit: number): FastifyInstance {
  const shared = { bodyLimit, logger: false, forceCloseConnections: 'idle' as const, exposeHeadRoutes: false, keepAliveTimeout: 180_000, requestTimeout: 0 };
  if (!options.tls) return fastify({ ...shared, routerOptions: { maxParamLength: 8192 } } as object) as unknown as FastifyInstance;
  const { cert, key, clientCa } = options.tls;
  return fastify({ ...shared, routerOptions: { maxParamLength: 8192 }, http2: true, https: { allowHTTP1: true, cert, key, requestCert: true, rejectUnauthorized: false, ...(clientCa && { ca: clientCa }), settings: { maxConcurrentStreams: 250 } } } as object) as unknown as FastifyInstance;
}

async function serve(runtime: Runtime, handle: ApiHandler, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.hijack();
  const raw = reply.raw;
  const abort = new AbortController();
  const onClose = (): void => {
    if (!raw.writableFinished) abort.abort(new Error('the client went away'));
  };
  raw.once('close', onClose);
  try {
    const response = await handle({
      method: request.method,
      url: request.raw.url ?? '/',
      headers: request.raw.headers,
      ...(request.body !== undefined && request.body !== null && { body: request.body as Buffer }),
      peer: peerOf(request.raw.socket),
      signal: abort.signal,
    });
    await writeResponse(raw, request.method, request.raw.headers, response, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) runtime.log.error('Writing an answer failed', { url: request.url, err: error });
    raw.destroy();
  }
}
