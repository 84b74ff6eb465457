/**
 * Pods waiting to be scheduled: active (ready to be tried, by priority), backing off (tried lately), unschedulable (waiting for an
 * event that may help) and gated among them. A pod is in one place, or in flight: from `pop` until `done`. As upstream's
 * PriorityQueue in v1.36 with queueing hints and early pops from the back-off queue.
 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { KeyedHeap } from '@pilothouse/base/heap';
import { type ClusterEvent, clusterEvent, type Features, forceActivate, type MoveCause as Cause, type Nominating, type Nominator, PodInfo, podUpdateEvents, type Profile, type QueueObserver, type QueuePlace as Place, unschedulableTimeout, type Verdict } from '@pilothouse/scheduler-framework';
import type { SchedulerMetrics } from '../metrics.ts';
import { BackoffQueue } from './backoff.ts';
import { Hints, type Strategy } from './hints.ts';
import { InFlight } from './in-flight.ts';
import { QueuedPodInfo } from './queued-pod.ts';
import { UnschedulablePods } from './unschedulable-pods.ts';

/** A pod no event helped is tried again after this long. */
export const longestUnschedulableMs = 5 * 60_000;

export interface QueueOptions {
  now: () => number;
  profiles: ReadonlyMap<string, Profile>;
  nominator: Nominator;
  features: Features;
  initialBackoffMs: number;
  maxBackoffMs: number;
  /** Default `longestUnschedulableMs`. */
  maxUnschedulableMs?: number;
  metrics: SchedulerMetrics;
  /** Something may be popped. */
  onReady: () => void;
  /** A PreEnqueue plugin keeps the pod out (told once per gate). */
  onGated?: (info: PodInfo, plugin: string, verdict: Verdict) => void;
  observer?: QueueObserver;
}

export const podAdded = clusterEvent('UnschedulablePod', 'Add');
export const podUpdated = clusterEvent('UnschedulablePod', 'Update');

export class SchedulingQueue {
  readonly #options: QueueOptions;
  readonly #active: KeyedHeap<QueuedPodInfo>;
  readonly #backoff: BackoffQueue;
  readonly #unschedulable = new UnschedulablePods();
  readonly #inFlight = new InFlight();
  readonly #held = new Map<string, QueuedPodInfo>();
  #arrivals = 0;
  readonly hints: Hints;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.hints = new Hints(options.profiles);
    const byPlugin = [...options.profiles.values()][0].points.queueSort[0].queueSort!;
    const sort = (a: QueuedPodInfo, b: QueuedPodInfo) => byPlugin(a, b) || (a.sequence < b.sequence && !byPlugin(b, a));
    this.#active = new KeyedHeap<QueuedPodInfo>({ key: (p) => p.uid, before: sort });
    this.#backoff = new BackoffQueue({ now: options.now, initialMs: options.initialBackoffMs, maxMs: options.maxBackoffMs, before: sort });
  }

  /** Pods by place, for metrics and tests. */
  get sizes(): { active: number; backoff: number; unschedulable: number; gated: number; inFlight: number } {
    let gated = 0;
    for (const pod of this.#unschedulable.values()) if (pod.gatedBy) gated++;
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size - gated, gated, inFlight: this.#inFlight.size };
  }

  /** Pods that wait, in flight ones left out. */
  *waiting(): Iterable<QueuedPodInfo> {
    yield* this.#active.values();
    yield* this.#backoff.values();
    yield* this.#unschedulable.values();
  }

  /** Events kept for the pods in flight. */
  inFlightEvents(): Iterable<ClusterEvent> {
    return this.#inFlight.events();
  }

  /** A new pod. */
  add(pod: Pod): void {
    const queued = new QueuedPodInfo(new PodInfo(pod), this.#options.now());
    this.#toActive(queued, podAdded.label, false);
  }

  /** A new version of a pod that has no node. */
  update(old: Pod, pod: Pod): void {
    const uid = pod.metadata.uid!;
    const events = podUpdateEvents(pod, old);
    if (this.#inFlight.has(uid)) {
      for (const event of events) this.#inFlight.record({ event, old, now: pod });
      return;
    }
    const waiting = this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#held.get(uid);
    if (waiting) {
      waiting.info = new PodInfo(pod);
      if (this.#active.get(uid)) this.#active.push(waiting);
      else if (this.#backoff.get(uid)) this.#backoff.add(waiting);
      this.#renominate(old, waiting.info);
      this.#tell(waiting, this.place(uid)!, podUpdated.label);
      return;
    }
    const queued = this.#unschedulable.get(uid);
    if (!queued) {
      this.add(pod);
      return;
    }
    queued.info = new PodInfo(pod);
    this.#renominate(old, queued.info);
    for (const event of events) {
      const placed = this.#requeue(queued, this.hints.ask(queued, event, old, pod), event.label, { event, old, now: pod });
      if (placed === 'unschedulable') continue;
      this.#options.onReady();
      return;
    }
  }

  delete(uid: string): void {
    this.#options.nominator.delete(uid);
    if (!this.#active.delete(uid) && !this.#backoff.delete(uid) && !this.#held.delete(uid)) this.#unschedulable.delete(uid);
    if (!this.#inFlight.has(uid)) this.#options.observer?.left(uid);
  }

  /** The pod to try next, which is in flight from now on. Undefined where none is ready. */
  pop(): QueuedPodInfo | undefined {
    for (;;) {
      const pod = this.#active.pop() ?? (this.#options.features.SchedulerPopFromBackoffQ ? this.#backoff.popEarly() : undefined);
      if (!pod) return undefined;
      pod.attempts++;
      if (this.#inFlight.has(pod.uid)) continue;
      this.#inFlight.start(pod.uid);
      this.#tell(pod, 'inFlight', 'Pop');
      return pod;
    }
  }

  /** Takes a pod that was popped out of flight, to be held for as long as it pleases whoever holds it. It is kept up to date meanwhile. */
  hold(pod: QueuedPodInfo): void {
    this.#held.set(pod.uid, pod);
    this.#inFlight.done(pod.uid);
    this.#tell(pod, 'held', 'Breakpoint');
  }

  /** The pod goes on, in flight as after `pop`. Undefined where it went away meanwhile. */
  resume(uid: string): QueuedPodInfo | undefined {
    const pod = this.#held.get(uid);
    if (!pod) return undefined;
    this.#held.delete(uid);
    this.#inFlight.start(uid);
    this.#tell(pod, 'inFlight', 'Resume');
    return pod;
  }

  /** The pod is out of the queue's hands: bound, or gone. */
  done(uid: string): void {
    this.#inFlight.done(uid);
    if (this.#options.observer && !this.place(uid)) this.#options.observer.left(uid);
  }

  /** Takes back a pod that could not be scheduled. */
  addUnschedulable(pod: QueuedPodInfo): void {
    const { uid } = pod;
    if (this.#unschedulable.has(uid) || this.#active.get(uid) || this.#backoff.get(uid)) {
      this.done(uid);
      return;
    }
    if (pod.failed) pod.consecutiveErrors++;
    else {
      pod.unschedulableCount++;
      pod.consecutiveErrors = 0;
    }
    pod.timestampMs = this.#options.now();
    pod.backoffUntilMs = undefined;
    pod.flushed = false;
    const placed = this.#requeue(pod, this.#missed(pod), 'ScheduleAttemptFailure');
    this.done(uid);
    if (placed !== 'unschedulable') this.#options.onReady();
  }

  /** What the events since the pod was popped mean for it. */
  #missed(pod: QueuedPodInfo): Strategy {
    if (pod.failed) return 'backoff';
    let strategy: Strategy = 'skip';
    for (const { event, old, now } of this.#inFlight.since(pod.uid)) {
      const said = this.hints.ask(pod, event, old, now);
      if (said === 'now') return said;
      if (said === 'backoff') {
        strategy = said;
        if (!pod.pendingPlugins.size) return said;
      }
    }
    return strategy;
  }

  /** Something happened: moves the pods it may help. `only` narrows them. */
  move(event: ClusterEvent, old: unknown, now: unknown, only?: (info: PodInfo) => boolean): void {
    if (!this.hints.wants(event)) return;
    if (this.#unschedulable.size) {
      const pods = this.#unschedulable.concernedBy(event, this.hints);
      this.#movePods(only ? pods.filter((p) => only(p.info)) : pods, event, old, now);
    }
    this.#inFlight.record({ event, old, now });
  }

  #movePods(pods: readonly QueuedPodInfo[], event: ClusterEvent, old: unknown, now: unknown): void {
    let ready = false;
    for (const pod of pods) {
      if (pod.gatedBy && !this.hints.gateListens(pod.info.spec.schedulerName ?? '', pod.gatedBy, event)) continue;
      const strategy = this.hints.ask(pod, event, old, now);
      if (strategy !== 'skip' && this.#requeue(pod, strategy, event.label, { event, old, now }) !== 'unschedulable') ready = true;
    }
    if (ready) this.#options.onReady();
  }

  /** Makes pods ready at once, whatever they wait for; in flight ones when they come back. */
  activate(pods: Iterable<Pod>): void {
    let ready = false;
    for (const pod of pods) {
      const uid = pod.metadata.uid!;
      const backing = this.#backoff.delete(uid);
      const queued = backing ?? this.#unschedulable.get(uid);
      if (queued) ready = this.#toActive(queued, forceActivate.label, backing !== undefined) || ready;
      else if (this.#inFlight.has(uid)) this.#inFlight.record({ event: forceActivate, old: undefined, now: pod });
    }
    if (ready) this.#options.onReady();
  }

  /** Pods whose back-off is over become active. To be called every second. */
  flushBackoff(): void {
    for (const pod of this.#backoff.popDone()) this.#toActive(pod, 'BackoffComplete', true);
  }

  /** Pods that have waited too long for an event are tried again. To be called every half minute. */
  flushUnschedulable(): void {
    const now = this.#options.now();
    const waitedLong = [...this.#unschedulable.values()].filter((p) => now - p.timestampMs > (this.#options.maxUnschedulableMs ?? longestUnschedulableMs));
    for (const pod of waitedLong) pod.flushed = true;
    this.#movePods(waitedLong, unschedulableTimeout, undefined, undefined);
  }

  /** Notes where a pod is expected to go. */
  nominate(info: PodInfo, nominating: Nominating | undefined): void {
    const { nominator } = this.#options;
    const node = nominating?.mode === 'override' ? nominating.node : (info.pod.status?.nominatedNodeName ?? '');
    if (node) nominator.add(info, node);
    else nominator.delete(info.uid);
  }

  #renominate(old: Pod, info: PodInfo): void {
    const { nominator } = this.#options;
    const named = info.pod.status?.nominatedNodeName;
    const kept = old.status?.nominatedNodeName || named ? undefined : nominator.nodeOf(info.uid);
    nominator.add(info, named ?? kept ?? '');
  }

  #tell(pod: QueuedPodInfo, to: Place, event: string, cause?: Cause): void {
    this.#options.observer?.moved(pod, to, event, cause, () => (cause ? this.hints.explain(pod, cause.event, cause.old, cause.now) : []));
  }

  #requeue(pod: QueuedPodInfo, strategy: Strategy, event: string, cause?: Cause): 'active' | 'backoff' | 'unschedulable' {
    if (strategy === 'skip') {
      if (!this.#unschedulable.has(pod.uid)) this.#options.metrics.queued('unschedulable', event);
      this.#unschedulable.set(pod);
      this.#tell(pod, 'unschedulable', event, cause);
      return 'unschedulable';
    }
    if (strategy === 'backoff' && this.#backoff.isBackingOff(pod)) return this.#toBackoff(pod, event, cause) ? 'backoff' : 'unschedulable';
    return this.#toActive(pod, event, false, cause) ? 'active' : 'unschedulable';
  }

  #toBackoff(pod: QueuedPodInfo, event: string, cause?: Cause): boolean {
    if (this.#options.features.SchedulerPopFromBackoffQ && this.#gate(pod, event, cause)) return false;
    this.#unschedulable.delete(pod.uid);
    this.#backoff.add(pod);
    this.#options.metrics.queued('backoff', event);
    this.#tell(pod, 'backoff', event, cause);
    return true;
  }

  /** False where a plugin gates the pod. Pods that come from the back-off queue were asked when they went there. */
  #toActive(pod: QueuedPodInfo, event: string, fromBackoff: boolean, cause?: Cause): boolean {
    const asked = fromBackoff && this.#options.features.SchedulerPopFromBackoffQ;
    if (!asked && this.#gate(pod, event, cause)) return false;
    pod.sequence = this.#arrivals++;
    pod.initialAttemptMs ??= this.#options.now();
    this.#unschedulable.delete(pod.uid);
    this.#backoff.delete(pod.uid);
    this.#active.push(pod);
    this.#options.metrics.queued('active', event);
    this.#tell(pod, 'active', event, cause);
    if (event === podAdded.label || event === podUpdated.label) this.nominate(pod.info, undefined);
    this.#options.onReady();
    return true;
  }

  /** Asks the PreEnqueue plugins, the one that gated the pod before first. */
  #gate(pod: QueuedPodInfo, event: string, cause?: Cause): boolean {
    const profile = this.#options.profiles.get(pod.info.spec.schedulerName ?? '');
    for (const plugin of profile?.points.preEnqueue ?? []) {
      const verdict = plugin.preEnqueue!(pod.info);
      if (!verdict) continue;
      const isNew = pod.gatedBy !== plugin.name;
      pod.unschedulablePlugins = new Set([...pod.unschedulablePlugins, plugin.name]);
      pod.gatedBy = plugin.name;
      if (!this.#unschedulable.has(pod.uid)) this.#options.metrics.queued('gated', event);
      this.#unschedulable.set(pod);
      this.#tell(pod, 'gated', event, cause);
      this.#options.observer?.gated?.(pod, plugin.name, verdict);
      if (isNew) this.#options.onGated?.(pod.info, plugin.name, verdict);
      return true;
    }
    pod.gatedBy = '';
    return false;
  }

  /** Where a pod is. */
  place(uid: string): Place | undefined {
    if (this.#active.get(uid)) return 'active';
    if (this.#backoff.get(uid)) return 'backoff';
    const waiting = this.#unschedulable.get(uid);
    if (waiting) return waiting.gatedBy ? 'gated' : 'unschedulable';
    if (this.#held.has(uid)) return 'held';
    return this.#inFlight.has(uid) ? 'inFlight' : undefined;
  }
}
