/** Plain HTTP requests through the API server to a pod, service or node. */
import { type ApiRequest, type ApiResponse, serviceUnavailableError } from '@pilothouse/apimachinery';
import { type Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { rewriteLinks } from './html.ts';
import { dialError, hostPort, type Target } from './target.ts';
import { passUpgrade, wantsUpgrade } from './upgrade.ts';
import type { TlsMaterial } from './kubelet.ts';

const hopByHop = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host', 'content-length', 'authorization']);

function requestHeaders(request: ApiRequest, target: Target): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined && !name.startsWith(':') && !hopByHop.has(name) && !name.startsWith('impersonate-')) headers[name] = value;
  const through = [headers['x-forwarded-for'], request.peer?.address].flat().filter(Boolean).join(', ');
  return {
    ...headers,
    host: hostPort(target.host, target.port),
    ...(through && { 'x-forwarded-for': through }),
    'x-forwarded-uri': request.url.split('?')[0],
    'x-forwarded-host': String(request.headers[':authority'] ?? request.headers.host ?? ''),
    'x-forwarded-proto': 'https',
    ...(request.body?.length && { 'content-length': String(request.body.length) }),
  };
}

export interface ForwardOptions {
  /** With its query, as the backend is to see it. */
  path: string;
  /** What stands before the backend's path in the client's URL; undefined: answers are not rewritten. */
  prefix?: string;
  tls?: TlsMaterial;
  agent?: HttpAgent;
  /** How long the backend may take to begin its answer. Default: as long as it likes. */
  timeoutMs?: number;
}

/** A path of the backend's as the client has to ask for it; other hosts and relative links stay. */
export function throughProxy(url: string, prefix: string, target: Target, clientHost: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url, 'http://relative.invalid');
  } catch {
    return url;
  }
  const absolute = /^([a-z][a-z0-9+.-]*:)?\/\//i.test(url);
  if (absolute && parsed.host !== hostPort(target.host, target.port) && parsed.host !== target.host && parsed.host !== clientHost) return url;
  const path = absolute ? parsed.pathname : url.replace(/[?#].*$/, '');
  if (!path.startsWith('/')) return url;
  const tail = `${parsed.search}${parsed.hash}`;
  const origin = absolute && parsed.host === clientHost ? `${parsed.protocol}//${parsed.host}` : '';
  return `${origin}${path.startsWith(prefix) ? path : `${prefix.replace(/\/$/, '')}${path}`}${tail}`;
}

/** What of the backend's headers the client gets. */
export function responseHeaders(response: IncomingMessage, rewrite?: (url: string) => string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(response.headers)) if (value !== undefined && (!hopByHop.has(name) || name === 'content-length')) headers[name] = value;
  if (rewrite) for (const name of ['location', 'content-location']) if (typeof headers[name] === 'string') headers[name] = rewrite(headers[name] as string);
  return headers;
}

async function whole(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Sends the request on and streams the answer. @throws StatusError 503 when the backend cannot be reached */
export async function forward(request: ApiRequest, target: Target, options: ForwardOptions): Promise<ApiResponse> {
  if (wantsUpgrade(request)) return passUpgrade(request, target, options.path, options.tls);
  const response = await exchange(request, target, options).catch((error: unknown) => {
    throw request.signal.aborted ? error : serviceUnavailableError(`error trying to reach service: ${dialError(target, error)}`);
  });
  const { prefix } = options;
  const clientHost = String(request.headers[':authority'] ?? request.headers.host ?? '');
  const rewrite = prefix === undefined ? undefined : (url: string) => throughProxy(url, prefix, target, clientHost);
  const headers = responseHeaders(response, rewrite);
  const status = response.statusCode ?? 502;
  const isPage = rewrite && /^text\/html\b/i.test(String(headers['content-type'] ?? '')) && !headers['content-encoding'] && request.method !== 'HEAD';
  if (!isPage) return { status, headers, body: request.method === 'HEAD' ? new Uint8Array() : response };
  delete headers['content-length'];
  return { status, headers, body: Buffer.from(rewriteLinks((await whole(response)).toString('latin1'), rewrite), 'latin1') };
}

/** Sends the request on; resolves with the head of the answer. Rejects with what the connection said. */
export function exchange(request: ApiRequest, target: Target, options: ForwardOptions): Promise<IncomingMessage> {
  const { path, tls, agent, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    let begun = false;
    const send = target.secure ? requestHttps : requestHttp;
    const outgoing = send({ host: target.host, port: target.port, method: request.method, path, headers: requestHeaders(request, target), ...(agent ? { agent } : target.secure ? (tls ?? { rejectUnauthorized: false }) : {}), ...(timeoutMs && { timeout: timeoutMs }), signal: request.signal }, (response) => {
      begun = true;
      resolve(response);
    });
    outgoing.on('timeout', () => void (begun || outgoing.destroy(new Error('context deadline exceeded'))));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The backend closed a kept connection just as it was used again.
      const again = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE') && (request.method === 'GET' || request.method === 'HEAD') && !request.signal.aborted;
      if (again) exchange(request, target, options).then(resolve, reject);
      else reject(error);
    });
    outgoing.end(request.body?.length ? request.body : undefined);
  });
}
