/**
 * The lab on loopback, as `kubectl proxy` does it: the page, and the API with the kubeconfig's credentials. Whoever can
 * open a connection to the port acts with them, so it listens on 127.0.0.1 only, and a page from elsewhere that a
 * browser was brought to show gets nothing: the Host header must name loopback (DNS rebinding), and Origin and
 * Sec-Fetch-Site, where present, must say same origin (cross-site requests).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { messageOf, type Scope, UserError } from '@pilothouse/base';
import type { Transport } from '@pilothouse/client';
import type { LabAssets } from './assets.ts';
import { watchSockets } from './watch-socket.ts';

export interface LabProxy {
  assets: LabAssets;
  transport: Transport;
  /** 0: any that is free. */
  port: number;
}

/** What is passed on to the API server; the rest of a browser's headers means nothing there, or should not (Impersonate, Authorization). */
const passedOn = ['accept', 'accept-encoding', 'content-type', 'user-agent', 'if-none-match'];
/** Not passed back: they belong to the connection. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'set-cookie']);
const largestBodyBytes = 4 * 1024 * 1024;

/** Why a request is refused; undefined where it is fine. Pure. */
export function refusal(headers: IncomingMessage['headers'], method: string, path: string, port: number): { status: number; why: string } | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  if (!hosts.includes(headers.host ?? '')) return { status: 403, why: `the Host header must be ${hosts[0]} or ${hosts[1]}` };
  if (headers.origin !== undefined && !hosts.some((host) => headers.origin === `http://${host}`)) return { status: 403, why: 'requests from other origins are refused' };
  const site = headers['sec-fetch-site'];
  const navigates = headers['sec-fetch-mode'] === 'navigate' && (method === 'GET' || method === 'HEAD') && (path === '/' || path === '/lab' || path.startsWith('/lab/'));
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !navigates) return { status: 403, why: 'cross-site requests are refused' };
  if (/^\/api\/v1\/namespaces\/[^/]+\/(pods|services)\/[^/]+\/(exec|attach|portforward|proxy)\b/.test(path) || /^\/api\/v1\/nodes\/[^/]+\/proxy\b/.test(path)) return { status: 403, why: 'the lab passes on no exec, attach, port-forward or proxy' };
  return undefined;
}

/** Serves until the scope closes. Returns the page's address. @throws UserError for a port that cannot be had */
export async function serveLab(scope: Scope, { assets, transport, port: wanted }: LabProxy): Promise<string> {
  let port = wanted;
  const server = createServer((request, response) => {
    void answer(request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else plain(response, 502, `the API server cannot be reached: ${messageOf(error)}`);
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const method = request.method ?? 'GET';
    const url = request.url ?? '/';
    const path = url.split('?')[0];
    const refused = refusal(request.headers, method, path, port);
    if (refused) return plain(response, refused.status, refused.why);
    if (path === '/') return void response.writeHead(302, { location: '/lab/' }).end();
    if (path === '/lab' || path.startsWith('/lab/')) {
      if (method !== 'GET' && method !== 'HEAD') return plain(response, 405, 'Method Not Allowed');
      const found = assets.answer(path, request.headers);
      if (!found) return plain(response, 404, '404 page not found');
      return void response.writeHead(found.status, found.headers).end(method === 'HEAD' ? undefined : found.body);
    }
    if (!/^\/(api|apis|version|openapi)(\/|$)/.test(path)) return plain(response, 404, '404 page not found');
    return passOn(request, response, { method, url, transport });
  };
  const sockets = watchSockets(transport);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const path = request.url ?? '';
    // A browser always says where a WebSocket comes from.
    if (path !== '/lab/watch' || request.headers.origin === undefined || refusal(request.headers, 'GET', path, port)) socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    else sockets.accept(request, socket, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new UserError(`--port ${wanted}: ${error.code === 'EADDRINUSE' ? 'the port is taken' : error.message}`)));
    server.listen(wanted, '127.0.0.1', resolve);
  });
  port = (server.address() as AddressInfo).port;
  scope.defer(
    () =>
      new Promise<void>((resolve) => {
        sockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${port}/lab/`;
}

const plain = (response: ServerResponse, status: number, text: string): void => void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(`${text}\n`);

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > largestBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function passOn(request: IncomingMessage, response: ServerResponse, { method, url, transport }: { method: string; url: string; transport: Transport }): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the browser went away')));
  const body = method === 'GET' || method === 'HEAD' ? Buffer.alloc(0) : await bodyOf(request);
  if (!body) return plain(response, 413, 'the body is too large');
  const headers = Object.fromEntries(passedOn.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])));
  const answer = await transport.request({ method, url, headers, signal: gone.signal, ...(body.length && { body }) });
  response.writeHead(answer.status, Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name) && !name.startsWith(':'))));
  const pieces = answer.body === undefined ? [] : answer.body instanceof Uint8Array ? [answer.body] : answer.body;
  response.flushHeaders();
  await pipeline(Readable.from(pieces), response).catch((error) => {
    if (!gone.signal.aborted) throw error;
  });
}
