/**
 * SPDY/3.1 over a connection that was upgraded: streams in both directions, as Kubernetes uses them for exec, attach
 * and port-forward (moby/spdystream). That implementation neither keeps windows nor tells of them, so the connection's
 * own back-pressure stands in: a stream that is not read holds the whole connection back. A stream is a Duplex.
 */
import { Duplex } from 'node:stream';
import { createHeaderReader, createHeaderWriter, type Headers } from './headers.ts';

const version = 3;
const kinds = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7, headers: 8 } as const;
const fin = 1;
const mostFrameBytes = 16 * 1024;
const statuses = { protocolError: 1, invalidStream: 2, refused: 3, cancel: 5 } as const;

export interface SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  /** Resolves with the peer's SYN_REPLY, for streams opened here. */
  readonly replied: Promise<Headers>;
  /** Ends the stream in both directions at once. */
  reset(): void;
}

export interface SpdyConnection {
  /** Opens a stream. */
  open(headers: Headers): SpdyStream;
  /** Resolves when the connection is over. */
  readonly ended: Promise<void>;
  /** Says goodbye and ends the connection once what was written is sent. Repeatable. */
  close(): void;
}

export interface SpdyOptions {
  /** Who asked for the upgrade opens odd streams. */
  role: 'client' | 'server';
  /** A stream that the peer opened; it is accepted (SYN_REPLY) unless this returns false. */
  onStream?(stream: SpdyStream): boolean | void;
}

class Stream extends Duplex implements SpdyStream {
  readonly id: number;
  readonly headers: Headers;
  readonly replied: Promise<Headers>;
  reply!: (headers: Headers) => void;
  /** Set while the reader has enough: takes the connection's reading up again. */
  unblock: (() => void) | undefined;
  readonly #send: (frame: Buffer, done?: () => void) => void;
  readonly #gone: (stream: Stream) => void;
  finSent = false;
  finSeen = false;

  constructor(id: number, headers: Headers, send: (frame: Buffer, done?: () => void) => void, gone: (stream: Stream) => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.replied = new Promise((resolve) => {
      this.reply = resolve;
    });
    this.#send = send;
    this.#gone = gone;
  }
  override _read(): void {
    const unblock = this.unblock;
    this.unblock = undefined;
    unblock?.();
  }
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.finSent) {
      done();
      return;
    }
    const part = chunk.subarray(0, mostFrameBytes);
    const rest = chunk.subarray(part.length);
    this.#send(data(this.id, part, 0), () => (rest.length ? this._write(rest, _encoding, done) : done()));
  }
  override _final(done: () => void): void {
    if (this.finSent) {
      done();
      return;
    }
    this.finSent = true;
    this.#send(data(this.id, Buffer.alloc(0), fin), done);
    if (this.finSeen) this.#gone(this);
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.finSent || !this.finSeen) this.#send(reset(this.id, statuses.cancel));
    this.#gone(this);
    this._read();
    done(error);
  }
  /** False: the reader has enough. */
  receive(chunk: Buffer): boolean {
    return this.destroyed || this.push(chunk);
  }
  receiveFin(): void {
    if (this.finSeen) return;
    this.finSeen = true;
    this.push(null);
    if (this.finSent) this.#gone(this);
  }
  /** The peer ended both directions; what was received is still read. */
  over(): void {
    this.finSent = true;
    this.receiveFin();
    this.end();
  }
  reset(): void {
    this.destroy();
  }
}

function control(kind: number, flags: number, length: number): Buffer {
  const frame = Buffer.alloc(8 + length);
  frame.writeUInt16BE(0x8000 | version, 0);
  frame.writeUInt16BE(kind, 2);
  frame.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return frame;
}
function data(id: number, payload: Buffer, flags: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return payload.length ? Buffer.concat([head, payload]) : head;
}
function reset(id: number, status: number): Buffer {
  const frame = control(kinds.rstStream, 0, 8);
  frame.writeUInt32BE(id, 8);
  frame.writeUInt32BE(status, 12);
  return frame;
}
function withBlock(kind: number, head: Buffer, block: Buffer): Buffer {
  const frame = control(kind, 0, head.length + block.length);
  head.copy(frame, 8);
  block.copy(frame, 8 + head.length);
  return frame;
}

/** Speaks SPDY over `socket` (a socket, or any Duplex); `head` is what was read from it already. */
export function spdyConnection(socket: Duplex, head: Buffer, options: SpdyOptions): SpdyConnection {
  const streams = new Map<number, Stream>();
  const writeHeaders = createHeaderWriter();
  const headerReader = createHeaderReader();
  let nextId = options.role === 'client' ? 1 : 2;
  let lastSeen = 0;
  let closed = false;
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  (socket as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);

  const send = (frame: Buffer, done?: () => void) => {
    if (socket.destroyed || socket.writableEnded) return done?.();
    socket.write(frame, () => done?.());
  };
  const gone = (stream: Stream) => void streams.delete(stream.id);
  const make = (id: number, headers: Headers) => {
    const stream = new Stream(id, headers, send, gone);
    stream.on('error', () => undefined);
    streams.set(id, stream);
    return stream;
  };

  async function onControl(kind: number, flags: number, body: Buffer): Promise<void> {
    const id = body.length >= 4 ? body.readUInt32BE(0) & 0x7fffffff : 0;
    const stream = streams.get(id);
    if (kind === kinds.synStream) {
      const headers = await headerReader.read(body.subarray(10));
      lastSeen = id;
      const opened = make(id, headers);
      if (closed || options.onStream?.(opened) === false) {
        streams.delete(id);
        send(reset(id, statuses.refused));
        return;
      }
      const reply = Buffer.alloc(4);
      reply.writeUInt32BE(id);
      send(withBlock(kinds.synReply, reply, writeHeaders({})));
      if (flags & fin) opened.receiveFin();
    } else if (kind === kinds.synReply) {
      const headers = await headerReader.read(body.subarray(4));
      stream?.reply(headers);
      if (flags & fin) stream?.receiveFin();
    } else if (kind === kinds.headers) {
      await headerReader.read(body.subarray(4));
      if (flags & fin) stream?.receiveFin();
    } else if (kind === kinds.rstStream) {
      stream?.over();
    } else if (kind === kinds.ping) {
      // The peer's pings have the other parity; ours are not sent.
      const frame = control(kinds.ping, 0, 4);
      body.copy(frame, 8, 0, 4);
      send(frame);
    } else if (kind === kinds.goAway) {
      closed = true;
    }
  }

  let buffered = head;
  let reading = false;
  async function drain(): Promise<void> {
    if (reading) return;
    reading = true;
    try {
      while (buffered.length >= 8) {
        const length = buffered.readUIntBE(5, 3);
        if (buffered.length < 8 + length) break;
        const frame = buffered.subarray(0, 8 + length);
        buffered = buffered.subarray(8 + length);
        const flags = frame[4];
        if (frame[0] & 0x80) {
          if ((frame.readUInt16BE(0) & 0x7fff) !== version) throw new Error('not SPDY/3');
          await onControl(frame.readUInt16BE(2), flags, frame.subarray(8));
        } else {
          const id = frame.readUInt32BE(0) & 0x7fffffff;
          const stream = streams.get(id);
          if (stream && length && !stream.receive(Buffer.from(frame.subarray(8)))) {
            socket.pause();
            await new Promise<void>((resolve) => {
              stream.unblock = resolve;
            });
            socket.resume();
          }
          if (stream && flags & fin) stream.receiveFin();
          if (!stream && length) send(reset(id, statuses.invalidStream));
        }
      }
    } catch {
      socket.destroy();
    } finally {
      reading = false;
    }
  }

  socket.on('data', (chunk: Buffer) => {
    buffered = buffered.length ? Buffer.concat([buffered, chunk]) : chunk;
    void drain();
  });
  const finish = () => {
    for (const stream of [...streams.values()]) stream.over();
    headerReader.close();
    over();
  };
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('close', finish);
  if (head.length) void drain();
  // Whoever made the upgrade may have paused it.
  socket.resume();

  return {
    ended,
    open(headers) {
      const id = nextId;
      nextId += 2;
      const stream = make(id, headers);
      const opening = Buffer.alloc(10);
      opening.writeUInt32BE(id);
      send(withBlock(kinds.synStream, opening, writeHeaders(headers)));
      return stream;
    },
    close() {
      if (closed && socket.writableEnded) return;
      closed = true;
      const frame = control(kinds.goAway, 0, 8);
      frame.writeUInt32BE(lastSeen, 8);
      send(frame);
      socket.end();
    },
  };
}
