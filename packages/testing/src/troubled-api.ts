/** Troubles between a controller and the API server, on the test's clock. The test itself speaks to the server undisturbed. */
import type { ApiHandler, ApiRequest, ApiResponse, KubeObject } from '@pilothouse/apimachinery';
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

  /** Now and then a write is done, but the answer that says so is lost. */
  'answers that are lost': (handle, { random }) => async (request) => {
    const answer = await handle(request);
    return request.method !== 'GET' && random.below(5) === 0 && !request.url.includes('/events') ? failure(504, 'Timeout', 'request did not complete within requested timeout') : answer;
  },

  /** The server is away now and then. */
  'a server that fails': (handle, { random }) => async (request) => (random.below(4) === 0 && !request.url.includes('/events') ? failure(500, 'InternalError', 'etcdserver: leader changed') : handle(request)),
};

/** No trouble: notes what is changed, as `create pods x-0`, `update replicasets x-… replicas 3`, `delete pods x-1`. Statuses and events are left out. */
export const noting = (lines: string[]): Trouble => (handle) => async (request) => {
  const [, namespace, resource = '', name, subresource] = /(\/namespaces\/[^/?]+)?\/([a-z]+)(?:\/([^/?]+))?(?:\/([a-z]+))?(?:\?.*)?$/.exec(request.url.replace(/^\/api\/v1|^\/apis\/[^/]+\/[^/]+/, '')) ?? [];
  const verb = ({ POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as Record<string, string>)[request.method];
  const answer = await handle(request);
  if (verb && namespace && resource !== 'events' && subresource !== 'status') {
    const object = (answer.object ?? {}) as { spec?: { replicas?: number } };
    const given = (request.bodyObject as KubeObject | undefined)?.metadata;
    const called = name ?? given?.name ?? (given?.generateName ? `${given.generateName}…` : '');
    lines.push(`${verb} ${resource} ${called}${resource !== 'pods' && object.spec?.replicas !== undefined ? ` replicas ${object.spec.replicas}` : ''}${answer.status >= 400 ? ` (${answer.status})` : ''}`);
  }
  return answer;
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
