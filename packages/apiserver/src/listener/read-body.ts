import type { Deadlines } from '@pilothouse/base';
import type { IncomingMessage } from 'node:http';

/** What all bodies that are being received may hold together. */
export class BodyBudget {
  readonly #bytes: number;
  #held = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get held(): number {
    return this.#held;
  }

  /** False where there is no room for so many more. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#bytes) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** Why there is no body: it is longer than may be, it did not come in time, or too much is being received at once. The rest is left unread. */
export type NoBody = 'too-long' | 'too-late' | 'too-many';

export interface BodyLimits {
  /** In bytes. */
  limit: number;
  /** How long a body may take. */
  deadlines: Pick<Deadlines, 'start'>;
  budget: BodyBudget;
}

/** The whole body, or why not. Rejects when the client goes away. */
export function readBody(request: IncomingMessage, { limit, deadlines, budget }: BodyLimits): Promise<Buffer | NoBody> {
  const declared = Number(request.headers['content-length'] ?? Number.NaN);
  if (declared > limit) return Promise.resolve('too-long');
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const stop = (): void => {
      timer.cancel();
      budget.give(length);
      length = 0;
      request.removeListener('data', onData);
    };
    const refuse = (why: NoBody): void => {
      stop();
      request.pause();
      resolve(why);
    };
    const timer = deadlines.start(() => refuse('too-late'));
    const onData = (piece: Buffer): void => {
      if (length + piece.length > limit) refuse('too-long');
      else if (!budget.take(piece.length)) refuse('too-many');
      else {
        length += piece.length;
        pieces.push(piece);
      }
    };
    request.on('data', onData);
    request.once('end', () => {
      const size = length;
      stop();
      resolve(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, size));
    });
    const onGone = (error?: Error): void => {
      stop();
      reject(error ?? new Error('the client went away'));
    };
    request.once('error', onGone);
    request.once('aborted', () => onGone());
  });
}
