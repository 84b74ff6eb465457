/**
 * Who wants to know what happens in a cycle. Without a recorder nothing of this is computed. Calls come in the order things happen.
 * One that does not ask for every call costs next to nothing: it is told what the cycle came to, by reference, not how each plugin voted.
 */
import type { PostFilterResult } from './contract.ts';
import type { Feasible } from './cycle/schedule.ts';
import type { ScoreDetails } from './cycle/score.ts';
import type { PodInfo } from './pod/pod-info.ts';
import type { Verdict } from './verdict.ts';

export interface Recorder {
  /** Whether `preFilter`, `filter`, `preScore` and `scores` are called: then nothing is answered from what equal pods share. The decision is the same. */
  readonly everyCall?: boolean;
  /** One attempt for the pod begins. `attempt`: 1 for its first; `start`: where in the order of nodes the search will begin. */
  begin?(info: PodInfo, attempt: number, start: number): void;
  /** `nodes`: the only ones the plugin wants looked at. */
  preFilter?(plugin: string, verdict: Verdict | undefined, nodes: ReadonlySet<string> | undefined): void;
  /** `nominated`: pods nominated for the node were counted in. */
  filter?(plugin: string, node: string, verdict: Verdict | undefined, nominated: boolean): void;
  preScore?(plugin: string, verdict: Verdict | undefined): void;
  scores?(details: ScoreDetails): void;
  /** The search for nodes has ended. Not to be changed by the recorder, nor kept for long: the diagnosis of a large cluster is large. */
  searched?(info: PodInfo, found: Feasible): void;
  /** A node was chosen among the feasible ones. `totals` by their order; absent where nothing was scored. `ties`: how many have the best total, `score`. */
  chosen?(nodes: Int32Array, totals: Float64Array | undefined, node: number, ties: number, score: number): void;
  postFilter?(plugin: string, result: PostFilterResult): void;
  reserve?(plugin: string, node: string, verdict: Verdict | undefined): void;
  permit?(plugin: string, node: string, verdict: Verdict | undefined): void;
  /** The scheduling cycle placed the pod; binding begins. */
  binding?(info: PodInfo, node: string): void;
  /** Binding has ended. `plugin`: who bound, or failed. */
  bind?(info: PodInfo, plugin: string, node: string, verdict: Verdict | undefined): void;
  /** The attempt has ended: on a node, or with why not. `error`: something failed, rather than nothing fit. */
  end?(info: PodInfo, outcome: { readonly node?: string; readonly message?: string; readonly error?: boolean }): void;
}
