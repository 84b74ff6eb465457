/** Exec and attach over WebSocket: channels 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize; 255 half-closes in v5. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** The protocols a server takes, the best first. */
export const channelProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'] as const;
export const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const tokenProtocol = 'SPDY-3.1+portforward.k8s.io';

export interface Accepted {
  socket: WebSocket;
  protocol: string;
}

/**
 * Accepts the upgrade with the best protocol that both know; undefined: none, and the connection is answered 400.
 * The socket is paused until its reader resumes it. `SPDY/3.1+…` is not a token that `ws` takes, so it is renamed on the way in and back on the way out.
 */
export function acceptWebSocket(request: IncomingMessage, raw: Duplex, head: Buffer, protocols: readonly string[]): Promise<Accepted | undefined> {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim()).filter(Boolean);
  const chosen = protocols.find((p) => offered.includes(p)) ?? (offered.length ? undefined : '');
  if (chosen === undefined) {
    raw.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return Promise.resolve(undefined);
  }
  if (offered.length) request.headers['sec-websocket-protocol'] = chosen === tunnelProtocol ? tokenProtocol : chosen;
  const server = new WebSocketServer({ noServer: true, maxPayload: 32 * 1024 * 1024, perMessageDeflate: false });
  server.on('headers', (headers) => {
    const at = headers.findIndex((h) => /^sec-websocket-protocol:/i.test(h));
    if (at >= 0 && chosen === tunnelProtocol) headers[at] = `Sec-WebSocket-Protocol: ${tunnelProtocol}`;
  });
  (raw as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
  return new Promise((resolve) => server.handleUpgrade(request, raw, head, (socket) => {
    socket.pause();
    resolve({ socket, protocol: chosen });
  }));
}

export interface ChannelSession {
  /** A message of the client. */
  onMessage(handler: (channel: number, data: Buffer) => void): void;
  onClose(handler: () => void): void;
  /** False: hold back until `drained`. */
  send(channel: number, data: Buffer): boolean;
  drained(handler: () => void): void;
  end(): void;
  /** Whether channel 255 says that one is over. */
  readonly halfClose: boolean;
  /** Whether the outcome is a Status (v4 and later). */
  readonly statusOutcome: boolean;
}

const mostBuffered = 1024 * 1024;

export function channelSession({ socket, protocol }: Accepted): ChannelSession {
  const base64 = protocol.includes('base64');
  const waiting: (() => void)[] = [];
  const sent = () => {
    if (socket.bufferedAmount < mostBuffered / 2) for (const w of waiting.splice(0)) w();
  };
  return {
    halfClose: protocol.startsWith('v5.'),
    statusOutcome: protocol.startsWith('v4.') || protocol.startsWith('v5.'),
    onMessage(handler) {
      socket.resume();
      socket.on('message', (message: Buffer) => {
        if (!message.length) return;
        if (base64) handler(message[0] - 0x30, Buffer.from(message.toString('latin1', 1), 'base64'));
        else handler(message[0], message.subarray(1));
      });
    },
    onClose(handler) {
      socket.on('close', handler);
      socket.on('error', handler);
    },
    send(channel, data) {
      if (socket.readyState !== socket.OPEN) return true;
      if (base64) socket.send(`${channel}${data.toString('base64')}`, sent);
      else socket.send(Buffer.concat([Buffer.from([channel]), data]), sent);
      return socket.bufferedAmount < mostBuffered;
    },
    drained: (handler) => void waiting.push(handler),
    end: () => socket.close(1000),
  };
}
