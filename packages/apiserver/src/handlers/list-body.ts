import type { ByteSink, PushableBody } from '@pilothouse/apimachinery';
import type { View } from './view.ts';

/** Objects are joined up to this many bytes a piece: few enough writes, little enough copied ahead of the socket. */
export const pieceBytes = 256 * 1024;
const listTail = Buffer.from(']}\n');

/** The parts of a list: its text up to the first item, and the bytes that each object's own lose at the start. */
export interface ListParts {
  start: Buffer;
  skip: number;
  views: readonly View[];
}

/** Bytes of the whole list. */
export function listLength({ start, skip, views }: ListParts): number {
  let length = start.length + listTail.length;
  // Each object: a brace, a comma but for the first, and its bytes without what is skipped and the line's end.
  for (let i = 0; i < views.length; i++) length += views[i].bytes.length - skip - 1 + (i ? 2 : 1);
  return length;
}

/** The list in pieces, each in a buffer from `buffer`, which is asked for at least so many bytes. */
export function* joinedPieces({ start, skip, views }: ListParts, buffer: (least: number) => Buffer): Generator<Buffer> {
  let piece = buffer(start.length + listTail.length);
  let at = start.copy(piece);
  for (let i = 0; i < views.length; i++) {
    const { bytes } = views[i];
    const needed = bytes.length - skip - 1 + 2;
    if (at + needed + listTail.length > piece.length) {
      yield piece.subarray(0, at);
      piece = buffer(needed + listTail.length);
      at = 0;
    }
    if (i) piece[at++] = 0x2c;
    piece[at++] = 0x7b;
    at += bytes.copy(piece, at, skip, bytes.length - 1);
  }
  at += listTail.copy(piece, at);
  yield piece.subarray(0, at);
}

/** A long list, put together as the client takes it. Pushed to connections it uses the same few buffers again and again. */
export function listBody(parts: ListParts): PushableBody {
  return {
    async *[Symbol.asyncIterator]() {
      yield* joinedPieces(parts, (least) => Buffer.allocUnsafeSlow(Math.max(pieceBytes, least)));
    },
    pushTo: (sink) => push(joinedPieces(parts, takeBuffer), sink),
  };
}

function push(pieces: Iterator<Buffer>, sink: ByteSink): void {
  for (;;) {
    const { value: piece, done } = pieces.next();
    if (done) return void sink.end();
    if (!sink.write(piece, () => giveBack(piece))) return void sink.onDrain(() => push(pieces, sink));
  }
}

/** Buffers of `pieceBytes` that nobody uses. */
const spare: ArrayBufferLike[] = [];
const mostSpare = 16;

function takeBuffer(least: number): Buffer {
  const known = least <= pieceBytes ? spare.pop() : undefined;
  return known ? Buffer.from(known as ArrayBuffer) : Buffer.allocUnsafeSlow(Math.max(pieceBytes, least));
}

function giveBack({ buffer }: Buffer): void {
  if (buffer.byteLength === pieceBytes && spare.length < mostSpare) spare.push(buffer);
}
