/** What is noted of one attempt while it happens: by reference and in typed arrays, so that noting it costs next to nothing. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ClusterSnapshot, Feasible, PodInfo, PreemptionReport, Verdict } from '@pilothouse/scheduler-framework';
import type { Lane, QueueMove, Result } from '../api/types.ts';

/** How a node was chosen: the best total, and how many share it. */
export interface NotedChoice {
  readonly score: number;
  readonly tiedCount: number;
}

/** A move through the queue, put into words when somebody asks. */
export interface NotedMove {
  readonly ms: number;
  readonly from: Lane | undefined;
  readonly to: Lane;
  readonly event: string;
  readonly object?: QueueMove['object'];
  readonly hints?: QueueMove['hints'];
}

/** Nodes with equal verdicts. `nodes`: by name, in the order found; the first ones only where room was short. */
export interface RejectionGroup {
  readonly plugin: string;
  readonly verdict: Verdict;
  readonly nodes: readonly string[];
  readonly count: number;
}

export class Attempt {
  readonly info: PodInfo;
  /** `namespace/name` of the pod. */
  readonly key: string;
  /** The node it was nominated for when it was tried. */
  readonly nominated: string | undefined;
  readonly number: number;
  readonly startMs: number;
  readonly startedAt: number;
  /** In the history of the cluster; -1: there is nothing to go back to. */
  readonly position: number;
  /** Where in the order of nodes the search began. */
  readonly searchStart: number;
  nodesTotal = 0;
  result: Result = 'Error';
  node: string | undefined;
  message: string | undefined;
  evaluated = 0;
  /** Nodes were looked for to the end. */
  searched = false;
  feasible = 0;
  choice: NotedChoice | undefined;
  groups: readonly RejectionGroup[] | undefined;
  /** Nodes that no verdict was given for, and the one that counts for them. */
  absent: { readonly verdict: Verdict; readonly plugin: string; readonly count: number } | undefined;
  unschedulablePlugins: readonly string[] | undefined;
  /** What preemption found, as it came; put into words when somebody asks. */
  preempted: { readonly report: PreemptionReport; readonly message: string; readonly nowMs: number } | undefined;
  gatedBy: string | undefined;
  /** A plugin's call at Reserve or Permit that refused the node. */
  refused: { readonly point: 'Reserve' | 'Permit'; readonly plugin: string; readonly verdict: Verdict } | undefined;
  binding: { phase: 'Binding' | 'Bound' | 'Failed'; node: string; plugin?: string; message?: string; startedAt: number } | undefined;
  schedulingUs: number | undefined;
  bindingUs: number | undefined;
  endMs: number | undefined;
  /** Shared with the pod's other attempts only up to its own begin. */
  moves: NotedMove[];
  movesOmitted = 0;
  version = 0;
  /** What it was counted as when it went into the ring. */
  counted = 0;
  /** Still to be had. */
  kept = true;

  constructor(info: PodInfo, number: number, at: { ms: number; monotonic: number; position: number; searchStart: number; moves: NotedMove[] }) {
    this.info = info;
    this.key = info.key;
    this.nominated = info.pod.status?.nominatedNodeName;
    this.number = number;
    this.startMs = at.ms;
    this.startedAt = at.monotonic;
    this.position = at.position;
    this.searchStart = at.searchStart;
    this.moves = at.moves;
  }

  /**
   * The pod as it was tried. Made of its newest version, which the scheduler's cache holds anyway: to keep the older one of every pod
   * would cost more than all the rest. What scheduling looks at does not change but for the labels, and those seldom.
   */
  get pod(): Pod {
    const { pod } = this.info;
    const { nodeName: _bound, ...spec } = pod.spec!;
    return { ...pod, spec, status: { ...pod.status, phase: 'Pending', nominatedNodeName: this.nominated } };
  }

  get name(): string {
    return `${this.info.name}-${this.number}`;
  }

  get uid(): string {
    return `${this.info.uid}-${this.number}`;
  }

  /** What it keeps alive, roughly, in bytes: most of it the pod, once that is gone from the cluster. */
  get bytes(): number {
    let bytes = 6000 + 100 * this.moves.length;
    for (const group of this.groups ?? []) bytes += 200 + 8 * group.nodes.length;
    if (this.preempted) bytes += 400 * this.preempted.report.candidates.length + 100 * this.preempted.report.rejected.size;
    return bytes;
  }
}

/** Takes equal verdicts of a search that found no node together. Verdicts are values that plugins share, so most are told apart by identity. */
export function groupRejections({ diagnosis }: Feasible, snapshot: ClusterSnapshot): { groups: RejectionGroup[]; absent: Attempt['absent'] } {
  const byVerdict = new Map<Verdict, Growing>();
  const byText = new Map<string, Growing>();
  let last: Growing | undefined;
  let lastVerdict: Verdict | undefined;
  for (const [name, { verdict, plugin }] of diagnosis.verdicts) {
    let group = verdict === lastVerdict ? last! : byVerdict.get(verdict);
    if (group === undefined || group.plugin !== plugin) {
      const text = `${plugin}\n${verdict.code}\n${verdict.reasons.join('\n')}`;
      group = byText.get(text);
      if (!group) byText.set(text, (group = { plugin, verdict, nodes: [] }));
      if (byVerdict.size < 256) byVerdict.set(verdict, group);
    }
    lastVerdict = verdict;
    last = group;
    group.nodes.push(name);
  }
  const rest = snapshot.size - diagnosis.verdicts.size;
  const [only] = diagnosis.unschedulablePlugins.size === 1 ? diagnosis.unschedulablePlugins : [''];
  return { groups: [...byText.values()].map((g) => ({ ...g, count: g.nodes.length })), absent: rest > 0 && diagnosis.absent.reasons.length ? { verdict: diagnosis.absent, plugin: only, count: rest } : undefined };
}

interface Growing {
  readonly plugin: string;
  readonly verdict: Verdict;
  readonly nodes: string[];
}
