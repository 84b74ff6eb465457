import type { ByteSink } from '@pilothouse/apimachinery';
import type { ServerResponse } from 'node:http';

/**
 * Where the body of a response goes, its head being written. An HTTP/1.1 response in chunks is written to its socket at
 * once, one write a piece: through the response each piece would be three.
 */
export function sinkOf(raw: ServerResponse): ByteSink {
  const { socket } = raw;
  // A response that waits for an earlier one on the same connection has no socket yet; HTTP/2 has streams instead.
  if (raw.req.httpVersionMajor !== 1 || !raw.chunkedEncoding || !socket || raw.writableLength > socket.writableLength) {
    return { write: (piece, taken) => raw.write(piece, taken as () => void), onDrain: (resume) => void raw.once('drain', resume), end: () => void raw.end(), destroy: () => void raw.destroy() };
  }
  return {
    write: (piece, taken) => !socket.writable || socket.write(chunk(piece), taken),
    onDrain: (resume) => void socket.once('drain', resume),
    end: () => void raw.end(),
    destroy: () => void raw.destroy(),
  };
}

let lastPiece: WeakRef<Uint8Array> | undefined;
let lastChunk: Buffer = Buffer.alloc(0);

/** The piece as a chunk of the chunked encoding; made once for connections that are sent the same one after the other. */
function chunk(piece: Uint8Array): Buffer {
  if (lastPiece?.deref() === piece) return lastChunk;
  const head = `${piece.length.toString(16)}\r\n`;
  const made = Buffer.allocUnsafe(head.length + piece.length + 2);
  made.write(head, 'latin1');
  made.set(piece, head.length);
  made[made.length - 2] = 0x0d;
  made[made.length - 1] = 0x0a;
  lastPiece = new WeakRef(piece);
  lastChunk = made;
  return made;
}
