import type { ApiResponse } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base';
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import { sinkOf } from './sink.ts';

const compress = promisify(gzip);
/** Answers longer than this are compressed for clients that accept it. */
const compressFrom = 128 * 1024;

export interface Writing {
  /** Aborts when the client went away. */
  signal: AbortSignal;
  clock: Pick<Clock, 'after'>;
  /** A client that takes nothing for so long is cut off. */
  stalledMs: number;
}

/** Writes an answer to a connection, waiting where the client reads slowly. */
export async function writeResponse(raw: ServerResponse, method: string, headers: IncomingHttpHeaders, response: ApiResponse, writing: Writing): Promise<void> {
  const { signal } = writing;
  const { status, body } = response;
  if (body === undefined) {
    const text = response.object === undefined ? undefined : Buffer.from(JSON.stringify(response.object));
    raw.writeHead(status, { ...response.headers, ...(text && { 'content-length': text.length }) });
    raw.end(text);
    return;
  }
  if (body instanceof Uint8Array || Array.isArray(body)) {
    const pieces = body instanceof Uint8Array ? [body] : body;
    let length = 0;
    for (const piece of pieces) length += piece.length;
    if (length > cutFrom) cutWhenStalled(raw, writing);
    if (length > compressFrom && acceptsGzip(headers) && !response.headers['content-encoding']) {
      const packed = await compress(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), { level: constants.Z_BEST_SPEED });
      raw.writeHead(status, { ...response.headers, 'content-encoding': 'gzip', vary: varying(response.headers), 'content-length': packed.length });
      raw.end(method === 'HEAD' ? undefined : packed);
      return;
    }
    raw.writeHead(status, { ...response.headers, 'content-length': length });
    if (method === 'HEAD') raw.end();
    else if (pieces.length === 1) endWith(raw, pieces[0]);
    else await writePieces(raw, pieces, signal);
    return;
  }
  if (response.headers['content-length'] !== undefined) cutWhenStalled(raw, writing);
  // A stream of known length is a long answer; one without is a watch, which compression would hold back.
  if (response.headers['content-length'] !== undefined && !response.headers['content-encoding'] && method !== 'HEAD' && acceptsGzip(headers)) {
    const { 'content-length': _, ...rest } = response.headers;
    raw.writeHead(status, { ...rest, 'content-encoding': 'gzip', vary: varying(response.headers) });
    await pipeline(body, createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 }), raw, { signal }).catch((error: unknown) => {
      if (!signal.aborted && (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
    return;
  }
  raw.writeHead(status, response.headers);
  raw.flushHeaders?.();
  if ('pushTo' in body) {
    body.pushTo(sinkOf(raw));
    return;
  }
  for await (const piece of body) {
    if (signal.aborted) break;
    if (!raw.write(piece)) await drained(raw, signal);
  }
  raw.end();
}

/** Shorter answers wait in the buffers of the connection, whoever takes them or not. */
const cutFrom = 64 * 1024;

/** Destroys a response of which nothing was taken between two looks. */
function cutWhenStalled(raw: ServerResponse, { clock, stalledMs }: Writing): void {
  let written = -1;
  let timer = clock.after(stalledMs, function look() {
    const now = raw.socket?.bytesWritten ?? written;
    if (now === written) return void raw.destroy();
    written = now;
    timer = clock.after(stalledMs, look);
  });
  raw.once('close', () => timer.cancel());
}

/** Up to here a body is written together with its head. */
const oneWriteBytes = 32 * 1024;

/** A short body goes as text, byte for byte: Node joins that with the head into one write, where a buffer would be a second. */
function endWith(raw: ServerResponse, body: Uint8Array): void {
  if (body.length > oneWriteBytes || !Buffer.isBuffer(body)) raw.end(body);
  else raw.end(body.toString('latin1'), 'latin1');
}

async function writePieces(raw: ServerResponse, pieces: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
  for (const piece of pieces) {
    if (signal.aborted) break;
    if (!raw.write(piece)) await drained(raw, signal);
  }
  raw.end();
}

async function drained(raw: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(raw, 'drain', { signal }).catch(() => {});
}

/** Only the plain name asks for it: with a quality it is not understood, as upstream reads it. */
function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  const accepted = headers['accept-encoding'];
  return typeof accepted === 'string' && (accepted === 'gzip' || accepted.split(',').some((token) => token.trim() === 'gzip'));
}

/** What the answer depends on: what it said itself, and the encoding. */
const varying = ({ vary }: ApiResponse['headers']): string => (vary ? `${vary}, Accept-Encoding` : 'Accept-Encoding');
