/**
 * What a scheduler shows of itself to those that explain it, and where they may hold it. All of it is optional: without an observer
 * nothing is computed for one.
 */
import type { DefaultedConfiguration } from './config/types.ts';
import type { PluginFactory } from './contract.ts';
import type { ClusterEvent } from './events/cluster-event.ts';
import type { Features } from './features.ts';
import type { Nominator } from './nominator.ts';
import type { ClusterObjects } from './objects.ts';
import type { PodInfo } from './pod/pod-info.ts';
import type { Recorder } from './recorder.ts';
import type { ClusterSnapshot } from './snapshot/cluster-snapshot.ts';
import type { Verdict } from './verdict.ts';

/** A pod that the queue deals with, as others see it. Changes while the pod moves. */
export interface QueueEntry {
  readonly uid: string;
  readonly info: PodInfo;
  /** When it came into the queue it is in, or was last tried. */
  readonly timestampMs: number;
  readonly attempts: number;
  /** When its back-off ends; undefined: not worked out. */
  readonly backoffUntilMs: number | undefined;
  readonly initialAttemptMs: number | undefined;
  readonly unschedulablePlugins: ReadonlySet<string>;
  readonly pendingPlugins: ReadonlySet<string>;
  readonly gatedBy: string;
}

export type QueuePlace = 'active' | 'backoff' | 'unschedulable' | 'gated' | 'inFlight' | 'held';

/** What moved a pod, where it was an event. */
export interface MoveCause {
  readonly event: ClusterEvent;
  readonly old: unknown;
  readonly now: unknown;
}

export interface HintAnswer {
  readonly plugin: string;
  /** `NotAsked`: it has no hint function, so any such event counts. */
  readonly answer: 'Queue' | 'QueueSkip' | 'NotAsked';
}

/** Who follows the pods through the queue. Called while the queue is in the middle of its work: not to be used to change it. */
export interface QueueObserver {
  /** The pod came to another place, or to the same with a new version of it. `event`: upstream's label. `hints` works out what plugins said. */
  moved(pod: QueueEntry, to: QueuePlace, event: string, cause: MoveCause | undefined, hints: () => readonly HintAnswer[]): void;
  /** A PreEnqueue plugin keeps the pod out. */
  gated?(pod: QueueEntry, plugin: string, verdict: Verdict): void;
  /** The pod is out of the queue's hands: handed on to binding, or gone. */
  left(uid: string): void;
}

/** Holds cycles. */
export interface CycleGate {
  /** Nothing is to be taken from the queue for now. */
  readonly paused: boolean;
  /**
   * Whether the pod, just taken from the queue, is to be held rather than tried. Then `release` is called once, later: `try` has it tried on the
   * cluster as it is by then, `abort` puts it back with a back-off.
   */
  holds(pod: QueueEntry, release: (how: 'try' | 'abort') => void): boolean;
}

/** What a scheduler works on. To be read; all of it changes under its reader's hands. */
export interface SchedulerWorld {
  readonly snapshot: ClusterSnapshot;
  readonly nominator: Nominator;
  readonly objects: ClusterObjects;
  readonly config: DefaultedConfiguration;
  readonly features: Features;
  readonly plugins: readonly PluginFactory[];
  /** Names the first by name among equals, not one by chance. */
  readonly firstByName: boolean;
  /** Names of the extenders that may refuse nodes. */
  readonly extenders: readonly string[];
  /** Calls back after every change of the objects that plugins look up. Returns its end. */
  onObjectChange(fn: (table: Exclude<keyof ClusterObjects, 'namespacesVersion'>, old: unknown, now: unknown) => void): () => void;
  /** There may be something to do: a gate opened. */
  wake(): void;
}

export interface SchedulerObservers {
  readonly trace?: Recorder;
  readonly queue?: QueueObserver;
  readonly gate?: CycleGate;
}
