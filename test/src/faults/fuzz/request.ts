/** One request of a case, and how it is sent and shown. */
import type { ApiHandler, ApiResponse } from '@pilothouse/apimachinery';
import { realClock } from '@pilothouse/base';

export interface FuzzRequest {
  method: string;
  url: string;
  headers: Record<string, string | string[]>;
  body?: Buffer;
}

export interface Answer {
  status: number;
  headers: ApiResponse['headers'];
  body: Buffer;
  ms: number;
}

/** Longest that any answer may take. */
export const answerWithinMs = 5_000;

/** No answer came in time. */
export class Hang extends Error {
  override name = 'Hang';
}

export const adminPeer = { address: '127.0.0.1', certificate: { commonName: 'kubernetes-admin', organizations: ['system:masters'] } };

/** What is read of a stream: the rest is a watch going on. */
const mostStreamed = 64 * 1024 * 1024;

/** Asks the pipeline, without a socket. `streamMs`: a watch is read for so long, then left. @throws Hang */
export async function ask(handle: ApiHandler, request: FuzzRequest, options: { streamMs?: number } = {}): Promise<Answer> {
  const abort = new AbortController();
  const start = realClock.monotonic();
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = realClock.after(answerWithinMs, () => reject(new Hang(`no answer within ${answerWithinMs} ms`)), { keepAlive: true });
  });
  late.catch(() => {});
  try {
    const work = (async (): Promise<Answer> => {
      const response = await handle({ ...request, headers: { 'user-agent': 'fuzz/1', ...request.headers }, peer: adminPeer, signal: abort.signal });
      const stop = options.streamMs === undefined ? undefined : realClock.after(options.streamMs, () => abort.abort(new Error('enough')), { keepAlive: true });
      const body = await bytesOf(response);
      stop?.cancel();
      return { status: response.status, headers: response.headers, body, ms: realClock.monotonic() - start };
    })();
    work.catch(() => {});
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
    abort.abort(new Error('answered'));
  }
}

async function bytesOf({ body }: ApiResponse): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size > mostStreamed) break;
  }
  return Buffer.concat(pieces);
}

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}… (${text.length} in all)` : text);

/** As a person reads it; binary bodies in base64. */
export function shown({ method, url, headers, body }: FuzzRequest): string {
  const text = body?.toString();
  const printable = text !== undefined && !text.includes('\ufffd') && !/[\0-\x08\x0e-\x1f]/.test(text);
  return `${method} ${cut(JSON.stringify(url).slice(1, -1), 600)}\n${cut(JSON.stringify(headers), 600)}\n${body ? (printable ? cut(text, 1_500) : `base64 ${cut(body.toString('base64'), 1_500)}`) : ''}`;
}
