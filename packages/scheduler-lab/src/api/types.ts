/**
 * The API `lab.pilothouse.dev/v1`: what the scheduler did, why, and what it would do if. Types only, so that a page in a browser may
 * import them. Times are RFC 3339 with microseconds; amounts of time are named with their unit. Lists that can be long are bounded, and
 * a field beside them says how many entries were left out. Served by the scheduler, behind the API server: docs/lab-api.md.
 */
import type { LabelSelector, ListMeta, ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { Node, PodSpec, Taint } from '@pilothouse/api-schemas/types/core/v1';

export const labGroup = 'lab.pilothouse.dev';
export const labVersion = 'v1';
export const labApiVersion = 'lab.pilothouse.dev/v1';

interface LabObject<Kind extends string> {
  apiVersion: typeof labApiVersion;
  kind: Kind;
  metadata: ObjectMeta;
}

export interface LabList<T extends { kind: string }> {
  apiVersion: typeof labApiVersion;
  kind: `${T['kind']}List`;
  metadata: ListMeta;
  items: T[];
}

/** kube-scheduler's extension points by upstream's names, in the order of a cycle. */
export type Point = 'PreEnqueue' | 'PreFilter' | 'Filter' | 'PostFilter' | 'PreScore' | 'Score' | 'NormalizeScore' | 'Reserve' | 'Permit' | 'PreBind' | 'Bind' | 'PostBind';

/** What a plugin answered: upstream's codes. */
export type VerdictCode = 'Success' | 'Error' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Wait' | 'Skip' | 'Pending';

/**
 * How an attempt ended. `Scheduled`: a node was found (see `binding` for whether the API took it). `Unschedulable`: no node fits.
 * `Gated`: a PreEnqueue plugin keeps the pod from being tried. `Error`: something failed.
 */
export type Result = 'Scheduled' | 'Unschedulable' | 'Gated' | 'Error';

// ── Explanations: shared by traces, reviews and held cycles ──────────────────────────────────────────────────────────────────────

export interface Explanation {
  result: Result;
  /** One sentence for people: why here, or why nowhere. */
  summary: string;
  /** The profile that was used, by its scheduler name. */
  schedulerName: string;
  /** The chosen node. */
  node?: string;
  /** What kube-scheduler writes into the pod's condition and event. */
  message?: string;
  /** The plugins whose rejection made the pod unschedulable; the queue listens to their events. */
  unschedulablePlugins?: string[];
  /** Nodes there were / were looked at / fit. Fewer are looked at than there are once enough fit (percentageOfNodesToScore). */
  nodesTotal: number;
  nodesEvaluated: number;
  nodesFeasible: number;
  /** Plugin calls that are not about one node, in the order they were made, and for points that are, one entry per plugin. */
  plugins: PluginRun[];
  /** Nodes with equal verdicts taken together, largest group first: what a message like "3 Insufficient cpu" counts. */
  groups: VerdictGroup[];
  /** Node by node: chosen first, then by total score, then in the order they were looked at. Bounded by `?maxNodes=`. */
  nodes?: NodeExplanation[];
  /** Entries of `nodes` that were left out. */
  nodesOmitted?: number;
  choice?: Choice;
  preemption?: Preemption;
  /**
   * How the details came about. `Recorded`: noted while it happened. `Replayed`: the cycle was run again on the cluster as it was, and
   * came to what was recorded. `Approximate`: it was run again but did not come to quite the same (what plugins remember beyond the
   * cluster's objects is not kept). `Expired`: the cluster of then is no longer known; only what was noted is here.
   */
  details: 'Recorded' | 'Replayed' | 'Approximate' | 'Expired';
}

/** One plugin at one extension point. */
export interface PluginRun {
  point: Point;
  plugin: string;
  /** `Skip`: has nothing to do for this pod and is not asked again in the cycle. For points about nodes: absent, see `nodes`. */
  code?: VerdictCode;
  reasons?: string[];
  /** PreFilter: the only nodes the plugin wants looked at (first ones; `nodeCount` in all). */
  nodes?: string[];
  nodeCount?: number;
  /** Filter: how many nodes it was asked about and how many it rejected. */
  asked?: number;
  rejected?: number;
  /** Score: its weight in the profile. */
  weight?: number;
  /** Time spent in the plugin, of the attempt itself where `details` is `Recorded`, of its replay otherwise. */
  durationMicroseconds?: number;
}

export interface VerdictGroup {
  /** The plugin that rejected the nodes first. Empty where they were excluded by the PreFilter of several. */
  plugin: string;
  code: VerdictCode;
  reasons: string[];
  count: number;
  /** The first of them, at most ten, by name. */
  nodes: string[];
}

export interface NodeExplanation {
  name: string;
  /** Passed all filters. */
  feasible: boolean;
  /** False: the search ended before it came to this node. */
  evaluated: boolean;
  /** What filters said. Up to the first rejection; with `allPlugins` every plugin that did not skip, each by itself. */
  filters?: { plugin: string; code: VerdictCode; reasons?: string[] }[];
  /** The plugin whose rejection counts. */
  rejectedBy?: string;
  /** By Score plugin, in the profile's order; only of nodes that were scored. */
  scores?: { plugin: string; raw: number; normalized: number; weighted: number }[];
  total?: number;
  chosen?: boolean;
  /** Pods nominated for this node with equal or higher priority were counted in. */
  nominatedCounted?: boolean;
}

export interface Choice {
  /** `OnlyOne`: one node fit, nothing was scored. `HighestScore`: one node was best. `Random`/`FirstByName`: among equals. `Nominated`: preemption had made room there. */
  rule: 'OnlyOne' | 'HighestScore' | 'Random' | 'FirstByName' | 'Nominated';
  /** Highest total. */
  score?: number;
  /** Nodes with that total (first ones; `tiedCount` in all). */
  tied: string[];
  tiedCount: number;
  /** The best total below. */
  runnerUp?: { node: string; score: number };
}

/** kube-scheduler's order of comparison between candidates (pickOneNodeForPreemption). */
export type PreemptionRule = 'FewestPDBViolations' | 'LowestHighestPriority' | 'LowestSumOfPriorities' | 'FewestVictims' | 'LatestStart' | 'First' | 'OnlyCandidate';

export interface Preemption {
  /** The node whose victims are evicted; the pod is nominated for it. Absent: preemption does not help. */
  chosen?: string;
  /** The comparison that left one candidate. */
  decidedBy?: PreemptionRule;
  message?: string;
  candidates: PreemptionCandidate[];
  candidatesOmitted?: number;
  /** Nodes where no eviction would help, grouped by reason. */
  rejected: VerdictGroup[];
}

export interface PreemptionCandidate {
  node: string;
  /** Most important first. */
  victims: { namespace: string; name: string; priority: number; startTime?: string }[];
  pdbViolations: number;
  highestPriority: number;
  sumOfPriorities: number;
  /** When the earliest of the most important victims started. */
  earliestStart?: string;
  /** The comparison that this candidate lost; absent for the chosen one. */
  lostBy?: PreemptionRule;
}

// ── schedulingtraces (namespaced; get, list, watch) ──────────────────────────────────────────────────────────────────────────────

/**
 * One attempt to schedule one pod. Named `POD-ATTEMPT` (`web-abc-1`); a GET for a pod's bare name answers with its latest. Attempt 0 is
 * that of a gated pod, which has not been tried. Labels: `lab.pilothouse.dev/pod`, `/result`, `/scheduler`. Field selectors: metadata.name,
 * metadata.namespace, pod, attempt, result, node, latest (`true`: each pod's latest only).
 * A GET takes `?maxNodes=N` (default 100, at most 5000) and `?allPlugins=true`. Lists and watches have no `explanation.nodes`, and of
 * `explanation.plugins` only what was noted.
 */
export interface SchedulingTrace extends LabObject<'SchedulingTrace'> {
  pod: PodReference;
  /** 1 for the first. */
  attempt: number;
  startTime: string;
  /** Absent while binding is under way. */
  endTime?: string;
  /** The scheduling cycle, then the binding cycle. */
  schedulingMicroseconds?: number;
  bindingMicroseconds?: number;
  explanation: Explanation;
  binding?: Binding;
  /** How the pod moved through the queue: before this attempt and, while it is the latest, since. Newest last, at most 32. */
  moves: QueueMove[];
  movesOmitted?: number;
}

export interface PodReference {
  namespace: string;
  name: string;
  uid: string;
  priority: number;
}

export interface Binding {
  /** `Binding`: under way. `Bound`, or `Failed` with `message`. */
  phase: 'Binding' | 'Bound' | 'Failed';
  node: string;
  /** The plugin that failed or bound. */
  plugin?: string;
  message?: string;
}

/** `Active`: ready to be tried. `Backoff`: tried lately. `Unschedulable`: waits for an event. `Gated`: a PreEnqueue plugin says not yet. `InFlight`: being tried or bound. `Held`: at a breakpoint. */
export type Lane = 'Active' | 'Backoff' | 'Unschedulable' | 'Gated' | 'InFlight' | 'Held';

export interface QueueMove {
  time: string;
  /** Absent: the pod is new. */
  from?: Lane;
  to: Lane;
  /** Upstream's name of the event: `NodeAdd`, `AssignedPodDelete`, `ScheduleAttemptFailure`, `BackoffComplete`. */
  event: string;
  /** What the event was about. */
  object?: { kind: string; namespace?: string; name: string };
  /** What plugins that had rejected the pod thought of the event. `NotAsked`: the plugin has no hint function, so any such event counts. */
  hints?: { plugin: string; answer: 'Queue' | 'QueueSkip' | 'NotAsked' }[];
}

// ── queuedpods (namespaced; get, list, watch) ────────────────────────────────────────────────────────────────────────────────────

/**
 * A pod in the scheduling queue, by the pod's name. Watch it to see lanes move: ADDED when the pod enters, MODIFIED when it changes
 * lanes, DELETED when it is bound or gone. Field selectors: metadata.name, metadata.namespace, lane.
 */
export interface QueuedPod extends LabObject<'QueuedPod'> {
  pod: PodReference;
  schedulerName: string;
  lane: Lane;
  /** When it came into the lane. */
  since: string;
  attempts: number;
  firstAttemptTime?: string;
  backoffUntil?: string;
  /** Plugins that rejected it in its last attempt. */
  rejectedBy?: string[];
  gatedBy?: string;
  nominatedNode?: string;
  /** The last attempt's message. */
  message?: string;
  /** Newest last, at most 16. */
  moves: QueueMove[];
}

// ── schedulingreviews (namespaced; create only) ──────────────────────────────────────────────────────────────────────────────────

/** Asks what the scheduler would do, and creates nothing. The pod is taken to be in the review's namespace. */
export interface SchedulingReview extends LabObject<'SchedulingReview'> {
  spec: SchedulingReviewSpec;
  status?: SchedulingReviewStatus;
}

export interface SchedulingReviewSpec {
  /** A pod there is, pending or running (then taken as if it were not). One of `podName` and `pod`. */
  podName?: string;
  /** A pod or pod template; what is left out is defaulted as for a new pod. */
  pod?: { metadata?: ObjectMeta; spec: PodSpec };
  /** Made to a copy of the cluster, in order, before the cycle is run. At most 64. */
  edits?: Edit[];
  /** The profile to use, by scheduler name; default: the pod's. */
  profile?: string;
  /** A whole KubeSchedulerConfiguration to use in place of the scheduler's. */
  configuration?: Record<string, unknown>;
  /** Every filter on every node, not only up to the first rejection. */
  allPlugins?: boolean;
  /** Look for single changes that would place the pod, where it fits nowhere. */
  suggest?: boolean;
  /** Nodes listed one by one in the answer. Default 100; at most 5000. */
  maxNodes?: number;
}

export interface SchedulingReviewStatus {
  explanation: Explanation;
  /** With `suggest`: single changes, each tried; those that cost least first. At most 20. */
  suggestions?: Suggestion[];
  /** How many changes were tried. */
  changesTried?: number;
}

/** A change to the cluster or the pod: exactly one field is set. */
export interface Edit {
  /** A node like one there is (its labels, taints and capacity, no pods), or a whole Node. */
  addNode?: { name: string; like?: string; node?: Pick<Node, 'metadata' | 'spec' | 'status'> };
  removeNode?: { name: string };
  /** Adds the taint, or takes it away (by key and, where given, effect). */
  taintNode?: { name: string; taint: Partial<Taint> & { key: string }; remove?: boolean };
  /** Sets labels; null takes one away. */
  labelNode?: { name: string; labels: Record<string, string | null> };
  cordonNode?: { name: string; unschedulable: boolean };
  /** Sets allocatable amounts, as quantities: `{ cpu: '8' }`. */
  resizeNode?: { name: string; allocatable: Record<string, string> };
  /** Takes a running pod away. `namespace` defaults to the review's. */
  evictPod?: { namespace?: string; name: string };
  /** Puts a pod onto the node that its `spec.nodeName` names. */
  addPod?: { metadata: ObjectMeta; spec: PodSpec };
  /** A JSON merge patch (RFC 7386) of the pod under review. */
  patchPod?: Record<string, unknown>;
}

export interface Suggestion {
  /** For people: `remove the taint dedicated=db:NoSchedule from node-2`. */
  change: string;
  kind: 'RemoveTaint' | 'AddToleration' | 'DropNodeSelector' | 'DropNodeAffinity' | 'LabelNode' | 'UncordonNode' | 'EvictPods' | 'ReduceRequests' | 'RaisePriority' | 'DropPodAffinity' | 'DropPodAntiAffinity' | 'DropTopologySpread' | 'DropHostPort' | 'RemoveGates' | 'AddNode';
  /** The same as edits: post them back to see the whole explanation. */
  edits: Edit[];
  /** Where the pod would go; with `RaisePriority`, after preemption. */
  node?: string;
  /** The kubectl command that makes the change, where one does. */
  command?: string;
}

// ── schedulingbreakpoints (namespaced; get, list, watch, create, update, patch, delete) and heldcycles ──────────────────────────────────────────

/**
 * Holds the cycles of pods of its namespace that match. All given conditions must hold. A breakpoint with none of `points`, `plugins` and
 * `nodes` holds before the first plugin.
 */
export interface SchedulingBreakpoint extends LabObject<'SchedulingBreakpoint'> {
  spec: SchedulingBreakpointSpec;
  status?: { /** How often it held a cycle. */ hits: number };
}

export interface SchedulingBreakpointSpec {
  /** By the pods' labels; empty: all. */
  selector?: LabelSelector;
  schedulerName?: string;
  points?: Point[];
  plugins?: string[];
  nodes?: string[];
  /** What the rest of the queue does meanwhile. Default `Flow`. */
  queue?: 'Flow' | 'Wait';
  /** A held cycle goes on by itself after this long. Default 300, 1 to 3600. */
  timeoutSeconds?: number;
  /** … and when nobody watched held cycles or asked for this one for so long. Default 30, 1 to 600. A watch that ends cuts it to 5. */
  leaseSeconds?: number;
}

/**
 * A cycle at a breakpoint, by its pod's name. It is run on a copy of the cluster, so nothing happens until it is resumed; then the pod is
 * tried again on the cluster as it is. DELETE aborts it: the pod goes back to the queue and waits its back-off (answered, though discovery
 * does not tell of it: what can be deleted the garbage collector would watch). Verbs: get, list, watch, delete; POST `heldcycles/NAME/command` with a `CycleCommand`.
 */
export interface HeldCycle extends LabObject<'HeldCycle'> {
  pod: PodReference;
  schedulerName: string;
  breakpoint: string;
  /** Whether other pods wait. */
  queue: 'Flow' | 'Wait';
  since: string;
  /** When it goes on by itself unless somebody keeps it: the earlier of time limit and lease. */
  releaseTime: string;
  /** What is about to be called. Absent once the cycle has come to its end and only waits to be committed. */
  at?: CycleStep;
  /** Calls made so far, oldest first; the last 200. `stepCount` in all; `stepsLeft` to the end as things stand. */
  steps: CycleStep[];
  stepCount: number;
  stepsLeft: number;
  /** Edits made to its copy of the cluster. */
  edits?: Edit[];
  /** What the cycle comes to as things stand, edits counted. */
  explanation: Explanation;
}

/** One plugin call. Without `code`: not made yet. */
export interface CycleStep {
  point: Point;
  plugin: string;
  node?: string;
  code?: VerdictCode;
  reasons?: string[];
  /** Score: raw; NormalizeScore: normalised. */
  score?: number;
}

export interface CycleCommand extends LabObject<'CycleCommand'> {
  spec: {
    /**
     * `Step`: on to the next `to`. `Edit`: changes the copy and runs the cycle again up to where it was. `Resume`: lets it go. `Abort`: as
     * DELETE. `Renew`: keeps it for another lease.
     */
    action: 'Step' | 'Edit' | 'Resume' | 'Abort' | 'Renew';
    /** Of a step. `Pod`: this one is resumed and the next pod is held before its first plugin. Default `Plugin`. */
    to?: 'Plugin' | 'Node' | 'ExtensionPoint' | 'End' | 'Pod';
    edits?: Edit[];
  };
  /** The cycle afterwards; absent where it was let go. */
  status?: { cycle?: HeldCycle };
}

