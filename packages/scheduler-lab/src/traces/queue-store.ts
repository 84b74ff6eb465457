/** The pods in the queue as last seen, and how they moved. */
import type { Clock } from '@pilothouse/base/clock';
import type { HintAnswer, MoveCause, QueueEntry, QueueObserver, QueuePlace, Verdict } from '@pilothouse/scheduler-framework';
import type { Lane } from '../api/types.ts';
import type { Attempt, NotedMove } from './attempt.ts';
import { Happenings, type Versions } from './watchable.ts';

/** Moves kept of one pod. */
const mostMoves = 32;

const laneOf: Record<QueuePlace, Lane> = { active: 'Active', backoff: 'Backoff', unschedulable: 'Unschedulable', gated: 'Gated', inFlight: 'InFlight', held: 'Held' };

export class Waiting {
  entry: QueueEntry;
  lane: Lane;
  sinceMs: number;
  readonly arrivedMs: number;
  moves: NotedMove[] = [];
  /** The pod's latest attempt. */
  attempt: Attempt | undefined;
  movesOmitted = 0;
  version = 0;

  constructor(entry: QueueEntry, lane: Lane, nowMs: number) {
    this.entry = entry;
    this.lane = lane;
    this.sinceMs = nowMs;
    this.arrivedMs = nowMs;
  }
}

export interface QueueStoreOptions {
  readonly clock: Clock;
  readonly versions: Versions;
  /** A pod moved that has been tried. */
  readonly onMove: (attempt: Attempt) => void;
  readonly onGated: (pod: QueueEntry, plugin: string, verdict: Verdict) => void;
  /** The pod left the queue. */
  readonly onLeft: (uid: string) => void;
}

export class QueueStore implements QueueObserver {
  readonly #options: QueueStoreOptions;
  readonly happenings: Happenings<Waiting>;
  readonly #pods = new Map<string, Waiting>();

  constructor(options: QueueStoreOptions) {
    this.#options = options;
    this.happenings = new Happenings(options.versions, 2000);
  }

  get(uid: string): Waiting | undefined {
    return this.#pods.get(uid);
  }

  all(): Iterable<Waiting> {
    return this.#pods.values();
  }

  /** The pod's moves so far: a list that goes on growing, until it is taken again. */
  takeMoves(uid: string): NotedMove[] {
    const pod = this.#pods.get(uid);
    if (!pod) return [];
    // What the last attempt holds stays as it is; the list that grows is the new one's.
    pod.moves = pod.moves.slice();
    return pod.moves;
  }

  /** The attempt is told of the pod's moves from now on. */
  follow(uid: string, attempt: Attempt): void {
    const pod = this.#pods.get(uid);
    if (pod) pod.attempt = attempt;
  }

  moved(entry: QueueEntry, to: QueuePlace, event: string, cause: MoveCause | undefined, hints: () => readonly HintAnswer[]): void {
    const nowMs = this.#options.clock.now();
    const lane = laneOf[to];
    let pod = this.#pods.get(entry.uid);
    const from = pod?.lane;
    if (!pod) this.#pods.set(entry.uid, (pod = new Waiting(entry, lane, nowMs)));
    pod.entry = entry;
    if (from !== lane) {
      pod.lane = lane;
      pod.sinceMs = nowMs;
      pod.moves.push(describeMove(nowMs, from, lane, event, cause, cause ? hints() : undefined));
      if (pod.moves.length > mostMoves) {
        pod.moves.shift();
        pod.movesOmitted++;
      }
    }
    pod.version = this.happenings.tell(from === undefined ? 'ADDED' : 'MODIFIED', pod);
    if (from !== lane && pod.attempt) this.#options.onMove(pod.attempt);
  }

  gated(entry: QueueEntry, plugin: string, verdict: Verdict): void {
    this.#options.onGated(entry, plugin, verdict);
  }

  left(uid: string): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    this.#pods.delete(uid);
    this.happenings.tell('DELETED', pod);
    this.#options.onLeft(uid);
  }
}

type Named = { kind?: string; metadata?: { name?: string; namespace?: string } } | undefined;

function describeMove(nowMs: number, from: Lane | undefined, to: Lane, event: string, cause: MoveCause | undefined, hints: readonly HintAnswer[] | undefined): NotedMove {
  if (!cause) return { ms: nowMs, from, to, event };
  const about = (cause?.now ?? cause?.old) as Named;
  const metadata = about?.metadata;
  const kind = cause?.event.resource.split('/').at(-1)?.replace(/^(Assigned|Unschedulable)Pod$/, 'Pod');
  return {
    ms: nowMs,
    from,
    to,
    event,
    ...(metadata?.name && kind && kind !== '*' && { object: { kind, ...(metadata.namespace && { namespace: metadata.namespace }), name: metadata.name } }),
    ...(hints?.length && { hints: hints.map((h) => ({ ...h })) }),
  };
}
