/**
 * The scheduling algorithm for one pod over the snapshot: PreFilter, Filter (with early stop and a start that rotates), PreScore,
 * Score, the choice. Pure but for where the next attempt starts and for chance among equals.
 */
import type { Random } from '@pilothouse/base/random';
import type { Plugin } from '../contract.ts';
import type { Nominator } from '../nominator.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Recorder } from '../recorder.ts';
import type { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import { type Code, codeOf, isRejected, messageOf, unresolvable, type Verdict } from '../verdict.ts';
import { Diagnosis } from './diagnosis.ts';
import { EquivalenceCache } from './equivalence.ts';
import { FilterRun } from './filter.ts';
import { type PreFilterRun, runPreFilters } from './pre-filter.ts';
import { scoreNodes } from './score.ts';

export const noNodesMessage = 'no nodes available to schedule pods';

/** At least this many nodes are looked for, however large the cluster. */
const minFeasibleNodes = 100;
const minFeasiblePercent = 5;

/** How many feasible nodes are enough. `percentage` 0: fewer percent the larger the cluster. */
export function feasibleNodesToFind(nodes: number, percentage: number): number {
  if (nodes < minFeasibleNodes) return nodes;
  const percent = percentage || Math.max(50 - Math.trunc(nodes / 125), minFeasiblePercent);
  return Math.max(Math.trunc((nodes * percent) / 100), minFeasibleNodes);
}

/** Nodes that fit, and all that is needed to go on. */
export interface Feasible {
  /** Indexes, in the order they were found. */
  readonly nodes: Int32Array;
  /** Filled where no node fits, or extenders may still refuse those that do. */
  readonly diagnosis: Diagnosis;
  readonly filters: FilterRun | undefined;
  readonly states: ReadonlyMap<Plugin, unknown>;
  /** Names of the plugins whose PreFilter was run. */
  readonly asked: ReadonlySet<string>;
  /** How many nodes were looked at. */
  readonly evaluated: number;
  /** A plugin failed. */
  readonly error?: Verdict;
}

export type Decision =
  | { readonly kind: 'node'; readonly node: string; readonly evaluated: number; readonly feasible: number; readonly states: ReadonlyMap<Plugin, unknown> }
  | { readonly kind: 'unfit'; readonly found: Feasible }
  | { readonly kind: 'error'; readonly message: string; readonly error?: unknown };

export interface AlgorithmOptions {
  readonly profile: Profile;
  readonly snapshot: ClusterSnapshot;
  readonly nominator: Nominator;
  readonly random: Random;
  /** Percent; 0: by the size of the cluster. The profile's own takes precedence. */
  readonly percentageOfNodesToScore?: number;
  /** Among equals the first by name, not one by chance. */
  readonly firstByName?: boolean;
  /** Extenders filter too, so that a single feasible node is not enough. */
  readonly extenders?: boolean;
  readonly timing?: Timing;
}

/** Who wants to know how long extension points take. */
export interface Timing {
  /** Milliseconds from some start. */
  now(): number;
  /** `PreScore` is counted in with `Score`. */
  took(point: 'PreFilter' | 'Filter' | 'Score', status: Code, ms: number): void;
}

export class Algorithm {
  readonly #options: AlgorithmOptions;
  readonly #equivalence: EquivalenceCache;
  /** Where in the order of nodes the next attempt starts. */
  nextStart = 0;

  constructor(options: AlgorithmOptions) {
    this.#options = options;
    this.#equivalence = new EquivalenceCache(options.snapshot, options.profile);
  }

  get profile(): Profile {
    return this.#options.profile;
  }

  /** One attempt without extenders. Never throws. */
  schedule(info: PodInfo, recorder?: Recorder): Decision {
    try {
      if (!this.#options.snapshot.size) return { kind: 'error', message: noNodesMessage };
      const found = this.findFeasible(info, recorder);
      if (found.error) return { kind: 'error', message: messageOf(found.error), error: found.error.error };
      if (!found.nodes.length) return { kind: 'unfit', found };
      const node = this.#pick(info, found, recorder);
      return { kind: 'node', node: this.#options.snapshot.names[node], evaluated: found.evaluated, feasible: found.nodes.length, states: found.states };
    } catch (error) {
      return { kind: 'error', message: error instanceof Error ? error.message : String(error), error };
    }
  }

  #pick(info: PodInfo, found: Feasible, recorder: Recorder | undefined): number {
    if (found.nodes.length > 1) return this.choose(found.nodes, this.score(info, found, recorder), recorder);
    recorder?.chosen?.(found.nodes, undefined, found.nodes[0], 1, 0);
    return found.nodes[0];
  }

  /** PreFilter and Filter. */
  findFeasible(info: PodInfo, recorder?: Recorder): Feasible {
    const found = this.#find(info, recorder?.everyCall ? recorder : undefined);
    recorder?.searched?.(info, found);
    return found;
  }

  /** `recorder`: wants every call. */
  #find(info: PodInfo, recorder: Recorder | undefined): Feasible {
    const { profile, snapshot, nominator } = this.#options;
    const equivalence = recorder ? undefined : this.#equivalence.classOf(info);
    const diagnosis = new Diagnosis(snapshot);
    const { timing } = this.#options;
    const startMs = timing?.now() ?? 0;
    const preFilter = runPreFilters(profile, info, recorder, equivalence?.preFilters);
    timing?.took('PreFilter', codeOf(preFilter.verdict), timing.now() - startMs);
    for (const plugin of preFilter.restricting) diagnosis.unschedulablePlugins.add(plugin);
    const { states, asked, verdict } = preFilter;
    if (verdict) {
      const failed: Feasible = { nodes: new Int32Array(), diagnosis, filters: undefined, states, asked, evaluated: 0 };
      if (!isRejected(verdict)) return { ...failed, error: verdict };
      diagnosis.absent = verdict;
      diagnosis.preFilterMessage = messageOf(verdict);
      diagnosis.addPlugin(verdict, preFilter.rejectedBy);
      return { ...failed, filters: new FilterRun({ profile, snapshot, nominator, recorder }, info, preFilter) };
    }
    const filters = new FilterRun({ profile, snapshot, nominator, recorder }, info, preFilter, equivalence);
    const nominated = info.pod.status?.nominatedNodeName;
    if (nominated) {
      const node = snapshot.indexOf(nominated);
      if (node >= 0) {
        const verdict = filters.check(node);
        if (!verdict) return { nodes: Int32Array.of(node), diagnosis, filters, states, asked, evaluated: 1 };
        if (isRejected(verdict)) diagnosis.set(nominated, verdict, filters.rejectedBy);
      }
    }
    const filteringMs = timing?.now() ?? 0;
    const found = this.#search(filters, diagnosis, preFilter);
    timing?.took('Filter', found.error ? 'Error' : found.nodes.length ? 'Success' : 'Unschedulable', timing.now() - filteringMs);
    return found;
  }

  #search(filters: FilterRun, diagnosis: Diagnosis, { states, asked, nodes: only, restricting }: PreFilterRun): Feasible {
    const { profile, snapshot } = this.#options;
    let candidates = snapshot.list();
    const all = candidates.length;
    if (only) {
      candidates = Int32Array.from([...only].map((name) => snapshot.indexOf(name)).filter((node) => node >= 0));
      diagnosis.absent = unresolvable(`node(s) didn't satisfy plugin(s) [${restricting.join(' ')}]`);
    }
    const count = candidates.length;
    const limit = !this.#options.extenders && !profile.points.score.length ? 1 : feasibleNodesToFind(count, profile.percentageOfNodesToScore ?? this.#options.percentageOfNodesToScore ?? 0);
    const feasible = new Int32Array(Math.min(limit, count));
    let found = 0;
    const failed: { node: number; verdict: Verdict; plugin: string }[] = [];
    let looked = 0;
    for (; looked < count && found < limit; looked++) {
      const node = candidates[(this.nextStart + looked) % count];
      const verdict = filters.check(node);
      if (!verdict) feasible[found++] = node;
      else if (isRejected(verdict)) failed.push({ node, verdict, plugin: filters.rejectedBy });
      else return { nodes: new Int32Array(), diagnosis, filters, states, asked, evaluated: looked, error: verdict };
    }
    this.nextStart = all ? (this.nextStart + looked) % all : 0;
    if (!found || this.#options.extenders) for (const { node, verdict, plugin } of failed) diagnosis.set(snapshot.names[node], verdict, plugin);
    return { nodes: feasible.subarray(0, found), diagnosis, filters, states, asked, evaluated: looked };
  }

  /** Totals in the order of the feasible nodes. @throws ScoreError */
  score(info: PodInfo, found: Feasible, recorder?: Recorder): Float64Array {
    const { profile, snapshot } = this.#options;
    const every = recorder?.everyCall ? recorder : undefined;
    const { timing } = this.#options;
    const startMs = timing?.now() ?? 0;
    const totals = scoreNodes({ profile, snapshot, recorder: every }, info, found.nodes, found.states, every ? undefined : this.#equivalence.classOf(info));
    timing?.took('Score', 'Success', timing.now() - startMs);
    return totals;
  }

  /** One of the nodes with the highest total. */
  choose(nodes: Int32Array, totals: Float64Array, recorder?: Recorder): number {
    const { random, snapshot, firstByName } = this.#options;
    let best = 0;
    let ties = 1;
    for (let i = 1; i < nodes.length; i++) {
      if (totals[i] > totals[best]) {
        best = i;
        ties = 1;
      } else if (totals[i] === totals[best]) {
        if (firstByName) {
          ties++;
          if (snapshot.names[nodes[i]] < snapshot.names[nodes[best]]) best = i;
        } else if (random.below(++ties) === 0) best = i;
      }
    }
    recorder?.chosen?.(nodes, totals, nodes[best], ties, totals[best]);
    return nodes[best];
  }
}
