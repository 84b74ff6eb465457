import { type ApiHandler, customResourceDefinitions, writeBigIntegers } from '@pilothouse/apimachinery';
import { andThen, type Awaitable, Deadlines, type Runtime, Scope } from '@pilothouse/base';
import { compileRules } from '@pilothouse/cel';
import { loopbackClient } from './bootstrap/client.ts';
import { DeliveryRounds } from './cache/delivery-rounds.ts';
import { StoreFeed } from './cache/store-feed.ts';
import type { Authorizer, Decision, ObjectFeed, RequestAttributes, ResourceDefinition } from './contract.ts';
import { serveCustomResources } from './custom-resources/serving.ts';
import type { ServerCore } from './handlers/call.ts';
import { flowControl } from './flow-control/index.ts';
import { flowControlRoutes } from './routes/flow-control.ts';
import { type ListenOptions, type Listener, openListener } from './listener/listener.ts';
import { collectServer, keyResources } from './metrics/objects.ts';
import { requestMetrics } from './metrics/requests.ts';
import { meteredStore } from './metrics/store.ts';
import { type ApiServerOptions, plug, type ServerParts } from './options.ts';
import { noTexts } from './openapi/documents.ts';
import { createHandler } from './pipeline.ts';
import { objectFeed } from './reader.ts';
import { ResourceRegistry } from './registry.ts';
import { inFlightLimits } from './request/in-flight.ts';
import { builtinDefinitions } from './resources/index.ts';
import { webhookCaller } from './webhooks/call.ts';

/** A running API server; it serves `handle` at once, and sockets once `listen` was called. */
export interface ApiServer {
  /** Answers a request, from whatever transport. Never rejects. */
  handle: ApiHandler;
  /** Opens a socket. May be called for several addresses. @throws UserError for an address that cannot be had */
  listen(options: ListenOptions): Promise<Listener>;
  /** False from the moment closing begins. */
  readonly ready: boolean;
  /** Why the caches cannot follow the store; undefined while they can. */
  readonly problem: Error | undefined;
  /** Reads from the caches, without authorization. */
  read: ObjectFeed;
  registry: ResourceRegistry;
  parts: ServerParts;
  /** Serves further resources; resolves when they answer. */
  define(definitions: readonly ResourceDefinition[]): Promise<void>;
  /** Not ready → watches end → requests in flight are answered → sockets close. Repeatable. The store is the caller's to close. */
  close(): Promise<void>;
}

/** Fills the caches from the store and is ready when the promise resolves. */
export async function createApiServer(runtime: Runtime, options: ApiServerOptions): Promise<ApiServer> {
  writeBigIntegers();
  const scope = new Scope('apiserver');
  const draining = new AbortController();
  const { metrics } = options;
  let resourceOf: ReturnType<typeof keyResources> = () => ({ group: '', resource: '' });
  const store = metrics ? meteredStore(options.store, metrics, runtime.clock, (key) => resourceOf(key)) : options.store;
  const feed = new StoreFeed(store, runtime);
  const registry = new ResourceRegistry(runtime, store, feed);
  resourceOf = keyResources(registry);
  const read = objectFeed(registry, feed);
  let authorizers: readonly Authorizer[] = [];
  const askFrom = (at: number, attributes: RequestAttributes, reason: string): Awaitable<Decision> => {
    if (at === authorizers.length) return { decision: options.authorizers ? 'no-opinion' : 'allow', reason };
    return andThen(authorizers[at].authorize(attributes), (answer) => {
      if (answer.decision !== 'no-opinion') return answer;
      return askFrom(at + 1, attributes, answer.reason && reason ? `${reason}, ${answer.reason}` : answer.reason || reason);
    });
  };
  const authorize = (attributes: RequestAttributes): Awaitable<Decision> => askFrom(0, attributes, '');
  await registry.add(options.definitions ?? builtinDefinitions());
  await feed.start(scope);
  const customResources = registry.of(customResourceDefinitions) && (await serveCustomResources(runtime, scope, { registry, read, compileRules, callWebhook: webhookCaller(runtime, read) }));
  const parts: ServerParts = { ...runtime, read, registry, store, authorize, authorizers: () => authorizers, customResources };
  const core: ServerCore = {
    ...runtime,
    store,
    feed,
    registry,
    read,
    client: loopbackClient((request) => handle(request)),
    admission: [],
    virtualHandlers: [],
    connectHandlers: [],
    authorize,
    rounds: new DeliveryRounds(runtime.clock),
    minWatchTimeoutMs: options.minWatchTimeoutMs ?? 1_800_000,
    componentChecks: options.componentChecks ?? {},
    draining: draining.signal,
    texts: options.texts ?? (() => noTexts),
  };
  authorizers = plug(options.authorizers, parts);
  core.admission = plug(options.admission, parts);
  core.virtualHandlers = plug(options.virtualHandlers, parts);
  core.connectHandlers = plug(options.connectHandlers, parts);
  const { maxReadsInFlight = 400, maxWritesInFlight = 200, requestTimeoutMs = 60_000 } = options;
  const fair = options.priorityAndFairness && maxReadsInFlight + maxWritesInFlight > 0;
  const flow = fair ? flowControl(runtime, read, { seats: maxReadsInFlight + maxWritesInFlight, waitMs: requestTimeoutMs / 4, ...(metrics && { metrics }) }) : undefined;
  // With fairness on these only count.
  const inFlight = fair ? inFlightLimits(0, 0) : inFlightLimits(maxReadsInFlight, maxWritesInFlight);
  if (metrics) collectServer(metrics, registry, inFlight);
  const handle = createHandler({
    core,
    parts,
    authenticators: plug(options.authenticators, parts),
    anonymous: options.anonymous ?? true,
    routes: [...plug(options.nonResourceRoutes, parts), ...(flow ? flowControlRoutes(flow) : [])],
    delegation: options.delegation?.(parts),
    impersonate: options.impersonate,
    audit: options.audit,
    deadlines: new Deadlines(runtime.clock, requestTimeoutMs),
    flow,
    inFlight,
    metrics: metrics && requestMetrics(metrics, runtime.clock),
  });
  let ready = true;
  return {
    handle,
    read,
    registry,
    parts,
    get ready() {
      return ready;
    },
    get problem() {
      return feed.problem;
    },
    async listen(listen) {
      return scope.own(await openListener(runtime, handle, listen));
    },
    define: (definitions) => registry.add(definitions),
    close() {
      ready = false;
      draining.abort(new Error('the API server is closing'));
      return scope.close();
    },
  };
}
