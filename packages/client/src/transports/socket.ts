import { isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '@pilothouse/base';
import { Agent } from 'undici';
import type { Transport } from '../contract.ts';
import { credentialHeaders } from './credentials.ts';
import { createHttp2Pool, type WireRequest } from './http2.ts';
import type { ClusterAccess } from './kubeconfig.ts';

/** Raised inside to change over to HTTP/1.1 where a server does not speak HTTP/2. */
class NoHttp2 extends Error {}

const connectTimeoutMs = 10_000;

/**
 * Carries requests over the network: HTTP/2 over TLS where the server speaks it, else HTTP/1.1. Connections are made
 * when needed and made anew after the server was gone.
 */
export function createSocketTransport(access: ClusterAccess, runtime: { clock: Clock }): Transport {
  const { clock } = runtime;
  const base = new URL(access.server);
  const prefix = base.pathname.replace(/\/$/, '');
  const host = base.hostname.replace(/^\[|\]$/g, '');
  const tls: ConnectionOptions = {
    host,
    port: Number(base.port || 443),
    servername: access.tlsServerName ?? (isIP(host) ? '' : host),
    ca: access.certificateAuthority,
    cert: access.clientCertificate,
    key: access.clientKey,
    rejectUnauthorized: !access.insecureSkipTlsVerify,
  };
  const credentials = credentialHeaders(access, clock);
  const http2 = base.protocol === 'https:' ? createHttp2Pool(base.origin, { clock, open: () => openHttp2(tls, clock) }) : undefined;
  let http1: Agent | undefined;
  let useHttp1 = !http2;

  const overHttp1 = async (request: WireRequest) => {
    http1 ??= new Agent({ connect: { ...tls, host: undefined, port: undefined } as never, connections: 256, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 60_000 });
    const response = await http1.request({ origin: base.origin, path: request.path, method: request.method as 'GET', headers: request.headers, body: request.body, signal: request.signal });
    return { status: response.statusCode, headers: response.headers as Record<string, string | string[]>, body: response.body as AsyncIterable<Uint8Array> };
  };

  return {
    async request({ method, url, headers, body, bodyObject, signal }) {
      const bytes = bodyObject !== undefined ? Buffer.from(JSON.stringify(bodyObject)) : body;
      const wire: WireRequest = { method, path: prefix + url, headers: { ...headers, ...(await credentials()) }, body: bytes, signal };
      if (signal.aborted) throw signal.reason;
      if (!useHttp1) {
        try {
          return await http2!.request(wire);
        } catch (error) {
          if (!(error instanceof NoHttp2)) throw error;
          useHttp1 = true;
        }
      }
      return overHttp1(wire);
    },
    async close() {
      await http2?.close();
      await http1?.destroy();
    },
  };
}

function openHttp2(tls: ConnectionOptions, clock: Clock): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ ...tls, ALPNProtocols: ['h2', 'http/1.1'] });
    const timer = clock.after(connectTimeoutMs, () => socket.destroy(new Error(`no connection to ${tls.host}:${tls.port} within ${connectTimeoutMs / 1000} s`)));
    const fail = (error: Error) => {
      timer.cancel();
      reject(error);
    };
    socket.setNoDelay(true);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      timer.cancel();
      socket.off('error', fail);
      if (socket.alpnProtocol === 'h2') return resolve(socket);
      socket.destroy();
      reject(new NoHttp2('the server does not speak HTTP/2'));
    });
  });
}
