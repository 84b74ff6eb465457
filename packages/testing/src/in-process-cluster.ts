/** An API server inside the test: memory storage, a clock and a seed of the test's choosing, clients of any identity. */
import { discoveryRoutes } from '@pilothouse/apiserver/routes/discovery';
import { builtinApi } from '@pilothouse/apiserver/routes/index';
import { type ApiServer, type ApiServerOptions, createApiServer } from '@pilothouse/apiserver';
import { subjectAccessReview } from '@pilothouse/apiserver/virtual/subject-access-review';
import { type Clock, fakeClock, type Logger, type Random, type Runtime, seededRandom, silentLogger } from '@pilothouse/base';
import { type ApiHandler, isAlreadyExists, namespaces } from '@pilothouse/apimachinery';
import { type Client, createClient, createInProcessTransport } from '@pilothouse/client';
import { openMemoryStore } from '@pilothouse/storage';

export interface StartApiOptions {
  /** Default: a fake clock of its own; pass one to move time. */
  clock?: Clock;
  seed?: number | string;
  log?: Logger;
  /** Made at the start; default `default` and `kube-system`. */
  namespaces?: readonly string[];
  /** What else the server is given: authorizers, admission, further resources. By default everything is allowed. */
  server?: Partial<ApiServerOptions>;
}

export interface InProcessApi {
  handle: ApiHandler;
  server: ApiServer;
  runtime: Runtime;
  /** A client that acts as `user`, by default an administrator. */
  client(user?: string, groups?: readonly string[]): Client;
  /** Ends the clients and the server. Repeatable. */
  close(): Promise<void>;
}

/** Starts an API server that knows its callers by their certificates' subjects. Objects it hands out are frozen in depth, so that a test finds who changes them. */
export async function startApi(options: StartApiOptions = {}): Promise<InProcessApi> {
  const random: Random = seededRandom(options.seed ?? 1);
  const runtime: Runtime = { clock: options.clock ?? fakeClock(), random, log: options.log ?? silentLogger };
  const store = openMemoryStore(runtime);
  const server = await createApiServer(runtime, {
    store,
    authenticators: [
      {
        name: 'x509',
        async authenticate({ peer }) {
          const subject = peer?.certificate;
          return subject && { user: { name: subject.commonName, groups: [...subject.organizations, 'system:authenticated'] } };
        },
      },
    ],
    nonResourceRoutes: discoveryRoutes(builtinApi, () => 'localhost'),
    virtualHandlers: ({ authorize }) => [subjectAccessReview({ name: 'all', authorize })],
    ...options.server,
  });
  const clients: Client[] = [];
  const handle: ApiHandler = async (request) => frozen(await server.handle(request));
  const api: InProcessApi = {
    handle,
    server,
    runtime,
    client(user = 'admin', groups = ['system:masters']) {
      const client = createClient(createInProcessTransport(handle, { certificate: { commonName: user, organizations: [...groups] } }), runtime, { userAgent: user });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) await client.close();
      await server.close();
      await store.close();
    },
  };
  const admin = api.client();
  for (const name of options.namespaces ?? ['default', 'kube-system']) {
    await admin.create(namespaces, { metadata: { name } }).catch((error) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }
  return api;
}

type Answer = Awaited<ReturnType<ApiHandler>>;

function frozen(answer: Answer): Answer {
  if (answer.object !== undefined) deepFreeze(answer.object);
  if (answer.events) answer.events = frozenEvents(answer.events);
  return answer;
}

async function* frozenEvents(events: NonNullable<Answer['events']>): NonNullable<Answer['events']> {
  for await (const batch of events) yield deepFreeze(batch);
}

/** Freezes JSON data; what is frozen already is taken to be so in depth. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
