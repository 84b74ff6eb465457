import type { Clock } from '@pilothouse/base';
import type { ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Limits } from './limits.ts';

/** The open connections of a server, and which of them are idle. */
export interface Connections {
  /** A request came in on the socket; ends with its response. */
  serving(socket: Socket, response: ServerResponse): void;
  /** Closes what is idle now, and the rest as each request ends. */
  drain(): void;
  /** Cuts everything. */
  destroy(): void;
}

interface Server {
  on(event: 'connection' | 'secureConnection', listener: (socket: Socket) => void): unknown;
  on(event: 'session', listener: (session: Http2Session) => void): unknown;
}

/** A peer that is gone without a word is found out by probes, first after so long. */
const keepAliveProbeMs = 15_000;

export interface TrackOptions {
  /** The server speaks TLS: what serves requests is then the encrypted socket. */
  secure: boolean;
  clock: Pick<Clock, 'monotonic' | 'every'>;
  limits: Pick<Limits, 'maxHandshakes' | 'idleMs'>;
}

export function trackConnections(server: Server, { secure, clock, limits }: TrackOptions): Connections {
  /** HTTP/1.1: requests in flight by socket. */
  const sockets = new Map<Socket, number>();
  const raw = new Set<Socket>();
  const sessions = new Map<Http2Session, { streams: number; idleSince: number }>();
  /** Encrypted connections whose handshake is not done. */
  const handshakes = new Set<Socket>();
  let draining = false;
  const closeIfIdle = (socket: Socket): void => {
    if (draining && sockets.get(socket) === 0) socket.destroySoon();
  };
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
    raw.add(socket);
    if (secure) {
      // The one that has taken longest goes: those that mean it are quick.
      const [slowest] = handshakes;
      if (slowest && handshakes.size >= limits.maxHandshakes) slowest.destroy();
      handshakes.add(socket);
    }
    socket.once('close', () => {
      raw.delete(socket);
      handshakes.delete(socket);
    });
  });
  server.on(secure ? 'secureConnection' : 'connection', (socket) => {
    const { _parent: below } = socket as Socket & { _parent?: Socket };
    if (below) handshakes.delete(below);
    if ((socket as TLSSocket).alpnProtocol === 'h2') return;
    sockets.set(socket, 0);
    socket.once('close', () => sockets.delete(socket));
    closeIfIdle(socket);
  });
  server.on('session', (session) => {
    const state = { streams: 0, idleSince: clock.monotonic() };
    sessions.set(session, state);
    session.once('close', () => sessions.delete(session));
    session.on('stream', (stream) => {
      state.streams++;
      stream.once('close', () => {
        state.streams--;
        state.idleSince = clock.monotonic();
      });
    });
    if (draining) session.close();
  });
  // Idle connections of HTTP/1.1 Node closes by itself.
  const sweep = clock.every(limits.idleMs / 3, () => {
    for (const [session, { streams, idleSince }] of sessions) if (!streams && clock.monotonic() - idleSince >= limits.idleMs) session.close();
  });
  return {
    serving(socket, response) {
      const count = sockets.get(socket);
      if (count === undefined) return;
      sockets.set(socket, count + 1);
      response.once('close', () => {
        const left = sockets.get(socket);
        if (left === undefined) return;
        sockets.set(socket, left - 1);
        closeIfIdle(socket);
      });
    },
    drain() {
      draining = true;
      sweep.cancel();
      for (const session of sessions.keys()) session.close();
      for (const socket of sockets.keys()) closeIfIdle(socket);
    },
    destroy() {
      sweep.cancel();
      for (const session of sessions.keys()) session.destroy();
      for (const socket of raw) socket.destroy();
    },
  };
}
