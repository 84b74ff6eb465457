import { messageOf, type Runtime } from '@pilothouse/base';
import { groupResource, isConflict, isNotFound, type KubeObject, keyOf, type ResourceType, StatusError } from '@pilothouse/apimachinery';
import { type Client, createEventRecorder, createWorkQueue, type Informer, type InformerFactory, type WorkQueue } from '@pilothouse/client';
import { type OwnWrites, ownWrites } from './own-writes.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import type { ControllerContext, ControllerDefinition, Watch } from './contract.ts';

/** Counters by controller, named as upstream's work queue metrics (`workqueue_adds_total` and so on) call them. */
export interface ControllerMetrics {
  adds(controller: string): void;
  retries(controller: string): void;
  /** Seconds that a key waited for a worker. */
  queueDuration(controller: string, seconds: number): void;
  /** Seconds that one reconcile took. */
  workDuration(controller: string, seconds: number): void;
  /** Seconds that reconciles under way have taken so far. */
  underWay(controller: string, read: () => readonly number[]): void;
  /** Whether the controller runs. */
  running(controller: string, value: boolean): void;
  /** A key was put off, for the cache of a resource (`pods`, `jobs.batch`) did not show the controller's own writes. */
  staleSkip(controller: string, resource: string): void;
  /** Keys waiting. */
  depth(controller: string, read: () => number): void;
}

export interface RunOptions {
  client: Client;
  informers: InformerFactory;
  runtime: Runtime;
  flags?: Readonly<Record<string, unknown>>;
  /** Stops everything; what is being reconciled is finished first. */
  signal: AbortSignal;
  /** The identity a controller acts with; absent: all act as `client`. */
  clientFor?: (serviceAccount: string) => Client;
  metrics?: ControllerMetrics;
}

export interface RunningControllers {
  /** Resolves when every controller's caches have synced and its workers run. */
  started: Promise<void>;
  /** Resolves when all have stopped after the signal. */
  stopped: Promise<void>;
}

/** Runs controllers side by side over shared informers. A controller that cannot start is logged; the others go on. */
export function runControllers(definitions: readonly ControllerDefinition<any>[], options: RunOptions): RunningControllers {
  const running = definitions.map((definition) => runController(definition, options));
  options.informers.start();
  return {
    started: Promise.all(running.map((r) => r.started)).then(() => undefined),
    stopped: Promise.all(running.map((r) => r.stopped)).then(() => undefined),
  };
}

function runController(definition: ControllerDefinition<unknown>, options: RunOptions): RunningControllers {
  const { name, watches } = definition;
  const { clock } = options.runtime;
  const log = options.runtime.log.child({ controller: name });
  const runtime: Runtime = { clock, log, random: options.runtime.random.fork(name) };
  const client = (definition.serviceAccount ? options.clientFor?.(definition.serviceAccount) : undefined) ?? options.client;
  const { metrics } = options;
  const queue = createWorkQueue({ clock, ...(metrics && { observer: { added: () => metrics.adds(name), waited: (seconds) => metrics.queueDuration(name, seconds) } }) });
  const startedAt = new Set<{ ms: number }>();
  metrics?.underWay(name, () => [...startedAt].map(({ ms }) => (clock.monotonic() - ms) / 1000));
  const recorder = createEventRecorder(client, runtime, { component: definition.eventSource ?? name });
  const informers = new Map<string, Informer<any>>();
  for (const watch of watches) {
    const informer = options.informers.informer(watch.type);
    for (const [index, valuesOf] of Object.entries(watch.indexes ?? {})) informer.addIndex(index, valuesOf);
    informers.set(groupResource(watch.type), informer);
  }
  const informer = <T extends KubeObject>(type: ResourceType<T>): Informer<T> => {
    const found = informers.get(groupResource(type));
    if (!found) throw new Error(`${name} does not watch ${groupResource(type)}: declare it under watches`);
    return found;
  };
  const enqueue = (key: string) => queue.add(key);
  const context: ControllerContext = {
    ...runtime, client, informers: options.informers, recorder, signal: options.signal, flags: options.flags ?? {},
    informer, lister: (type) => informer(type).lister,
    enqueue, enqueueAfter: (key, delayMs) => queue.addAfter(key, delayMs),
  };
  metrics?.depth(name, () => queue.length);

  const unhook: (() => void)[] = [];
  const start = async () => {
    for (const watched of informers.values()) await watched.whenSynced(options.signal);
    const state = await definition.start?.(context);
    for (const watch of watches) unhook.push(hook(watch, context));
    return state;
  };
  const starting = start();
  const started = starting.then(
    () => {
      metrics?.running(name, true);
      log.debug('Controller started');
    },
    (error) => {
      if (!options.signal.aborted) log.error('Controller could not start', { err: error, reason: messageOf(error) });
    },
  );
  const onAbort = () => {
    for (const off of unhook) off();
    queue.shutDown();
  };
  if (options.signal.aborted) onAbort();
  else options.signal.addEventListener('abort', onAbort, { once: true });
  const writes = definition.seesOwnWrites ? ownWrites((resource) => informers.get(resource)) : undefined;
  const stopped = starting
    .then((state) => Promise.all(Array.from({ length: definition.workers ?? 5 }, () => work(definition, context, state, { queue, startedAt, metrics, writes }))))
    .catch(() => undefined)
    .then(() => {
      metrics?.running(name, false);
      return recorder.close();
    });
  return { started, stopped };
}

/** Handlers that turn changes into keys. They are hooked up after `start`, so that what `start` hooked up hears first. */
function hook(watch: Watch, context: ControllerContext): () => void {
  const touch = (object: KubeObject, change: { old?: KubeObject; deleted?: boolean; initial?: boolean }) => {
    for (const key of watch.keys(object, change, context)) context.enqueue(key);
  };
  return context.informer(watch.type).handle({
    add: (object, initial) => touch(object, initial ? { initial } : {}),
    update(object, old) {
      // Deleted and made anew between two looks: both must be heard of.
      if (object.metadata.uid !== old.metadata.uid) touch(old, { deleted: true });
      touch(object, { old });
    },
    delete: (object) => touch(object, { deleted: true }),
  });
}

interface Work {
  queue: WorkQueue;
  /** Reconciles under way. */
  startedAt: Set<{ ms: number }>;
  metrics?: ControllerMetrics;
  writes?: OwnWrites;
}

async function work(definition: ControllerDefinition<unknown>, context: ControllerContext, state: unknown, { queue, startedAt, metrics, writes }: Work): Promise<void> {
  const { name } = definition;
  const { clock, log, signal } = context;
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    if (signal.aborted) return;
    const behind = writes?.unseen(key);
    if (behind) {
      metrics?.staleSkip(name, behind);
      // The event that shows it wakes most keys anyway; this is for those that it does not.
      queue.addRateLimited(key);
      queue.done(key);
      continue;
    }
    const started = { ms: clock.monotonic() };
    startedAt.add(started);
    try {
      const result = await definition.reconcile(key, writes ? { ...context, client: writes.through(context.client, key) } : context, state);
      queue.forget(key);
      if (result.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      // Expected where things change or go while they are looked at: the next look settles it.
      if (isConflict(error) || isNotFound(error) || isNamespaceTerminating(error)) log.debug('Overtaken by a change, will try again', { key, reason: messageOf(error) });
      else log.warn('Reconcile failed, will try again', { key, retries: queue.retries(key), reason: messageOf(error), ...(!(error instanceof StatusError) && { err: error }) });
      metrics?.retries(name);
      queue.addRateLimited(key);
    } finally {
      startedAt.delete(started);
      metrics?.workDuration(name, (clock.monotonic() - started.ms) / 1000);
      queue.done(key);
    }
  }
}

/** A controller's own objects: a change of one is a reason to look at it. */
export const itself = <T extends KubeObject>(type: ResourceType<T>, options: { indexes?: Watch<T>['indexes'] } = {}): Watch<T> => ({ type, indexes: options.indexes, keys: (object) => [keyOf(object)] });

/** Keeps a lister of a resource without waking anything. */
export const readOnly = <T extends KubeObject>(type: ResourceType<T>, options: { indexes?: Watch<T>['indexes'] } = {}): Watch<T> => ({ type, indexes: options.indexes, keys: () => [] });
