/**
 * The scheduling loop. One pod after the other is taken from the queue, a node is chosen and assumed, and binding goes on by itself
 * while the next pod is tried. Nothing is lost when the process ends in between: what was assumed was never written, what was bound
 * is seen again.
 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf as errorText, type Runtime } from '@pilothouse/base';
import type { Client, Lister } from '@pilothouse/client';
import { type Algorithm, bestCandidates, clusterEvent, codeOf, type CycleGate, type Decision, failure, type Feasible, isRejected, messageOf, type Nominating, noNodesMessage, type Plugin, PodInfo, type PostFilterOutcome, type Profile, type Recorder, runPostFilters, unschedulable, type Verdict } from '@pilothouse/scheduler-framework';
import type { SchedulerCache } from './cache.ts';
import { candidatesAfterExtenders, type Extender, scheduleWithExtenders } from './extenders/extender.ts';
import type { PodEvents } from './event-recorder.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { patchPodStatus } from './pod-status.ts';
import type { Preemptions } from './preemption.ts';
import type { QueuedPodInfo } from './queue/queued-pod.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import type { WaitingPods } from './waiting-pods.ts';

export interface SchedulerParts {
  client: Client;
  runtime: Runtime;
  events: PodEvents;
  queue: SchedulingQueue;
  cache: SchedulerCache;
  /** By scheduler name. */
  algorithms: ReadonlyMap<string, Algorithm>;
  preemptions: Preemptions;
  waiting: WaitingPods;
  extenders: readonly Extender[];
  /** Pods as last seen. */
  pods: Lister<Pod>;
  metrics: SchedulerMetrics;
  /** Follows every attempt. */
  trace?: Recorder;
  /** May hold pods before they are tried. */
  gate?: CycleGate;
}

/** Bindings under way at once; beyond, the loop waits. */
const mostBindings = 1000;
/** From so many at once, or in a second, on events trickle. */
const manyBindings = 16;
const manyBindingsASecond = 100;
/** The loop gives way to other work after this long. */
const sliceMs = 8;

export const assignedDeleted = clusterEvent('AssignedPod', 'Delete');
const clear: Nominating = { mode: 'override', node: '' };

/** An attempt that ended without a node. */
interface Failure {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  readonly unschedulablePlugins?: ReadonlySet<string>;
  readonly pendingPlugins?: ReadonlySet<string>;
  readonly nominating: Nominating | undefined;
}

export class Scheduler {
  readonly #parts: SchedulerParts;
  #bindings = 0;
  /** Bindings begun in the latest second that had any, and in the one before it. */
  #begun = { second: 0, count: 0, before: 0 };
  #scheduled = false;
  #running = false;
  #attempting = false;
  /** Held pods that are to be tried next. */
  readonly #resumed: QueuedPodInfo[] = [];
  readonly #idle = new Set<() => void>();

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = true;
    this.wake();
  }

  /** How many pods are being bound. */
  get bindings(): number {
    return this.#bindings;
  }

  /** Many pods are being bound: what is less urgent should wait. */
  get busy(): boolean {
    const { second, count, before } = this.#begun;
    const now = Math.floor(this.#parts.runtime.clock.monotonic() / 1000);
    return this.#bindings >= manyBindings || (now === second && Math.max(count, before) >= manyBindingsASecond) || (now === second + 1 && count >= manyBindingsASecond);
  }

  /** Stops taking pods and resolves once the bindings under way have ended. */
  async stop(): Promise<void> {
    this.#running = false;
    while (this.#bindings || this.#attempting) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    this.#parts.runtime.clock.soon(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  #work(): void {
    const { clock } = this.#parts.runtime;
    const until = clock.monotonic() + sliceMs;
    while (this.#running && !this.#attempting && this.#bindings < mostBindings && !this.#parts.gate?.paused) {
      const resumed = this.#resumed.shift();
      const queued = resumed ?? this.#parts.queue.pop();
      if (!queued) return;
      if (!resumed && this.#parts.gate?.holds(queued, (how) => this.#release(queued.uid, how))) {
        this.#parts.queue.hold(queued);
        continue;
      }
      if (this.#parts.extenders.length) {
        void this.#attemptLater(queued);
        return;
      }
      this.attempt(queued);
      if (clock.monotonic() >= until) {
        this.wake();
        return;
      }
    }
  }

  /** A held pod goes on. */
  #release(uid: string, how: 'try' | 'abort'): void {
    const { queue, algorithms, runtime } = this.#parts;
    const queued = queue.resume(uid);
    if (!queued) return;
    const profile = algorithms.get(queued.info.spec.schedulerName ?? '')?.profile;
    if (how === 'abort' && profile) this.#failed(queued, profile, { reason: 'SchedulerError', message: 'the held cycle was aborted', nominating: undefined }, runtime.clock.monotonic());
    else this.#resumed.push(queued);
    this.wake();
  }

  async #attemptLater(queued: QueuedPodInfo): Promise<void> {
    this.#attempting = true;
    try {
      const algorithm = this.#algorithmFor(queued);
      if (!algorithm) return;
      const startMs = this.#parts.runtime.clock.monotonic();
      const decision = await scheduleWithExtenders(algorithm, queued.info, this.#parts.extenders, this.#parts.cache.snapshot, this.#parts.trace);
      if (decision.kind !== 'unfit') this.#decided(queued, algorithm, decision, startMs);
      else this.#unfit(queued, algorithm.profile, decision.found, await this.#askExtenders(queued.info, this.#makeRoom(algorithm.profile, queued.info, decision.found)), startMs);
    } finally {
      this.#attempting = false;
      this.#tellIdle();
      this.wake();
    }
  }

  /** Tries one pod that was popped. */
  attempt(queued: QueuedPodInfo): void {
    const algorithm = this.#algorithmFor(queued);
    const startMs = this.#parts.runtime.clock.monotonic();
    if (!algorithm) return;
    const decision = algorithm.schedule(queued.info, this.#parts.trace);
    this.#parts.metrics.chose((this.#parts.runtime.clock.monotonic() - startMs) / 1000);
    try {
      this.#decided(queued, algorithm, decision, startMs);
    } catch (error) {
      this.#broke(queued, algorithm.profile, error, startMs);
    }
  }

  /** A plugin threw where nothing may: the pod is tried again later, the others go on. */
  #broke(queued: QueuedPodInfo, profile: Profile, error: unknown, startMs: number): void {
    this.#parts.runtime.log.error('A plugin threw', { pod: queued.info.key, err: error });
    this.#parts.cache.forget(queued.uid);
    this.#failed(queued, profile, { reason: 'SchedulerError', message: errorText(error), nominating: clear }, startMs);
  }

  #algorithmFor(queued: QueuedPodInfo): Algorithm | undefined {
    const { queue, cache, algorithms, events, trace } = this.#parts;
    const { info } = queued;
    const algorithm = algorithms.get(info.spec.schedulerName ?? '');
    if (info.pod.metadata.deletionTimestamp) events.record(info.pod, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: `skip schedule deleting pod: ${info.key}` });
    if (!algorithm || info.pod.metadata.deletionTimestamp || cache.isAssumed(info.uid)) {
      queue.done(info.uid);
      return undefined;
    }
    trace?.begin?.(info, queued.attempts, algorithm.nextStart);
    return algorithm;
  }

  #decided(queued: QueuedPodInfo, { profile }: Algorithm, decision: Decision, startMs: number): void {
    const { info } = queued;
    if (decision.kind === 'node') this.#place(queued, profile, decision.node, decision.states, startMs);
    else if (decision.kind === 'unfit') this.#unfit(queued, profile, decision.found, this.#makeRoom(profile, info, decision.found), startMs);
    else {
      const none = decision.message === noNodesMessage;
      if (!none) this.#parts.runtime.log.error('Error selecting node for pod', { pod: info.key, err: decision.error ?? decision.message });
      this.#failed(queued, profile, { reason: none ? 'Unschedulable' : 'SchedulerError', message: decision.message, nominating: clear }, startMs);
    }
  }

  #timed<T>(profile: Profile, point: string, run: () => T, statusOf: (result: T) => string): T {
    const { metrics, runtime } = this.#parts;
    const startMs = runtime.clock.monotonic();
    const result = run();
    metrics.pointTook(profile.schedulerName, point, statusOf(result), (runtime.clock.monotonic() - startMs) / 1000);
    return result;
  }

  async #timedAsync<T extends { verdict: Verdict } | undefined>(profile: Profile, point: string, run: () => Promise<T>): Promise<T> {
    const { metrics, runtime } = this.#parts;
    const startMs = runtime.clock.monotonic();
    const result = await run();
    metrics.pointTook(profile.schedulerName, point, codeOf(result?.verdict), (runtime.clock.monotonic() - startMs) / 1000);
    return result;
  }

  /** Asks the PostFilter plugins; undefined where the profile has none. */
  #makeRoom(profile: Profile, info: PodInfo, found: Feasible): PostFilterOutcome | undefined {
    if (!profile.points.postFilter.length) return undefined;
    return this.#timed(profile, 'PostFilter', () => runPostFilters(profile, info, found, this.#parts.trace), (o) => codeOf(o.verdict));
  }

  /** Lets extenders narrow what preemption may do. */
  async #askExtenders(info: PodInfo, outcome: PostFilterOutcome | undefined): Promise<PostFilterOutcome | undefined> {
    const { extenders, runtime } = this.#parts;
    if (!outcome?.preemption?.chosen || outcome.verdict || !extenders.some((e) => e.preempts)) return outcome;
    try {
      const left = await candidatesAfterExtenders(extenders, info.pod, outcome.preemption.candidates);
      const chosen = bestCandidates(left, runtime.clock.now())[0];
      if (!chosen) return { verdict: unschedulable('preemption: no candidate node for preemption'), nominating: undefined };
      return { ...outcome, nominating: { mode: 'override', node: chosen.node }, preemption: { ...outcome.preemption, chosen } };
    } catch (error) {
      return { verdict: failure(`preemption: ${errorText(error)}`, error), nominating: undefined };
    }
  }

  /** No node fits: evicts what preemption chose, and says why. */
  #unfit(queued: QueuedPodInfo, profile: Profile, { diagnosis }: Feasible, outcome: PostFilterOutcome | undefined, startMs: number): void {
    diagnosis.postFilterMessage = messageOf(outcome?.verdict);
    const chosen = outcome?.verdict ? undefined : outcome?.preemption?.chosen;
    if (chosen) {
      this.#parts.metrics.preempted(chosen.victims.length);
      void this.#parts.preemptions.run(queued.info, chosen);
    }
    const message = diagnosis.message(this.#parts.cache.snapshot.size);
    this.#failed(queued, profile, { reason: 'Unschedulable', message, unschedulablePlugins: diagnosis.unschedulablePlugins, pendingPlugins: diagnosis.pendingPlugins, nominating: outcome ? outcome.nominating : clear }, startMs);
  }

  /** Assumes the pod on the node, reserves, asks for permission, and lets binding run. */
  #place(queued: QueuedPodInfo, profile: Profile, node: string, states: ReadonlyMap<Plugin, unknown>, startMs: number): void {
    const { cache, metrics, runtime, trace } = this.#parts;
    const { info } = queued;
    const nominator = this.#parts.queue;
    if (!cache.assume(info, node)) {
      this.#failed(queued, profile, { reason: 'SchedulerError', message: `pod ${info.uid}(${info.key}) is in the cache, so can't be assumed`, nominating: clear }, startMs);
      return;
    }
    nominator.nominate(info, clear);
    for (const plugin of profile.points.reserve) {
      const verdict = plugin.reserve!(states.get(plugin), info, node);
      trace?.reserve?.(plugin.name, node, verdict);
      if (verdict) {
        this.#refused(queued, profile, node, states, plugin, isRejected(verdict) ? verdict : failure(`running Reserve plugin ${JSON.stringify(plugin.name)}: ${messageOf(verdict)}`, verdict.error), startMs);
        return;
      }
    }
    const waits = new Map<string, number>();
    for (const plugin of profile.points.permit) {
      const answer = plugin.permit!(info, node);
      const verdict = answer && 'code' in answer ? answer : undefined;
      trace?.permit?.(plugin.name, node, verdict);
      if (verdict) {
        this.#refused(queued, profile, node, states, plugin, isRejected(verdict) ? verdict : failure(`running Permit plugin ${JSON.stringify(plugin.name)}: ${messageOf(verdict)}`, verdict.error), startMs);
        return;
      }
      if (answer && 'wait' in answer) waits.set(plugin.name, answer.wait);
    }
    metrics.attempted(profile.schedulerName, 'scheduled', (runtime.clock.monotonic() - startMs) / 1000);
    trace?.binding?.(info, node);
    this.#bindings++;
    this.#countBegun();
    void this.#bind(queued, profile, node, states, waits).finally(() => {
      this.#bindings--;
      this.#tellIdle();
      this.wake();
    });
  }

  #countBegun(): void {
    const begun = this.#begun;
    const now = Math.floor(this.#parts.runtime.clock.monotonic() / 1000);
    if (now !== begun.second) this.#begun = { second: now, count: 1, before: now === begun.second + 1 ? begun.count : 0 };
    else begun.count++;
  }

  /** Reserve or Permit said no. */
  #refused(queued: QueuedPodInfo, profile: Profile, node: string, states: ReadonlyMap<Plugin, unknown>, by: Plugin, verdict: Verdict, startMs: number): void {
    this.#giveBack(queued.info, profile, node, states);
    const rejected = isRejected(verdict);
    const plugins = rejected ? new Set([by.name]) : undefined;
    const message = rejected ? `0/1 nodes are available: 1 ${verdict.reasons.join(', 1 ')}.` : messageOf(verdict);
    this.#failed(queued, profile, { reason: rejected ? 'Unschedulable' : 'SchedulerError', message, ...(verdict.code === 'Pending' ? { pendingPlugins: plugins } : { unschedulablePlugins: plugins }), nominating: clear }, startMs);
  }

  #giveBack(info: PodInfo, profile: Profile, node: string, states: ReadonlyMap<Plugin, unknown>): void {
    for (const plugin of [...profile.points.reserve].reverse()) plugin.unreserve?.(states.get(plugin), info, node);
    this.#parts.cache.forget(info.uid);
  }

  /** The binding cycle; never rejects. */
  async #bind(queued: QueuedPodInfo, profile: Profile, node: string, states: ReadonlyMap<Plugin, unknown>, waits: ReadonlyMap<string, number>): Promise<void> {
    const { queue, events, metrics, runtime, trace } = this.#parts;
    const { info } = queued;
    const startMs = runtime.clock.monotonic();
    let failed: { verdict: Verdict; plugin: string } | undefined;
    try {
      const preBinding = profile.points.preBind.filter((p) => p.needsPreBind?.(states.get(p), info, node) ?? true);
      if (preBinding.length || waits.size) await this.#expect(info.pod, node);
      if (waits.size) {
        const waitingMs = runtime.clock.monotonic();
        const { verdict, plugin } = await this.#parts.waiting.wait(info.uid, waits);
        metrics.waitedForPermit(codeOf(verdict), (runtime.clock.monotonic() - waitingMs) / 1000);
        if (verdict) failed = { verdict, plugin };
      }
      if (!failed) {
        queue.done(info.uid);
        failed = (preBinding.length ? await this.#timedAsync(profile, 'PreBind', () => this.#preBind(preBinding, info, node, states)) : undefined) ?? (await this.#timedAsync(profile, 'Bind', () => this.#runBind(profile, info, node)));
      }
    } catch (error) {
      failed = { verdict: failure(errorText(error), error), plugin: '' };
    }
    trace?.bind?.(info, failed?.plugin || profile.points.bind[0].name, node, failed?.verdict);
    if (failed) {
      this.#bindingFailed(queued, profile, node, states, failed.verdict, failed.plugin, startMs);
      return;
    }
    events.record(info.pod, { type: 'Normal', reason: 'Scheduled', action: 'Binding', note: `Successfully assigned ${info.key} to ${node}` });
    if (queued.flushed) metrics.scheduledAfterFlush();
    metrics.bound(queued.attempts, (runtime.clock.now() - (queued.initialAttemptMs ?? runtime.clock.now())) / 1000);
    for (const plugin of profile.points.postBind) plugin.postBind!(info, node);
    trace?.end?.(info, { node });
  }

  /** Tells others where the pod will go while it waits to be bound. */
  async #expect(pod: Pod, node: string): Promise<void> {
    const { client, runtime } = this.#parts;
    await patchPodStatus(client, runtime.clock, pod, { nominating: { mode: 'override', node } }).catch((error) => runtime.log.warn('Failed to update the nominated node name in the binding cycle', { pod: pod.metadata.name, node, err: error }));
  }

  async #preBind(plugins: readonly Plugin[], info: PodInfo, node: string, states: ReadonlyMap<Plugin, unknown>): Promise<{ verdict: Verdict; plugin: string } | undefined> {
    const never = new AbortController().signal;
    for (const plugin of plugins) {
      const verdict = await plugin.preBind!(states.get(plugin), info, node, never);
      if (verdict) return { verdict: failure(`running PreBind plugin ${JSON.stringify(plugin.name)}: ${messageOf(verdict)}`, verdict.error), plugin: plugin.name };
    }
    return undefined;
  }

  async #runBind(profile: Profile, info: PodInfo, node: string): Promise<{ verdict: Verdict; plugin: string } | undefined> {
    for (const extender of this.#parts.extenders) {
      if (!extender.binds || !extender.isInterested(info.pod)) continue;
      try {
        await extender.bind(info.pod, node);
        return undefined;
      } catch (error) {
        if (!extender.ignorable) return { verdict: failure(errorText(error), error), plugin: '' };
      }
    }
    for (const plugin of profile.points.bind) {
      const verdict = await plugin.bind!(info, node);
      if (verdict?.code === 'Skip') continue;
      return verdict && { verdict: failure(`running Bind plugin ${JSON.stringify(plugin.name)}: ${messageOf(verdict)}`, verdict.error), plugin: plugin.name };
    }
    return { verdict: failure('all bind plugins skipped the pod'), plugin: '' };
  }

  #bindingFailed(queued: QueuedPodInfo, profile: Profile, node: string, states: ReadonlyMap<Plugin, unknown>, verdict: Verdict, plugin: string, startMs: number): void {
    const { info } = queued;
    this.#giveBack(info, profile, node, states);
    // To the others it is as if a pod had gone; the pod itself is not helped by its own going.
    this.#parts.queue.move(assignedDeleted, info.pod, undefined, (other) => other.uid !== info.uid);
    const rejected = isRejected(verdict);
    const message = rejected ? `0/1 nodes are available: 1 ${verdict.reasons.join(', 1 ')}.` : messageOf(verdict);
    this.#failed(queued, profile, { reason: rejected ? 'Unschedulable' : 'SchedulerError', message, unschedulablePlugins: rejected ? new Set([plugin]) : undefined, nominating: clear }, startMs);
  }

  /** Puts the pod back into the queue and says why. */
  #failed(queued: QueuedPodInfo, profile: Profile, why: Failure, startMs: number): void {
    const { client, runtime, queue, events, metrics, trace } = this.#parts;
    metrics.attempted(profile.schedulerName, why.reason === 'Unschedulable' ? 'unschedulable' : 'error', (runtime.clock.monotonic() - startMs) / 1000);
    queued.unschedulablePlugins = why.unschedulablePlugins ?? new Set();
    queued.pendingPlugins = why.pendingPlugins ?? new Set();
    queued.gatedBy = '';
    const current = this.#parts.pods.get(queued.info.key);
    if (!current || current.metadata.uid !== queued.uid || current.spec?.nodeName) {
      queue.done(queued.uid);
      if (!current || current.metadata.uid !== queued.uid) {
        trace?.end?.(queued.info, { message: why.message });
        return;
      }
    } else {
      if (current !== queued.info.pod) queued.info = new PodInfo(current);
      queue.addUnschedulable(queued);
      queue.nominate(queued.info, why.nominating);
    }
    const { info } = queued;
    events.record(info.pod, { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: why.message });
    trace?.end?.(info, { message: why.message, ...(why.reason === 'SchedulerError' && { error: true }) });
    patchPodStatus(client, runtime.clock, info.pod, { condition: { type: 'PodScheduled', status: 'False', reason: why.reason, message: why.message }, nominating: why.nominating }).catch((error) => {
      if (this.#running) runtime.log.error('Error updating pod', { pod: info.key, err: error });
    });
  }

  #tellIdle(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
