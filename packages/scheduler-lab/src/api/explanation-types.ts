/** Why a pod goes where it goes, or nowhere: what traces, reviews and held cycles have in common. */

/** kube-scheduler's extension points by upstream's names, in the order of a cycle. */
export type Point = 'PreEnqueue' | 'PreFilter' | 'Filter' | 'PostFilter' | 'PreScore' | 'Score' | 'NormalizeScore' | 'Reserve' | 'Permit' | 'PreBind' | 'Bind' | 'PostBind';

/** What a plugin answered: upstream's codes. */
export type VerdictCode = 'Success' | 'Error' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Wait' | 'Skip' | 'Pending';

/**
 * How an attempt ended. `Scheduled`: a node was found (see `binding` for whether the API took it). `Unschedulable`: no node fits.
 * `Gated`: a PreEnqueue plugin keeps the pod from being tried. `Error`: something failed.
 */
export type Result = 'Scheduled' | 'Unschedulable' | 'Gated' | 'Error';

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
  /** Nodes with that total (first ones; `tiedCount` in all; in lists of traces only the chosen one). */
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
