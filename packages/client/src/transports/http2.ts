import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@pilothouse/base';
import type { ApiResponse } from '@pilothouse/apimachinery';

export interface WireRequest {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body?: Uint8Array;
  signal: AbortSignal;
}

/** Streams one connection is given before another is opened. */
const streamsPerConnection = 100;
/** An idle connection is asked for a sign of life this often (Go's ReadIdleTimeout), and given this long to answer. */
const pingEveryMs = 30_000;
const pingTimeoutMs = 15_000;
/** Answers of a known length up to this are read whole. */
const gatheredBytes = 64 * 1024;
const windowBytes = 16 * 1024 * 1024;

interface Connection {
  session: ClientHttp2Session;
  streams: number;
  /** Takes no new requests: the server is going away, or it broke. */
  closing: boolean;
}

export interface Http2Pool {
  request(request: WireRequest): Promise<ApiResponse>;
  close(): Promise<void>;
}

/** Requests multiplexed over few connections. `open` makes a connected socket that has agreed on h2. */
export function createHttp2Pool(origin: string, options: { clock: Clock; open: () => Promise<Duplex> }): Http2Pool {
  const { clock } = options;
  const connections = new Set<Connection>();
  let opening: Promise<Connection> | undefined;
  let closed = false;

  const open = async (): Promise<Connection> => {
    const socket = await options.open();
    const session = connectHttp2(origin, { createConnection: () => socket, settings: { initialWindowSize: windowBytes, enablePush: false } });
    const connection: Connection = { session, streams: 0, closing: false };
    let ping: Timer | undefined;
    const gone = () => {
      connection.closing = true;
      connections.delete(connection);
      ping?.cancel();
    };
    session.on('error', gone);
    session.on('close', gone);
    session.on('goaway', () => {
      connection.closing = true;
      connections.delete(connection);
    });
    session.once('connect', () => session.setLocalWindowSize(windowBytes));
    ping = clock.every(pingEveryMs, () => {
      if (session.destroyed) return;
      const overdue = clock.after(pingTimeoutMs, () => session.destroy(new Error('the server did not answer a ping')));
      session.ping(() => overdue.cancel());
    });
    session.unref();
    if (closed) session.destroy();
    else connections.add(connection);
    return connection;
  };

  const acquire = async (): Promise<Connection> => {
    for (;;) {
      for (const connection of connections) {
        if (!connection.closing && !connection.session.destroyed && connection.streams < Math.min(streamsPerConnection, connection.session.remoteSettings?.maxConcurrentStreams ?? streamsPerConnection)) return connection;
      }
      opening ??= open().finally(() => (opening = undefined));
      await opening;
    }
  };

  const attempt = async (request: WireRequest): Promise<ApiResponse> => {
    const connection = await acquire();
    if (request.signal.aborted) throw request.signal.reason;
    return exchange(connection, request);
  };

  return {
    async request(request) {
      if (closed) throw new Error('the transport is closed');
      const reused = connections.size > 0;
      try {
        return await attempt(request);
      } catch (error) {
        // A connection may have died unnoticed; what changes nothing is sent once more over a new one.
        if (request.signal.aborted || !reused || closed || (request.method !== 'GET' && !(error as { refused?: boolean }).refused)) throw error;
        return attempt(request);
      }
    },
    async close() {
      closed = true;
      for (const connection of connections) connection.session.destroy();
      connections.clear();
      await opening?.catch(() => undefined);
    },
  };
}

function exchange(connection: Connection, request: WireRequest): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const { session } = connection;
    const { signal, body } = request;
    let stream: ClientHttp2Stream;
    try {
      stream = session.request({ ':method': request.method, ':path': request.path, ...request.headers }, { endStream: !body });
    } catch (error) {
      connection.closing = true;
      return reject(Object.assign(error as Error, { refused: true }));
    }
    // The process stays alive for what it waits for, not for idle connections.
    if (connection.streams++ === 0) session.ref();
    const onAbort = () => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', onAbort, { once: true });
    let failure: Error | undefined;
    stream.on('error', (error) => {
      failure = error;
    });
    stream.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      if (--connection.streams === 0 && !session.destroyed) session.unref();
      // Too late to matter where the response came already.
      if (signal.aborted) return reject(signal.reason);
      reject(Object.assign(failure ?? new Error('the connection closed before an answer came'), { refused: stream.rstCode === constants.NGHTTP2_REFUSED_STREAM }));
    });
    stream.once('response', (headers) => {
      const answer = { status: Number(headers[':status']), headers: plainHeaders(headers) };
      if (Number(headers['content-length']) <= gatheredBytes) gather(stream, (body) => resolve({ ...answer, body }));
      else resolve({ ...answer, body: bodyOf(stream, signal) });
    });
    if (body) stream.end(body);
  });
}

/** Reads a short answer whole, which costs a fraction of handing it out piece by piece. One that is cut off is told by the stream's end. */
function gather(stream: ClientHttp2Stream, done: (body: Uint8Array) => void): void {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.once('end', () => {
    if (!stream.rstCode) done(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  });
}

async function* bodyOf(stream: ClientHttp2Stream, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Uint8Array>;
    // A reset looks like an ordinary end to the reader.
    if (stream.rstCode && !signal.aborted) throw new Error(`the server cut its answer short (HTTP/2 error ${stream.rstCode})`);
    if (signal.aborted) throw signal.reason;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    if (!stream.closed && !stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
  }
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const plain: Record<string, string | string[]> = {};
  for (const name in headers) if (!name.startsWith(':') && headers[name] !== undefined) plain[name] = headers[name];
  return plain;
}
