import type { IncomingMessage } from 'node:http';

/** The whole body; undefined where it is longer than `limit` bytes: the rest is then left unread. Rejects when the client goes away. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const declared = Number(request.headers['content-length'] ?? Number.NaN);
  if (declared > limit) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const onData = (piece: Buffer): void => {
      length += piece.length;
      if (length > limit) {
        request.removeListener('data', onData);
        request.pause();
        resolve(undefined);
      } else pieces.push(piece);
    };
    request.on('data', onData);
    request.once('end', () => resolve(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length)));
    request.once('error', reject);
    request.once('aborted', () => reject(new Error('the client went away')));
  });
}
