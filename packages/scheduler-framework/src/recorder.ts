/** Who wants to know what every plugin said. Without a recorder nothing of this is computed. */
import type { PostFilterResult } from './contract.ts';
import type { ScoreDetails } from './cycle/score.ts';
import type { PodInfo } from './pod/pod-info.ts';
import type { Verdict } from './verdict.ts';

export interface Recorder {
  /** One attempt for the pod begins. */
  begin?(info: PodInfo): void;
  preEnqueue?(plugin: string, info: PodInfo, verdict: Verdict | undefined): void;
  /** `nodes`: the only ones the plugin wants looked at. */
  preFilter?(plugin: string, verdict: Verdict | undefined, nodes: ReadonlySet<string> | undefined): void;
  /** `nominated`: pods nominated for the node were counted in. */
  filter?(plugin: string, node: string, verdict: Verdict | undefined, nominated: boolean): void;
  preScore?(plugin: string, verdict: Verdict | undefined): void;
  scores?(details: ScoreDetails): void;
  postFilter?(plugin: string, result: PostFilterResult): void;
  reserve?(plugin: string, node: string, verdict: Verdict | undefined): void;
  permit?(plugin: string, node: string, verdict: Verdict | undefined): void;
  bind?(plugin: string, node: string, verdict: Verdict | undefined): void;
  /** The attempt's end. */
  end?(info: PodInfo, outcome: { readonly node?: string; readonly message?: string }): void;
}
