import { isVerdict, type Plugin, type PreFilterOutcome } from '../contract.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Recorder } from '../recorder.ts';
import { failure, isRejected, messageOf, unresolvable, type Verdict } from '../verdict.ts';

/** A filter plugin that is to run, with its state for the pod. */
export interface ActiveFilter {
  readonly plugin: Plugin;
  readonly state: unknown;
}

export interface PreFilterRun {
  /** States by plugin, of those that did not skip. */
  readonly states: ReadonlyMap<Plugin, unknown>;
  readonly skipped: ReadonlySet<Plugin>;
  /** Names of the plugins that were asked: all, or those up to the one that ended it. */
  readonly asked: ReadonlySet<string>;
  /** Only these nodes are looked at; undefined: all. */
  readonly nodes?: ReadonlySet<string>;
  /** Plugins that named nodes, sorted. */
  readonly restricting: readonly string[];
  /** Why the pod is refused on all nodes, or what went wrong. */
  readonly verdict?: Verdict;
  /** Who refused it. */
  readonly rejectedBy?: string;
}

const none = new Set<Plugin>();

/** Runs PreFilter of all plugins. Goes on after an Unschedulable, not after an UnschedulableAndUnresolvable. */
export function runPreFilters(profile: Profile, info: PodInfo, recorder?: Recorder, known?: ReadonlyMap<Plugin, PreFilterOutcome<unknown>>): PreFilterRun {
  const states = new Map<Plugin, unknown>();
  let skipped: Set<Plugin> | undefined;
  let nodes: ReadonlySet<string> | undefined;
  let restricting: string[] = [];
  const asked = new Set<string>();
  let refusal: { verdict: Verdict; rejectedBy: string } | undefined;
  const ended = (verdict: Verdict, rejectedBy: string | undefined): PreFilterRun => ({ states, skipped: skipped ?? none, asked, restricting: [], verdict, rejectedBy });
  for (const plugin of profile.points.preFilter) {
    asked.add(plugin.name);
    const outcome = known?.get(plugin) ?? plugin.preFilter!(info);
    if (isVerdict(outcome)) {
      recorder?.preFilter?.(plugin.name, outcome, undefined);
      if (outcome.code === 'Skip') (skipped ??= new Set()).add(plugin);
      else if (outcome.code === 'Unschedulable') refusal = { verdict: outcome, rejectedBy: plugin.name };
      else if (isRejected(outcome)) return ended(outcome, plugin.name);
      else return ended(failure(`running PreFilter plugin ${JSON.stringify(plugin.name)}: ${messageOf(outcome)}`, outcome.error), plugin.name);
      continue;
    }
    recorder?.preFilter?.(plugin.name, undefined, outcome.nodes);
    states.set(plugin, outcome.state);
    if (!outcome.nodes) continue;
    restricting = [...restricting, plugin.name].sort();
    const wanted: ReadonlySet<string> = outcome.nodes;
    nodes = nodes ? new Set([...nodes].filter((n) => wanted.has(n))) : wanted;
    if (!nodes.size) {
      const text = restricting.length === 1 ? `node(s) didn't satisfy plugin ${restricting[0]}` : `node(s) didn't satisfy plugin(s) [${restricting.join(' ')}] simultaneously`;
      return { states, skipped: skipped ?? none, asked, nodes, restricting, verdict: unresolvable(text) };
    }
  }
  return { states, skipped: skipped ?? none, asked, nodes, restricting, ...refusal };
}

/** The filters to run for a pod, in order. */
export function activeFilters(profile: Profile, info: PodInfo, run: PreFilterRun): ActiveFilter[] {
  const active: ActiveFilter[] = [];
  for (const plugin of profile.points.filter) {
    if (run.skipped.has(plugin)) continue;
    active.push({ plugin, state: plugin.preFilter && profile.points.preFilter.includes(plugin) ? run.states.get(plugin) : plugin.prepareFilter?.(info) });
  }
  return active;
}
