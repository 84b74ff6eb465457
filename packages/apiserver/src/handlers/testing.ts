/** An API server over a memory store and a clock that the test moves, spoken to as clients speak. For tests only. */
import type { ApiResponse } from '@pilothouse/apimachinery';
import { fakeClock, type FakeClock, realClock, type Runtime, seededRandom, silentLogger } from '@pilothouse/base';
import { openMemoryStore, type Store } from '@pilothouse/storage';
import type { ApiServerOptions } from '../options.ts';
import { type ApiServer, createApiServer } from '../server.ts';

export interface Answer {
  status: number;
  headers: ApiResponse['headers'];
  /** Parsed where it is JSON. */
  body: any;
}

export interface TestApi {
  server: ApiServer;
  store: Store;
  clock: FakeClock;
  runtime: Runtime;
  call(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Opens a watch; its lines are collected as they come. */
  watch(url: string, headers?: Record<string, string>): Promise<TestWatch>;
  close(): Promise<void>;
}

export interface TestWatch {
  status: number;
  /** What has come so far: `ADDED web 5`, `BOOKMARK 7`, `ERROR 410 …`. */
  seen(): string[];
  events: { type: string; object: any }[];
  ended: Promise<void>;
  stop(): void;
}

export async function startTestApi(options: Partial<ApiServerOptions> = {}): Promise<TestApi> {
  const clock = fakeClock();
  const runtime: Runtime = { clock, random: seededRandom(7), log: silentLogger };
  const store = openMemoryStore(runtime);
  const server = await createApiServer(runtime, { store, ...options });
  const send = async (method: string, url: string, body?: unknown, headers: Record<string, string> = {}, signal = new AbortController().signal): Promise<ApiResponse> =>
    server.handle({ method, url, headers: { 'content-type': 'application/json', 'user-agent': 'test/1', ...headers }, ...(body !== undefined && { body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }), signal });
  return {
    server,
    store,
    clock,
    runtime,
    async call(method, url, body, headers) {
      const response = await send(method, url, body, headers);
      const text = await textOf(response);
      return { status: response.status, headers: response.headers, body: String(response.headers['content-type']).startsWith('application/json') ? JSON.parse(text) : text };
    },
    async watch(url, headers) {
      const abort = new AbortController();
      const response = await send('GET', url, undefined, headers, abort.signal);
      const events: TestWatch['events'] = [];
      const ended = (async () => {
        if (!response.body || !(Symbol.asyncIterator in response.body)) return;
        for await (const piece of response.body) for (const line of Buffer.from(piece).toString().trim().split('\n')) events.push(JSON.parse(line));
      })();
      await settle();
      return { status: response.status, events, ended, seen: () => events.map(describe), stop: () => abort.abort(new Error('stop')) };
    },
    async close() {
      await server.close();
      await store.close();
    },
  };
}

async function textOf({ body }: ApiResponse): Promise<string> {
  const pieces: Uint8Array[] = [];
  if (body instanceof Uint8Array) pieces.push(body);
  else for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

function describe({ type, object }: { type: string; object: any }): string {
  if (type === 'ERROR') return `ERROR ${object.code} ${object.reason}: ${object.message}`;
  if (type === 'BOOKMARK') return `BOOKMARK ${object.metadata.resourceVersion}${object.metadata.annotations?.['k8s.io/initial-events-end'] ? ' initial events end' : ''}`;
  return `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`;
}

/** Lets what is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => realClock.soon(resolve));
}
