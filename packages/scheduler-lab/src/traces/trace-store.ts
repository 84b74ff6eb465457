/**
 * The attempts of late, as a recorder of the scheduler. Bounded by bytes: the oldest go first, but the latest of a pod that still waits
 * stays (without its lists of nodes, where room is short).
 */
import type { Clock } from '@pilothouse/base/clock';
import { type ClusterSnapshot, type Feasible, messageOf, type PodInfo, type PostFilterResult, type QueueEntry, type Recorder, type Verdict } from '@pilothouse/scheduler-framework';
import type { ChangeLog } from '../history/change-log.ts';
import { Attempt, groupRejections, type NotedMove } from './attempt.ts';
import { Happenings, type Versions } from './watchable.ts';

export interface TraceStoreOptions {
  readonly snapshot: ClusterSnapshot;
  readonly clock: Clock;
  readonly log: ChangeLog;
  readonly versions: Versions;
  /** A rough bound on what is kept. */
  readonly maxBytes: number;
  /** Whether the pod still waits for a node. */
  readonly isPending: (uid: string) => boolean;
  /** The pod's moves so far, a list that goes on growing while `owner` is the pod's latest attempt. */
  readonly takeMoves: (uid: string) => NotedMove[];
  /** `owner` is to be told of the pod's moves from now on. */
  readonly follow: (uid: string, owner: Attempt) => void;
}

export class TraceStore implements Recorder {
  readonly #options: TraceStoreOptions;
  readonly happenings: Happenings<Attempt>;
  /** By `namespace/name`, oldest first. */
  readonly #byPod = new Map<string, Attempt[]>();
  #ring: Attempt[] = [];
  #oldest = 0;
  #bytes = 0;
  /** The attempt that is being made. */
  #current: Attempt | undefined;
  /** Attempts that have not ended, by uid. */
  readonly #open = new Map<string, Attempt>();

  constructor(options: TraceStoreOptions) {
    this.#options = options;
    this.happenings = new Happenings(options.versions, 1000);
  }

  /** By `namespace/name` of its pod, oldest first. */
  ofPod(key: string): readonly Attempt[] {
    return this.#byPod.get(key) ?? [];
  }

  latest(key: string): Attempt | undefined {
    return this.#byPod.get(key)?.at(-1);
  }

  /** All, by namespace and pod in no order, each pod's oldest first. */
  *all(): Iterable<Attempt> {
    for (const attempts of this.#byPod.values()) yield* attempts;
  }

  get size(): number {
    return this.#ring.length - this.#oldest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  // ── Recorder ──

  begin(info: PodInfo, number: number, start: number): void {
    const attempt = this.#make(info, number, start);
    this.#current = attempt;
    this.#open.set(info.uid, attempt);
  }

  searched(info: PodInfo, found: Feasible): void {
    const attempt = this.#current;
    if (!attempt || attempt.info.uid !== info.uid) return;
    const { snapshot } = this.#options;
    attempt.evaluated = found.evaluated;
    attempt.feasible = found.nodes.length;
    attempt.searched = !found.error;
    if (found.nodes.length || found.error) return;
    const { groups, absent } = groupRejections(found, snapshot);
    attempt.groups = groups;
    attempt.absent = absent;
    attempt.unschedulablePlugins = [...found.diagnosis.unschedulablePlugins].sort();
  }

  chosen(nodes: Int32Array, totals: Float64Array | undefined, node: number, ties: number, score: number): void {
    const attempt = this.#current;
    if (!attempt) return;
    attempt.feasible = nodes.length;
    attempt.choice = totals && { score, tiedCount: ties };
    attempt.node = this.#options.snapshot.names[node];
    attempt.result = 'Scheduled';
  }

  postFilter(_plugin: string, { verdict, preemption }: PostFilterResult): void {
    if (this.#current && preemption) this.#current.preempted = { report: preemption, message: messageOf(verdict), nowMs: this.#options.clock.now() };
  }

  reserve(plugin: string, _node: string, verdict: Verdict | undefined): void {
    if (verdict && this.#current) this.#current.refused = { point: 'Reserve', plugin, verdict };
  }

  permit(plugin: string, _node: string, verdict: Verdict | undefined): void {
    if (verdict && this.#current) this.#current.refused = { point: 'Permit', plugin, verdict };
  }

  binding(info: PodInfo, node: string): void {
    const attempt = this.#open.get(info.uid);
    if (!attempt) return;
    const now = this.#options.clock.monotonic();
    attempt.schedulingUs = (now - attempt.startedAt) * 1000;
    attempt.binding = { phase: 'Binding', node, startedAt: now };
    this.#keep(attempt);
  }

  bind(info: PodInfo, plugin: string, _node: string, verdict: Verdict | undefined): void {
    const binding = this.#open.get(info.uid)?.binding;
    if (!binding) return;
    binding.phase = verdict ? 'Failed' : 'Bound';
    binding.plugin = plugin;
    if (verdict) binding.message = messageOf(verdict);
  }

  end(info: PodInfo, { message, error }: { readonly node?: string; readonly message?: string; readonly error?: boolean }): void {
    const attempt = this.#open.get(info.uid);
    if (!attempt) return;
    this.#open.delete(info.uid);
    const now = this.#options.clock.monotonic();
    attempt.endMs = this.#options.clock.now();
    if (attempt.binding) attempt.bindingUs = (now - attempt.binding.startedAt) * 1000;
    else attempt.schedulingUs = (now - attempt.startedAt) * 1000;
    if (message !== undefined) {
      attempt.message = message;
      attempt.result = error ? 'Error' : 'Unschedulable';
      if (!attempt.binding) attempt.node = undefined;
    }
    if (attempt.binding) this.#touch(attempt);
    else this.#keep(attempt);
  }

  // ── the queue ──

  /** A PreEnqueue plugin keeps the pod out: its attempt number 0. */
  gated(pod: QueueEntry, plugin: string, verdict: Verdict): void {
    const attempt = this.#make(pod.info, 0, 0);
    attempt.result = 'Gated';
    attempt.gatedBy = plugin;
    attempt.message = messageOf(verdict);
    attempt.endMs = attempt.startMs;
    const had = this.latest(pod.info.key);
    if (had?.number === 0) this.#drop(had);
    this.#keep(attempt);
  }

  /** The attempt's pod moved. */
  moved(attempt: Attempt): void {
    this.#touch(attempt);
  }

  #make(info: PodInfo, number: number, searchStart: number): Attempt {
    const { clock, log, snapshot, takeMoves, follow } = this.#options;
    const attempt = new Attempt(info, number, { ms: clock.now(), monotonic: clock.monotonic(), position: log.position, searchStart, moves: takeMoves(info.uid) });
    follow(info.uid, attempt);
    attempt.nodesTotal = snapshot.size;
    return attempt;
  }

  #keep(attempt: Attempt): void {
    const { key } = attempt;
    let attempts = this.#byPod.get(key);
    if (!attempts) this.#byPod.set(key, (attempts = []));
    // A pod of the same name that was there before: its attempts go.
    while (attempts.length && attempts[0].info.uid !== attempt.info.uid) this.#drop(attempts[0]);
    if (!attempts.length) this.#byPod.set(key, attempts);
    const before = attempts.at(-1);
    attempts.push(attempt);
    // It is not the latest any more.
    if (before) this.#touch(before);
    this.#ring.push(attempt);
    this.#bytes += attempt.counted = attempt.bytes;
    attempt.version = this.happenings.tell('ADDED', attempt);
    if (this.#bytes > this.#options.maxBytes) this.#makeRoom();
  }

  #touch(attempt: Attempt): void {
    if (attempt.kept && attempt.version) attempt.version = this.happenings.tell('MODIFIED', attempt);
  }

  #drop(attempt: Attempt): void {
    const { key } = attempt;
    attempt.kept = false;
    const attempts = this.#byPod.get(key);
    const at = attempts?.indexOf(attempt) ?? -1;
    if (at < 0) return;
    attempts!.splice(at, 1);
    if (!attempts!.length) this.#byPod.delete(key);
    this.happenings.tell('DELETED', attempt);
    // Those who come back to a watch are told of it for a while; what was large need not stay for that.
    attempt.groups = attempt.preempted = undefined;
  }

  #makeRoom(): void {
    for (let looked = this.size; looked > 1 && this.#bytes > this.#options.maxBytes; looked--) {
      const attempt = this.#ring[this.#oldest++];
      this.#bytes -= attempt.counted;
      if (!attempt.kept) continue;
      if (this.latest(attempt.key) !== attempt || !this.#options.isPending(attempt.info.uid)) {
        this.#drop(attempt);
        continue;
      }
      attempt.groups = attempt.groups?.map((g) => ({ ...g, nodes: g.nodes.slice(0, 10) }));
      attempt.preempted = undefined;
      this.#ring.push(attempt);
      this.#bytes += attempt.counted = attempt.bytes;
    }
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#ring.length) {
      this.#ring = this.#ring.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}
