/**
 * The plugin contract: kube-scheduler's extension points as functions over values. A plugin's state for a pod is its own type,
 * returned by its `preFilter` (or `prepareFilter`) and `preScore` and handed back to it alone. Success is `undefined`.
 * Everything up to `reserve` is synchronous and pure but for the plugin's own memory; only binding waits.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim } from '@pilothouse/api-schemas/types/resource/v1';
import type { Random } from '@pilothouse/base/random';
import type { EventResource } from './events/cluster-event.ts';
import type { Features } from './features.ts';
import type { Nominator } from './nominator.ts';
import type { ClusterObjects } from './objects.ts';
import type { PodInfo } from './pod/pod-info.ts';
import type { ClusterSnapshot } from './snapshot/cluster-snapshot.ts';
import type { Verdict } from './verdict.ts';

/** Highest score after normalisation; the lowest is 0. */
export const maxNodeScore = 100;

export const extensionPoints = ['preEnqueue', 'queueSort', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'reserve', 'permit', 'preBind', 'bind', 'postBind'] as const;
export type ExtensionPoint = (typeof extensionPoints)[number];

/** A pod in the queue, as far as sorting looks at it. */
export interface QueuedPod {
  readonly info: PodInfo;
  /** When the pod came into the queue, ms of the clock. */
  readonly timestampMs: number;
}

export type PreFilterOutcome<State> = { readonly state: State; /** Only these nodes are looked at. */ readonly nodes?: ReadonlySet<string> } | Verdict;
export type PreScoreOutcome<State> = { readonly state: State } | Verdict;
export const isVerdict = (outcome: object): outcome is Verdict => 'code' in outcome;

/** What to do with the pod's nominatedNodeName: set it (or clear it, with an empty name), or leave it alone. */
export type Nominating = { readonly mode: 'override'; readonly node: string } | { readonly mode: 'noop' };

export interface PreemptionCandidate {
  readonly node: string;
  /** Most important first. */
  readonly victims: readonly PodInfo[];
  readonly pdbViolations: number;
}

export interface PreemptionReport {
  readonly candidates: readonly PreemptionCandidate[];
  /** Nodes that were tried in vain. */
  readonly rejected: ReadonlyMap<string, Verdict>;
  /** Nodes that the last tie-break chooses among. */
  readonly best: readonly string[];
  readonly chosen?: PreemptionCandidate;
}

export interface PostFilterResult {
  /** Undefined: success. */
  readonly verdict: Verdict | undefined;
  readonly nominating?: Nominating;
  /** What preemption found; victims are to be evicted where `verdict` is undefined. */
  readonly preemption?: PreemptionReport;
}

/** What the filters said of the nodes. */
export interface NodeVerdicts {
  /** The verdict that counts for a node; undefined where it passed. */
  of(node: string): Verdict | undefined;
  /** Verdict of the nodes that none was given for. */
  readonly absent: Verdict;
  /** Nodes (indexes) whose verdict has the code. */
  withCode(code: Verdict['code']): number[];
}

/** Filters as preemption needs them: on a scratch node, with the plugins' states copied. */
export interface WhatIf {
  readonly node: number;
  add(info: PodInfo): void;
  remove(info: PodInfo): void;
  /** All filters, with nominated pods of equal or higher priority counted in. */
  fits(): Verdict | undefined;
}

export interface PostFilterContext {
  readonly verdicts: NodeVerdicts;
  /** A what-if on a node of the snapshot; the previous one ends. */
  tryNode(index: number): WhatIf;
  /** The PreFilter state of a plugin (its own, that is); undefined where it skipped. */
  stateOf<State>(plugin: string): State | undefined;
  /** Plugins whose PreFilter was run before the pod was refused. */
  readonly asked: ReadonlySet<string>;
}

export interface EventRegistration {
  readonly resource: EventResource;
  /** Bits of `Action`. */
  readonly action: number;
  /** Whether the event may make the pod schedulable; absent: it may. */
  readonly hint?: (pod: PodInfo, old: any, now: any) => boolean;
}

/** Writes that binding needs; the scheduler does them against the API. */
export interface BindingActions {
  bind(pod: Pod, node: string): Promise<void>;
  updateVolume(volume: PersistentVolume): Promise<PersistentVolume>;
  updateClaim(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim>;
  updateClaimStatus(claim: ResourceClaim): Promise<ResourceClaim>;
  updateResourceClaim(claim: ResourceClaim): Promise<ResourceClaim>;
  /** Resolves once `check` says true (it is asked again after changes and at least every second); rejects when it throws, or after `timeoutMs`. */
  waitUntil(check: () => boolean, timeoutMs: number): Promise<void>;
}

/** What plugins are made with. */
export interface PluginHandle {
  readonly snapshot: ClusterSnapshot;
  readonly objects: ClusterObjects;
  readonly nominator: Nominator;
  readonly features: Features;
  readonly random: Random;
  /** ms since the epoch. */
  readonly now: () => number;
  /** RFC 3339 of such a time. */
  readonly formatTime: (ms: number) => string;
  /** The pod as it is now (its nominated node may have changed since it was queued). */
  readonly currentPod: (info: PodInfo) => Pod | undefined;
  readonly actions: BindingActions;
  /** Devices of a node that an extended resource stands for; absent where devices are not looked at. */
  readonly deviceTotals?: (resource: string, node: number) => { capacity: number; allocated: number };
  /** Whether a preemption for the pod is still being carried out. */
  readonly isPreempting: (uid: string) => boolean;
}

/**
 * How far a filter or score looks. `node`: only at the pod's kind (`PodInfo.nodeFragment`) and the node with its pods, so
 * that the answer holds for equal pods until the node changes. `cluster`: at other nodes or at other objects too.
 */
export type Scope = 'node' | 'cluster';

export interface Plugin<FilterState = any, ScoreState = any> {
  readonly name: string;
  /** Whether `a` leaves the queue before `b`. */
  queueSort?(a: QueuedPod, b: QueuedPod): boolean;
  /** Keeps a pod out of the active queue. */
  preEnqueue?(info: PodInfo): Verdict | undefined;

  /** The state may be shared by equal pods: only a clone is ever changed by `addPod` and `removePod`. */
  preFilter?(info: PodInfo): PreFilterOutcome<FilterState>;
  /** For filters without PreFilter: works out once per pod what the filter needs. Not an extension point. */
  prepareFilter?(info: PodInfo): FilterState;
  /** Counts a pod in on a what-if node (PreFilterExtensions). The state is a clone. */
  addPod?(state: FilterState, info: PodInfo, other: PodInfo, node: number): void;
  removePod?(state: FilterState, info: PodInfo, other: PodInfo, node: number): void;
  cloneState?(state: FilterState): FilterState;
  readonly filterScope?: Scope;
  filter?(state: FilterState, info: PodInfo, node: number): Verdict | undefined;

  postFilter?(info: PodInfo, context: PostFilterContext): PostFilterResult;

  preScore?(info: PodInfo, feasible: Int32Array, filterState: FilterState | undefined): PreScoreOutcome<ScoreState>;
  /** As `prepareFilter`, for scores without PreScore. */
  prepareScore?(info: PodInfo, filterState: FilterState | undefined): ScoreState;
  readonly scoreScope?: Scope;
  score?(state: ScoreState, info: PodInfo, node: number): number;
  /** The normalised score of every node, where it is one and the same; saves asking. */
  uniformScore?(state: ScoreState, info: PodInfo): number | undefined;
  /** Brings raw scores into 0…100, in place. `nodes[i]` is the index of the node that `scores[i]` is for. */
  normalize?(state: ScoreState, scores: Float64Array, nodes: Int32Array): void;

  /** Takes what the pod needs, in memory. `node` is a name. */
  reserve?(state: FilterState | undefined, info: PodInfo, node: string): Verdict | undefined;
  /** Gives it back; also called after a failed reserve. */
  unreserve?(state: FilterState | undefined, info: PodInfo, node: string): void;
  permit?(info: PodInfo, node: string): { readonly wait: number } | Verdict | undefined;
  /** Whether `preBind` has anything to do; absent: yes. */
  needsPreBind?(state: FilterState | undefined, info: PodInfo, node: string): boolean;
  preBind?(state: FilterState | undefined, info: PodInfo, node: string, signal: AbortSignal): Promise<Verdict | undefined>;
  bind?(info: PodInfo, node: string): Promise<Verdict | undefined>;
  postBind?(info: PodInfo, node: string): void;

  /** Events that may make pods schedulable which this plugin rejected. Absent: none registered (any event may, if it rejects pods). */
  readonly events?: readonly EventRegistration[];
}

/** Makes a plugin for one profile. `args` are defaulted and validated. */
export interface PluginFactory<Args = any> {
  readonly name: string;
  create(args: Args, handle: PluginHandle): Plugin;
}

/** Gives a plugin's states their types: `plugin<FilterState, ScoreState>({ … })`. */
export const plugin = <FilterState = undefined, ScoreState = undefined>(definition: Plugin<FilterState, ScoreState>): Plugin => definition;
