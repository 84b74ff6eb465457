import type { Nominating, PreemptionReport } from '../contract.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Recorder } from '../recorder.ts';
import { failure, isRejected, type Verdict } from '../verdict.ts';
import type { Feasible } from './schedule.ts';

export interface PostFilterOutcome {
  /** Undefined: a plugin made room. */
  readonly verdict: Verdict | undefined;
  readonly plugin?: string;
  readonly nominating: Nominating | undefined;
  readonly preemption?: PreemptionReport;
}

/** Asks the plugins in turn to make room for a pod that fits nowhere; the first success ends it. */
export function runPostFilters(profile: Profile, info: PodInfo, { diagnosis, filters, states, asked }: Pick<Feasible, 'diagnosis' | 'filters' | 'states' | 'asked'>, recorder?: Recorder): PostFilterOutcome {
  const reasons: string[] = [];
  let nominating: Nominating | undefined;
  let rejectedBy: string | undefined;
  let preemption: PreemptionReport | undefined;
  const tryNode = (node: number) => {
    if (!filters) throw new Error('no filters ran for this pod');
    return filters.tryNode(node);
  };
  const stateOf = <State>(name: string) => [...states].find(([plugin]) => plugin.name === name)?.[1] as State | undefined;
  for (const plugin of profile.points.postFilter) {
    const result = plugin.postFilter!(info, { verdicts: diagnosis, tryNode, stateOf, asked });
    recorder?.postFilter?.(plugin.name, result);
    preemption ??= result.preemption;
    const { verdict } = result;
    if (!verdict || verdict.code === 'UnschedulableAndUnresolvable') return { verdict, plugin: verdict && plugin.name, nominating: result.nominating, preemption };
    if (!isRejected(verdict)) return { verdict: failure(verdict.reasons.join(', '), verdict.error), plugin: plugin.name, nominating: undefined, preemption };
    if (result.nominating && result.nominating.mode !== 'noop') nominating = result.nominating;
    reasons.push(...verdict.reasons);
    rejectedBy ??= plugin.name;
  }
  return { verdict: { code: 'Unschedulable', reasons }, plugin: rejectedBy, nominating, preemption };
}
