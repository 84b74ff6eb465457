/** Troubles between a controller and the API server, on the test's clock. The test itself speaks to the server undisturbed. */
import type { ApiHandler, ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';

/** Stands before the server. */
export type Trouble = (handle: ApiHandler, runtime: Runtime) => ApiHandler;

const isWatch = ({ url }: ApiRequest): boolean => /[?&]watch=(true|1)/.test(url);
const changes = ({ method }: ApiRequest): boolean => method === 'PUT' || method === 'PATCH';

const failure = (code: number, reason: string, message: string): ApiResponse => {
  const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message };
  return { status: code, headers: { 'content-type': 'application/json' }, object, body: Buffer.from(JSON.stringify(object)) };
};

type Batch = readonly { type: string; object: unknown }[];
type Events = AsyncIterable<Batch>;

export const troubles: Readonly<Record<string, Trouble>> = {
  /** Somebody else is always quicker: every change is refused once before it is let through. Events are nobody's rivals. */
  'conflicts on every write': (handle) => {
    const refused = new Set<string>();
    return async (request) => {
      const key = `${request.method} ${request.url}`;
      if (changes(request) && !request.url.includes('/events') && !refused.delete(key)) {
        refused.add(key);
        return failure(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version and try again');
      }
      return handle(request);
    };
  },

  /** Requests and answers take their time, and overtake each other. */
  'a slow API': (handle, { clock, random }) => async (request) => {
    await clock.sleep(random.below(300));
    const answer = await handle(request);
    await clock.sleep(random.below(300));
    return answer;
  },

  /** Caches show what was a second and a half ago. */
  'stale caches': (handle, { clock }) => async (request) => {
    const answer = await handle(request);
    return isWatch(request) && answer.events ? { ...answer, events: late(answer.events, () => clock.sleep(1500)) } : answer;
  },

  /** Watches break off after a few events; every other time the server has lost the history since. */
  'watches that begin at a newer revision': (handle, { random }) => {
    let watches = 0;
    return async (request) => {
      if (!isWatch(request)) return handle(request);
      if (++watches % 2 === 0) return failure(410, 'Expired', 'too old resource version');
      const answer = await handle(request);
      return answer.events ? { ...answer, events: first(answer.events, 2 + random.below(5)) } : answer;
    };
  },

  /** The server is away now and then. */
  'a server that fails': (handle, { random }) => async (request) => (random.below(4) === 0 && !request.url.includes('/events') ? failure(500, 'InternalError', 'etcdserver: leader changed') : handle(request)),
};

/** In order, each after its wait, however fast the source is. */
async function* late(events: Events, wait: () => Promise<void>): AsyncGenerator<Batch> {
  const pending: { batch: IteratorResult<Batch>; due: Promise<void> }[] = [];
  const source = events[Symbol.asyncIterator]();
  let wake = (): void => undefined;
  let ended = false;
  const pump = async (): Promise<void> => {
    for (;;) {
      const next = await source.next();
      pending.push({ batch: next, due: wait() });
      wake();
      if (next.done) return;
    }
  };
  void pump().catch(() => {
    ended = true;
    wake();
  });
  try {
    for (;;) {
      if (!pending.length && !ended) await new Promise<void>((resolve) => (wake = resolve));
      const head = pending.shift();
      if (!head) return;
      await head.due;
      if (head.batch.done) return;
      yield head.batch.value;
    }
  } finally {
    await source.return?.();
  }
}

async function* first(events: Events, count: number): AsyncGenerator<Batch> {
  let left = count;
  for await (const batch of events) {
    yield batch;
    left -= batch.length;
    if (left <= 0) return;
  }
}
