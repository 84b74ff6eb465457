/**
 * Breakpoints and the cycles they hold. A cycle is pure up to Reserve, so nothing has to be stopped in the middle: a held pod is set aside
 * before its cycle, the cycle is run on a copy of the cluster, and walking through it is a matter of how much of the record is shown. Only when
 * it is resumed is the pod tried for real, on the cluster as it is by then. Nothing of this outlives the scheduler, and nothing it holds is
 * held for longer than its limits say.
 */
import type { Clock, Timer } from '@pilothouse/base/clock';
import { type CycleGate, labelSelector, PodInfo, type QueueEntry, type SchedulerWorld, type Selector } from '@pilothouse/scheduler-framework';
import type { Edit, SchedulingBreakpoint, SchedulingBreakpointSpec } from '../api/types.ts';
import type { ClusterCopies } from '../history/copies.ts';
import { Happenings, type Versions } from '../traces/watchable.ts';
import { HeldCycle, runOnCopy } from './held-cycle.ts';
import { findStep, stepsOf } from './steps.ts';

export const defaultTimeoutSeconds = 300;
export const defaultLeaseSeconds = 30;
/** What is left to a held cycle once the last watch of held cycles has ended. */
const afterWatchMs = 5000;
/** Cycles held at once: each has a copy of the cluster, so that they are fewer where it is large. */
const mostHeld = (pods: number): number => Math.max(1, Math.min(16, Math.floor(1_000_000 / (pods + 1))));

export interface Breakpoint {
  readonly object: SchedulingBreakpoint;
  readonly selector: Selector;
  hits: number;
  /** Nobody kept what it held: it holds nothing more until somebody watches held cycles anew, or writes it anew. */
  idle: boolean;
  version: number;
}

export interface HoldingOptions {
  readonly world: SchedulerWorld;
  readonly clock: Clock;
  readonly copies: ClusterCopies;
  readonly versions: Versions;
}

export class Holding implements CycleGate {
  readonly #options: HoldingOptions;
  readonly breakpoints = new Map<string, Breakpoint>();
  readonly held = new Map<string, HeldCycle>();
  readonly breakpointHappenings: Happenings<Breakpoint>;
  readonly heldHappenings: Happenings<HeldCycle>;
  readonly #timers = new Map<string, Timer>();
  /** The next pod of this breakpoint's namespace is held before its first plugin, whatever it is. */
  #holdNext: Breakpoint | undefined;
  #watchers = 0;

  constructor(options: HoldingOptions) {
    this.#options = options;
    this.breakpointHappenings = new Happenings(options.versions, 500);
    this.heldHappenings = new Happenings(options.versions, 500);
  }

  get paused(): boolean {
    for (const cycle of this.held.values()) if (cycle.queue === 'Wait') return true;
    return false;
  }

  holds(pod: QueueEntry, release: (how: 'try' | 'abort') => void): boolean {
    if ((!this.breakpoints.size && !this.#holdNext) || this.held.size >= mostHeld(this.#placedPods())) return false;
    const next = this.#holdNext?.object.metadata.namespace === pod.info.namespace ? this.#holdNext : undefined;
    if (next) this.#holdNext = undefined;
    const found = next ? { breakpoint: next, cycle: this.#makeCycle(pod, next, release), at: 0 } : this.#match(pod, release);
    if (!found) return false;
    const { breakpoint, cycle, at } = found;
    cycle.position = at;
    breakpoint.hits++;
    breakpoint.version = this.breakpointHappenings.tell('MODIFIED', breakpoint);
    this.held.set(pod.uid, cycle);
    this.#touch(cycle);
    cycle.version = this.heldHappenings.tell('ADDED', cycle);
    return true;
  }

  #placedPods(): number {
    let pods = 0;
    for (const of of this.#options.world.snapshot.podsByNamespace.values()) pods += of.size;
    return pods;
  }

  #match(pod: QueueEntry, release: (how: 'try' | 'abort') => void): { breakpoint: Breakpoint; cycle: HeldCycle; at: number } | undefined {
    const { info } = pod;
    for (const breakpoint of this.breakpoints.values()) {
      const { metadata, spec } = breakpoint.object;
      if (breakpoint.idle || metadata.namespace !== info.namespace || !breakpoint.selector.matches(info.pod.metadata.labels ?? {})) continue;
      if (spec.schedulerName && spec.schedulerName !== info.spec.schedulerName) continue;
      const at = this.#findIn(info, spec);
      if (at >= 0) return { breakpoint, cycle: this.#makeCycle(pod, breakpoint, release), at };
    }
    return undefined;
  }

  /** Where the pod's cycle meets the conditions; -1 where it does not: it is run on a copy of the cluster to see. */
  #findIn(info: PodInfo, spec: SchedulingBreakpointSpec): number {
    if (!spec.points?.length && !spec.plugins?.length && !spec.nodes?.length) return 0;
    const { world, clock, copies } = this.#options;
    return copies.at(undefined, (copy) => findStep(stepsOf(runOnCopy({ world, copy, info, nowMs: clock.now(), monotonic: clock.monotonic })), spec)) ?? -1;
  }

  #makeCycle(pod: QueueEntry, breakpoint: Breakpoint, release: (how: 'try' | 'abort') => void): HeldCycle {
    const { world, clock, copies } = this.#options;
    const { timeoutSeconds = defaultTimeoutSeconds, leaseSeconds = defaultLeaseSeconds, queue = 'Flow' } = breakpoint.object.spec;
    const now = clock.now();
    return new HeldCycle({ world, copy: copies.own(), info: new PodInfo(pod.info.pod), breakpoint: breakpoint.object.metadata.name!, queue, release, nowMs: now, deadlineMs: now + timeoutSeconds * 1000, leaseMs: leaseSeconds * 1000, monotonic: clock.monotonic });
  }

  // ── breakpoints ──

  /** Adds or replaces. */
  setBreakpoint(object: SchedulingBreakpoint): Breakpoint {
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const old = this.breakpoints.get(key);
    const breakpoint: Breakpoint = { object, selector: labelSelector(object.spec.selector ?? {}), hits: old?.hits ?? 0, idle: false, version: 0 };
    this.breakpoints.set(key, breakpoint);
    breakpoint.version = this.breakpointHappenings.tell(old ? 'MODIFIED' : 'ADDED', breakpoint);
    return breakpoint;
  }

  /** Cycles that it holds go on. False where there is no such breakpoint. */
  deleteBreakpoint(key: string): boolean {
    const breakpoint = this.breakpoints.get(key);
    if (!breakpoint) return false;
    this.breakpoints.delete(key);
    if (this.#holdNext === breakpoint) this.#holdNext = undefined;
    breakpoint.version = this.breakpointHappenings.tell('DELETED', breakpoint);
    for (const cycle of [...this.held.values()]) if (`${cycle.info.namespace}/${cycle.breakpoint}` === key) this.release(cycle, 'try');
    return true;
  }

  // ── held cycles ──

  /** By `namespace/name` of the pod. Asking keeps it. */
  find(key: string): HeldCycle | undefined {
    for (const cycle of this.held.values()) {
      if (cycle.info.key !== key) continue;
      this.#touch(cycle);
      return cycle;
    }
    return undefined;
  }

  step(cycle: HeldCycle, to: 'Plugin' | 'Node' | 'ExtensionPoint' | 'End' | 'Pod'): void {
    if (to === 'Pod') {
      this.#holdNext = this.breakpoints.get(`${cycle.info.namespace}/${cycle.breakpoint}`);
      this.release(cycle, 'try');
      return;
    }
    cycle.step(to);
    this.#changed(cycle);
  }

  /** @throws EditError */
  edit(cycle: HeldCycle, edits: readonly Edit[], context: Parameters<HeldCycle['edit']>[1]): void {
    cycle.edit(edits, context);
    this.#changed(cycle);
  }

  renew(cycle: HeldCycle): void {
    this.#changed(cycle);
  }

  release(cycle: HeldCycle, how: 'try' | 'abort'): void {
    if (!this.#forget(cycle)) return;
    cycle.release(how);
    this.#options.world.wake();
  }

  /** The pod is gone: there is nothing to go on with. */
  left(uid: string): void {
    const cycle = this.held.get(uid);
    if (cycle && this.#forget(cycle)) this.#options.world.wake();
  }

  /** Somebody watches held cycles, until the returned function is called: that keeps them, up to their time limit. */
  watching(): () => void {
    this.#watchers++;
    for (const breakpoint of this.breakpoints.values()) if (breakpoint.idle) this.#setIdle(breakpoint, false);
    for (const cycle of this.held.values()) this.#touch(cycle);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#watchers--;
      if (this.#watchers) return;
      const until = this.#options.clock.now() + afterWatchMs;
      for (const cycle of this.held.values()) this.#arm(cycle, until);
    };
  }

  close(): void {
    for (const cycle of [...this.held.values()]) this.release(cycle, 'try');
    this.breakpoints.clear();
  }

  #changed(cycle: HeldCycle): void {
    this.#touch(cycle);
    cycle.version = this.heldHappenings.tell('MODIFIED', cycle);
  }

  #forget(cycle: HeldCycle): boolean {
    if (this.held.get(cycle.info.uid) !== cycle) return false;
    this.held.delete(cycle.info.uid);
    this.#timers.get(cycle.info.uid)?.cancel();
    this.#timers.delete(cycle.info.uid);
    cycle.version = this.heldHappenings.tell('DELETED', cycle);
    return true;
  }

  /** Starts its lease anew. */
  #touch(cycle: HeldCycle): void {
    this.#arm(cycle, this.#watchers ? cycle.deadlineMs : this.#options.clock.now() + cycle.leaseMs);
  }

  #arm(cycle: HeldCycle, untilMs: number): void {
    const { clock } = this.#options;
    cycle.releaseMs = Math.min(untilMs, cycle.deadlineMs);
    this.#timers.get(cycle.info.uid)?.cancel();
    this.#timers.set(cycle.info.uid, clock.after(Math.max(0, cycle.releaseMs - clock.now()), () => this.#expire(cycle)));
  }

  /** Nobody kept it. Its breakpoint must not hold pod after pod for nobody: that would stop the queue. */
  #expire(cycle: HeldCycle): void {
    const breakpoint = this.breakpoints.get(`${cycle.info.namespace}/${cycle.breakpoint}`);
    if (breakpoint) this.#setIdle(breakpoint, true);
    this.release(cycle, 'try');
  }

  #setIdle(breakpoint: Breakpoint, idle: boolean): void {
    breakpoint.idle = idle;
    breakpoint.version = this.breakpointHappenings.tell('MODIFIED', breakpoint);
  }
}

