import { hostname } from 'node:os';
import { nodes, pods } from '@pilothouse/apimachinery';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { formatTime } from '@pilothouse/base/clock';
import { type Runtime, Scope } from '@pilothouse/base';
import { type Client, type InformerFactory, startLeaderElection } from '@pilothouse/client';
import { Algorithm, ClusterSnapshot, createProfile, defaultPlugins, featuresWith, loadConfiguration, Nominator, parseGoDuration, type PluginFactory, type PluginHandle, type Profile, type SchedulerObservers, type SchedulerWorld } from '@pilothouse/scheduler-framework';
import { bindingActions } from './binding.ts';
import { SchedulerCache } from './cache.ts';
import { watchObjects } from './cluster-objects.ts';
import { handleEvents } from './event-handlers.ts';
import { createPodEvents } from './event-recorder.ts';
import { httpExtender } from './extenders/http-extender.ts';
import type { PostJson } from './extenders/post.ts';
import { noMetrics, type SchedulerMetrics } from './metrics.ts';
import { Preemptions } from './preemption.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { Scheduler } from './scheduler.ts';
import { WaitingPods } from './waiting-pods.ts';

export interface SchedulerOptions {
  client: Client;
  informers: InformerFactory;
  runtime: Runtime;
  /** A decoded KubeSchedulerConfiguration; absent: all defaults. */
  config?: unknown;
  featureGates?: Readonly<Record<string, boolean>>;
  /** Default: all of v1.36's. */
  plugins?: readonly PluginFactory[];
  /** Ends the scheduler as `close()` does. */
  signal?: AbortSignal;
  metrics?: SchedulerMetrics;
  /** Makes those that follow and hold the scheduler, given what it works on. */
  observe?: (world: SchedulerWorld) => SchedulerObservers;
  /** Stands for election under the configuration's lease before working. */
  leaderElection?: { identity: string };
  /** How long a pod that no event helped waits before it is tried again, ms; default 5 minutes. */
  maxUnschedulableMs?: number;
  /** Named in events; default: the machine's. */
  hostname?: string;
  /** Decides between nodes of equal score by name, not by chance. */
  firstByName?: boolean;
  /** Sends to extenders; default: over HTTP or HTTPS, as each is configured. */
  postJson?: PostJson;
}

export interface RunningScheduler {
  readonly queue: SchedulingQueue;
  readonly cache: SchedulerCache;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** How many pods are being bound. */
  bindings(): number;
  /** For Permit plugins: lets pods that wait go on, or not. */
  readonly waiting: WaitingPods;
  /** Aborts where the lease was lost. */
  readonly lost?: AbortSignal;
  /** Stops taking pods, waits for bindings under way, sends the events. Repeatable. */
  close(): Promise<void>;
}

const flushBackoffMs = 1000;
const flushUnschedulableMs = 30_000;
/** Pods that have ended take no room; kube-scheduler watches with this selector too. */
const livePods = 'status.phase!=Succeeded,status.phase!=Failed';

const withoutManagedFields = (pod: Pod): Pod => {
  delete pod.metadata.managedFields;
  return pod;
};

/** Starts scheduling; resolves once its caches are filled (and the lease is held, where it stands for election). */
export async function startScheduler(options: SchedulerOptions): Promise<RunningScheduler> {
  const { client, informers, runtime, metrics = noMetrics } = options;
  const { clock } = runtime;
  const scope = new Scope('scheduler');
  const features = featuresWith(options.featureGates);
  const config = loadConfiguration(options.config ?? {}, features);
  const events = scope.own(createPodEvents(client, runtime, { controller: config.profiles[0].schedulerName, hostname: options.hostname ?? hostname(), busy: () => scheduler.busy }));
  const lease = options.leaderElection && config.leaderElection.leaderElect ? scope.own(startLeaderElection(client, runtime, { namespace: config.leaderElection.resourceNamespace, name: config.leaderElection.resourceName, identity: options.leaderElection.identity, leaseDurationMs: parseGoDuration(config.leaderElection.leaseDuration), renewDeadlineMs: parseGoDuration(config.leaderElection.renewDeadline), retryPeriodMs: parseGoDuration(config.leaderElection.retryPeriod) })) : undefined;
  const podInformer = informers.informer(pods, { fieldSelector: livePods, transform: withoutManagedFields });
  const nodeInformer = informers.informer(nodes);
  const watched = watchObjects(informers);
  const snapshot = new ClusterSnapshot();
  const nominator = new Nominator();
  const cache = new SchedulerCache(snapshot);
  const waiting = new WaitingPods(clock);
  const random = runtime.random.fork('scheduler');
  const stopping = new AbortController();
  const preemptions: Preemptions = new Preemptions({ client, runtime, events, nominator, pods: podInformer.lister, activate: (list) => queue.activate(list), metrics });
  const handle: PluginHandle = {
    snapshot,
    objects: watched.objects,
    nominator,
    features,
    random,
    now: clock.now,
    formatTime,
    currentPod: (info) => podInformer.lister.get(info.key),
    actions: bindingActions(client, clock, watched, stopping.signal),
    isPreempting: (uid) => preemptions.isRunning(uid),
  };
  // Those that may fail come last, so that they are spared what the others refuse.
  const extenders = [...config.extenders].sort((a, b) => Number(a.ignorable ?? false) - Number(b.ignorable ?? false)).map((e) => httpExtender(e, clock, options.postJson));
  const profiles = new Map(config.profiles.map((p) => [p.schedulerName, createProfile(p, options.plugins ?? defaultPlugins, handle)]));
  const observers = options.observe?.({ snapshot, nominator, objects: watched.objects, config, features, plugins: options.plugins ?? defaultPlugins, firstByName: options.firstByName ?? false, extenders: extenders.filter((e) => e.filters || e.prioritizes).map((e) => e.name), onObjectChange: (fn) => watched.observe(fn), wake: () => scheduler.wake() });
  const queue: SchedulingQueue = new SchedulingQueue({
    now: clock.now,
    profiles,
    nominator,
    features,
    initialBackoffMs: config.podInitialBackoffSeconds * 1000,
    maxBackoffMs: config.podMaxBackoffSeconds * 1000,
    maxUnschedulableMs: options.maxUnschedulableMs,
    metrics,
    onReady: () => scheduler.wake(),
    observer: observers?.queue,
  });
  const algorithms = new Map([...profiles].map(([name, profile]) => [name, new Algorithm({ profile, snapshot, nominator, random, percentageOfNodesToScore: config.percentageOfNodesToScore, firstByName: options.firstByName, extenders: extenders.some((e) => e.filters), timing: { now: clock.monotonic, took: (point, status, ms) => metrics.pointTook(name, point, status, ms / 1000) } })]));
  const scheduler: Scheduler = new Scheduler({ client, runtime, events, queue, cache, algorithms, preemptions, waiting, extenders, pods: podInformer.lister, metrics, trace: observers?.trace, gate: observers?.gate });

  try {
    if (lease) await lease.acquired();
    const isOurs = (pod: Pod) => profiles.has(pod.spec?.schedulerName ?? '');
    informers.start();
    await watched.whenSynced(options.signal);
    scope.defer(handleEvents({ pods: podInformer, nodes: nodeInformer, watched, cache, queue, isOurs, rejectWaiting: (uid) => waiting.reject(uid, '', 'removed') }));
    await Promise.all([podInformer.whenSynced(options.signal), nodeInformer.whenSynced(options.signal)]);
  } catch (error) {
    await scope.close();
    throw error;
  }
  const timers = [clock.every(flushBackoffMs, () => queue.flushBackoff()), clock.every(flushUnschedulableMs, () => queue.flushUnschedulable())];
  scope.defer(async () => {
    const stopped = scheduler.stop();
    stopping.abort();
    waiting.close();
    await stopped;
  });
  scope.defer(() => timers.forEach((t) => t.cancel()));
  const stopNow = () => void running.close();
  options.signal?.addEventListener('abort', stopNow, { once: true });
  lease?.lost.addEventListener('abort', stopNow, { once: true });
  scope.defer(() => options.signal?.removeEventListener('abort', stopNow));
  scheduler.start();
  const running: RunningScheduler = { queue, cache, profiles, bindings: () => scheduler.bindings, waiting, lost: lease?.lost, close: () => scope.close() };
  if (options.signal?.aborted) await running.close();
  return running;
}

