import type { ApiHandler } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
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

/** Answers on the raw socket and closes it. */
async function refuse(socket: Socket, response: Awaited<ReturnType<ApiHandler>>): Promise<void> {
  const pieces: Uint8Array[] = [];
  if (response.body instanceof Uint8Array) pieces.push(response.body);
  else if (Array.isArray(response.body)) pieces.push(...response.body);
  else if (response.body) for await (const piece of response.body) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`];
  for (const [name, value] of Object.entries(response.headers)) for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`), body]));
}
