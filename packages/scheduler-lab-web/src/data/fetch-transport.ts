/** The client's transport in a browser: `fetch`, answers decoded. Watches go by `watchVia` where that is given. */
import type { ApiResponse, Status, WatchEvent } from '@pilothouse/apimachinery';
import type { Transport } from '@pilothouse/client/contract';
import { linesOf } from './lines.ts';

export interface FetchTransportOptions {
  token(): string;
  /** The server does not know who we are (any more). */
  onUnauthorized(): void;
  /** Opens a stream of text some other way than by a connection of its own. */
  watchVia?: (url: string, signal: AbortSignal) => Promise<TextStream>;
}

export interface TextStream {
  status: number;
  text: AsyncIterable<string>;
}

export function fetchTransport(options: FetchTransportOptions): Transport {
  const plain = (status: number, message: string): Status => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: status, reason: status === 401 ? 'Unauthorized' : 'Unknown', message });
  return {
    async request({ method, url, headers, bodyObject, signal }): Promise<ApiResponse> {
      if (options.watchVia && /[?&]watch=true/.test(url)) {
        const stream = await options.watchVia(url, signal);
        if (stream.status >= 400) return { status: stream.status, headers: {}, object: statusOf(await textOf(stream.text), stream.status, plain) };
        return { status: stream.status, headers: {}, events: eventsOf(stream.text) };
      }
      const token = options.token();
      const answer = await fetch(url, {
        method,
        signal,
        headers: { accept: String(headers.accept ?? 'application/json'), ...(bodyObject !== undefined && { 'content-type': String(headers['content-type'] ?? 'application/json') }), ...(token && { authorization: `Bearer ${token}` }) },
        ...(bodyObject !== undefined && { body: JSON.stringify(bodyObject) }),
        cache: 'no-store',
        credentials: 'omit',
      });
      if (answer.status === 401) options.onUnauthorized();
      const answered: Record<string, string> = Object.fromEntries(answer.headers);
      if (answer.ok && /[?&]watch=true/.test(url) && answer.body) return { status: answer.status, headers: answered, events: eventsOf(textStream(answer.body)) };
      const text = await answer.text();
      return { status: answer.status, headers: answered, object: answer.ok ? (text ? JSON.parse(text) : undefined) : statusOf(text, answer.status, plain) };
    },
    close: async () => undefined,
  };
}

function statusOf(text: string, code: number, plain: (status: number, message: string) => Status): Status {
  try {
    const parsed = JSON.parse(text);
    if (parsed?.kind === 'Status') return parsed;
  } catch {
    // Not the API server's own answer.
  }
  return plain(code, text.trim() || `the server answered ${code}`);
}

async function* textStream(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function* eventsOf(pieces: AsyncIterable<string>): AsyncGenerator<readonly WatchEvent<unknown>[]> {
  for await (const lines of linesOf(pieces)) yield lines.map((line) => JSON.parse(line));
}
