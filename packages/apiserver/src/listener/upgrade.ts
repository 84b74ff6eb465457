import type { ApiHandler, ApiResponse } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import { once } from 'node:events';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { separateHeaders } from '../auth/headers.ts';
import { peerOf } from './peer.ts';

/** Connections that were upgraded: they end with the listener. */
export interface Upgrades {
  add(socket: Socket): void;
  end(): void;
}

export function drainingUpgrades(): Upgrades {
  const sockets = new Set<Socket>();
  return {
    add(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    end() {
      for (const socket of sockets) socket.end();
    },
  };
}

/** Passes a request for an upgrade (exec, attach, port-forward) to the handler, and the socket to what it answers. */
export async function handleUpgrade(runtime: Runtime, handle: ApiHandler, request: IncomingMessage, socket: Socket, head: Buffer, upgrades: Upgrades): Promise<void> {
  const abort = new AbortController();
  socket.once('close', () => abort.abort(new Error('the client went away')));
  socket.on('error', () => socket.destroy());
  upgrades.add(socket);
  try {
    const response = await handle({ method: request.method ?? 'GET', url: request.url ?? '/', headers: separateHeaders(request.headers, request.rawHeaders), peer: peerOf(request), signal: abort.signal });
    if (response.upgrade) {
      response.upgrade(socket, head);
      return;
    }
    await refuse(socket, response);
  } catch (error) {
    runtime.log.error('Upgrade failed', { url: request.url, err: error });
    socket.destroy();
  }
}

/** Answers on the raw socket, whole or as a stream, and closes it. */
async function refuse(socket: Socket, { status, headers, body }: ApiResponse): Promise<void> {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (const [name, value] of Object.entries(headers)) for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
  const head = (more: string): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n${more}connection: close\r\n\r\n`, 'latin1');
  if (body === undefined || body instanceof Uint8Array || Array.isArray(body)) {
    const whole = Buffer.concat(body === undefined ? [] : body instanceof Uint8Array ? [body] : body);
    socket.write(Buffer.concat([head(headers['content-length'] === undefined ? `content-length: ${whole.length}\r\n` : ''), whole]));
  } else {
    // A watch, say: it ends when the client goes, which only who reads is told.
    socket.resume();
    socket.once('end', () => socket.destroy());
    socket.write(head(''));
    for await (const piece of body) {
      if (socket.destroyed) break;
      if (!socket.write(piece)) await once(socket, 'drain').catch(() => {});
    }
  }
  // Nobody reads it any more, so nothing would tell that the client closed its side.
  socket.destroySoon();
}
