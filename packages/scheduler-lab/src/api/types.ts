/**
 * The API `lab.pilothouse.dev/v1`: what the scheduler did, why, and what it would do if. Types only, so that a page in a browser may
 * import them. Times are RFC 3339 with microseconds; amounts of time are named with their unit. Lists that can be long are bounded, and
 * a field beside them says how many entries were left out. Served by the scheduler, behind the API server: docs/lab-api.md.
 */
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import type { Node, PodSpec, Taint } from '@pilothouse/api-schemas/types/core/v1';
import type { Explanation } from './explanation-types.ts';
import type { LabObject } from './object.ts';

export type * from './explanation-types.ts';
export type * from './holding-types.ts';
export { labApiVersion, labGroup, labVersion } from './object.ts';
export type { LabList } from './object.ts';

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
