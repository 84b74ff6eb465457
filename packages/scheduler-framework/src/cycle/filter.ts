/** Filtering one node at a time, with the pods nominated for it, and what-ifs for preemption. */
import type { Plugin, WhatIf } from '../contract.ts';
import type { Nominator } from '../nominator.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Recorder } from '../recorder.ts';
import type { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import { failure, isRejected, messageOf, type Verdict } from '../verdict.ts';
import type { EquivalenceClass } from './equivalence.ts';
import { type ActiveFilter, activeFilters, type PreFilterRun } from './pre-filter.ts';

export interface FilterContext {
  readonly profile: Profile;
  readonly snapshot: ClusterSnapshot;
  readonly nominator: Nominator;
  readonly recorder?: Recorder;
}

/** What-ifs are nobody's business but preemption's. */
const silent: Recorder = {};

/** The filters of one attempt for one pod. */
export class FilterRun {
  readonly #context: FilterContext;
  readonly #info: PodInfo;
  readonly active: readonly ActiveFilter[];
  /** Plugins that count pods in and out on what-if nodes. */
  readonly #counting: readonly ActiveFilter[];
  readonly #equivalence: EquivalenceClass | undefined;
  /** Name of the plugin that gave the last verdict which was not success. */
  rejectedBy = '';

  constructor(context: FilterContext, info: PodInfo, preFilter: PreFilterRun, equivalence?: EquivalenceClass) {
    this.#context = context;
    this.#info = info;
    this.active = activeFilters(context.profile, info, preFilter);
    this.#counting = context.profile.points.preFilter.filter((p) => p.addPod && preFilter.states.has(p)).map((plugin) => ({ plugin, state: preFilter.states.get(plugin) }));
    this.#equivalence = equivalence;
    equivalence?.useFilters(this.active);
  }

  /** The verdict that counts: pods nominated for the node with equal or higher priority are taken to run there. */
  check(node: number): Verdict | undefined {
    const { nominator, snapshot } = this.#context;
    if (nominator.size) {
      const nominated = this.#nominatedOn(snapshot.names[node]);
      if (nominated) return this.#checkWith(nominated, node, this.active, this.#counting, this.#context.recorder) ?? this.#checkAlone(node);
    }
    return this.#checkAlone(node);
  }

  #checkAlone(node: number): Verdict | undefined {
    return this.#equivalence && !this.#context.recorder ? this.#checkKnown(this.#equivalence, node) : this.#runAll(this.active, node, false);
  }

  #nominatedOn(node: string): readonly PodInfo[] | undefined {
    const pods = this.#context.nominator.on(node)?.filter((p) => p.priority >= this.#info.priority && p.uid !== this.#info.uid);
    return pods?.length ? pods : undefined;
  }

  #checkWith(nominated: readonly PodInfo[], node: number, active: readonly ActiveFilter[], counting: readonly ActiveFilter[], recorder: Recorder | undefined): Verdict | undefined {
    const { snapshot } = this.#context;
    const scratch = snapshot.copyToScratch(node, 1);
    const states = cloneStates(counting);
    for (const pod of nominated) {
      snapshot.changeScratch(scratch, pod, 1);
      for (const { plugin, state } of states) plugin.addPod!(state, this.#info, pod, scratch);
    }
    return this.#runAll(withStates(active, states), scratch, true, recorder);
  }

  #runAll(active: readonly ActiveFilter[], node: number, nominated: boolean, recorder = this.#context.recorder): Verdict | undefined {
    const { snapshot } = this.#context;
    for (const { plugin, state } of active) {
      const verdict = plugin.filter!(state, this.#info, node);
      recorder?.filter?.(plugin.name, snapshot.names[node], verdict, nominated);
      if (!verdict) continue;
      this.rejectedBy = plugin.name;
      return isRejected(verdict) ? verdict : failure(`running ${JSON.stringify(plugin.name)} filter plugin: ${messageOf(verdict)}`, verdict.error);
    }
    return undefined;
  }

  /** Filters that look at the node alone are answered from the class while the node has not changed. */
  #checkKnown(known: EquivalenceClass, node: number): Verdict | undefined {
    const { snapshot } = this.#context;
    if (known.filterGeneration[node] !== snapshot.generation[node]) known.filterNode(this.active, this.#info, node, snapshot.generation[node]);
    const failedAt = known.failedAt[node];
    if (known.clusterFilters.length) {
      for (const at of known.clusterFilters) {
        if (at > failedAt) break;
        const { plugin, state } = this.active[at];
        const verdict = plugin.filter!(state, this.#info, node);
        if (!verdict) continue;
        this.rejectedBy = plugin.name;
        return isRejected(verdict) ? verdict : failure(`running ${JSON.stringify(plugin.name)} filter plugin: ${messageOf(verdict)}`, verdict.error);
      }
    }
    if (failedAt === known.passed) return undefined;
    this.rejectedBy = this.active[failedAt].plugin.name;
    return known.verdicts[node];
  }

  /** A copy of the node to try changes on. Ends the previous one. */
  tryNode(node: number): WhatIf {
    const { snapshot } = this.#context;
    const scratch = snapshot.copyToScratch(node, 0);
    const counting = cloneStates(this.#counting);
    const active = withStates(this.active, counting);
    return {
      node: scratch,
      add: (pod) => {
        snapshot.changeScratch(scratch, pod, 1);
        for (const { plugin, state } of counting) plugin.addPod!(state, this.#info, pod, scratch);
      },
      remove: (pod) => {
        snapshot.changeScratch(scratch, pod, -1);
        for (const { plugin, state } of counting) plugin.removePod!(state, this.#info, pod, scratch);
      },
      fits: () => {
        const nominated = this.#nominatedOn(snapshot.names[scratch]);
        const verdict = nominated && this.#checkWith(nominated, scratch, active, counting, silent);
        return verdict ?? this.#runAll(active, scratch, false, silent);
      },
    };
  }
}

const cloneStates = (filters: readonly ActiveFilter[]): ActiveFilter[] => filters.map(({ plugin, state }) => ({ plugin, state: plugin.cloneState ? plugin.cloneState(state) : state }));

function withStates(active: readonly ActiveFilter[], states: readonly ActiveFilter[]): readonly ActiveFilter[] {
  if (!states.length) return active;
  const byPlugin = new Map<Plugin, ActiveFilter>(states.map((s) => [s.plugin, s]));
  return active.map((a) => byPlugin.get(a.plugin) ?? a);
}
