import type { ServerResponse } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

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

/** @param secure whether the server speaks TLS: what serves requests is then the encrypted socket */
export function trackConnections(server: Server, secure: boolean): Connections {
  /** HTTP/1.1: requests in flight by socket. */
  const sockets = new Map<Socket, number>();
  const raw = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  let draining = false;
  const closeIfIdle = (socket: Socket): void => {
    if (draining && sockets.get(socket) === 0) socket.destroySoon();
  };
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    raw.add(socket);
    socket.once('close', () => raw.delete(socket));
  });
  server.on(secure ? 'secureConnection' : 'connection', (socket) => {
    if ((socket as TLSSocket).alpnProtocol === 'h2') return;
    sockets.set(socket, 0);
    socket.once('close', () => sockets.delete(socket));
    closeIfIdle(socket);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    if (draining) session.close();
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
      for (const session of sessions) session.close();
      for (const socket of sockets.keys()) closeIfIdle(socket);
    },
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of raw) socket.destroy();
    },
  };
}
