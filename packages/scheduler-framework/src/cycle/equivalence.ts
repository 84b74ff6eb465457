/**
 * What equal pods share. Two pods with the same `nodeFragment` get the same answer from every plugin that looks only at
 * the pod's kind and the node (`scope: 'node'`), so answers are kept per node and worked out again only for nodes whose generation
 * changed: after a pod was placed, for one.
 */
import { isVerdict, type Plugin, type PreFilterOutcome } from '../contract.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import { failure, isRejected, messageOf, type Verdict } from '../verdict.ts';
import type { ActiveFilter } from './pre-filter.ts';

const mostClasses = 48;

export class EquivalenceClass {
  readonly capacity: number;
  /** Generation of the node when it was last filtered. */
  readonly filterGeneration: Float64Array;
  /** Position among the active filters of the first that failed, by node; `passed` where none did. */
  readonly failedAt: Uint8Array;
  readonly passed = 255;
  readonly verdicts: (Verdict | undefined)[] = [];
  /** Positions of the active filters that look further than the node. */
  clusterFilters: number[] = [];
  #plugins = '';
  /** Outcomes of PreFilter plugins whose filter looks at the node alone. */
  readonly preFilters = new Map<Plugin, PreFilterOutcome<unknown>>();
  /** Scores by node, of plugins that look at the node alone. */
  scores: NodeScores | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.filterGeneration = new Float64Array(capacity);
    this.failedAt = new Uint8Array(capacity);
  }

  /** Takes note of which filters run; where they are others than before, nothing is known any more. */
  useFilters(active: readonly ActiveFilter[]): void {
    const plugins = active.map((a) => a.plugin.name).join();
    if (plugins === this.#plugins) return;
    this.#plugins = plugins;
    this.filterGeneration.fill(0);
    this.clusterFilters = active.flatMap((a, i) => (a.plugin.filterScope === 'node' ? [] : [i]));
  }

  /** Runs the node-scoped filters on the node and keeps the answer. */
  filterNode(active: readonly ActiveFilter[], info: PodInfo, node: number, generation: number): void {
    let failedAt = this.passed;
    let found: Verdict | undefined;
    for (let at = 0; at < active.length; at++) {
      const { plugin, state } = active[at];
      if (plugin.filterScope !== 'node') continue;
      const verdict = plugin.filter!(state, info, node);
      if (!verdict) continue;
      failedAt = at;
      found = isRejected(verdict) ? verdict : failure(`running ${JSON.stringify(plugin.name)} filter plugin: ${messageOf(verdict)}`, verdict.error);
      break;
    }
    this.failedAt[node] = failedAt;
    this.verdicts[node] = found;
    this.filterGeneration[node] = generation;
  }
}

/** Scores of the node-scoped plugins for one class. */
export class NodeScores {
  readonly generation: Float64Array;
  /** Weighted sum of the plugins that do not normalise. */
  readonly fixed: Float64Array;
  /** Raw scores of those that do. */
  readonly raw: readonly Float64Array[];
  readonly #fixedPlugins: readonly ScoringPlugin[];
  readonly normalized: readonly ScoringPlugin[];

  constructor(capacity: number, plugins: readonly ScoringPlugin[]) {
    this.generation = new Float64Array(capacity);
    this.fixed = new Float64Array(capacity);
    this.#fixedPlugins = plugins.filter((p) => !p.plugin.normalize);
    this.normalized = plugins.filter((p) => p.plugin.normalize);
    this.raw = this.normalized.map(() => new Float64Array(capacity));
  }

  score(info: PodInfo, node: number, generation: number): void {
    let sum = 0;
    for (const { plugin, state, weight } of this.#fixedPlugins) sum += weight * plugin.score!(state, info, node);
    this.fixed[node] = sum;
    for (let i = 0; i < this.normalized.length; i++) this.raw[i][node] = this.normalized[i].plugin.score!(this.normalized[i].state, info, node);
    this.generation[node] = generation;
  }
}

/** A score plugin that is to run, with its state for the pod. */
export interface ScoringPlugin {
  readonly plugin: Plugin;
  readonly state: unknown;
  readonly weight: number;
}

/** The classes seen lately, for one profile. */
export class EquivalenceCache {
  readonly #snapshot: ClusterSnapshot;
  readonly #profile: Profile;
  readonly #classes = new Map<string, EquivalenceClass>();

  constructor(snapshot: ClusterSnapshot, profile: Profile) {
    this.#snapshot = snapshot;
    this.#profile = profile;
  }

  classOf(info: PodInfo): EquivalenceClass {
    const key = info.nodeFragment;
    let known = this.#classes.get(key);
    if (known && known.capacity === this.#snapshot.capacity) return known;
    known = new EquivalenceClass(this.#snapshot.capacity);
    for (const plugin of this.#profile.points.preFilter) {
      if (plugin.filterScope !== 'node') continue;
      const outcome = plugin.preFilter!(info);
      if (!isVerdict(outcome) || outcome.code === 'Skip') known.preFilters.set(plugin, outcome);
    }
    this.#classes.delete(key);
    this.#classes.set(key, known);
    if (this.#classes.size > mostClasses) this.#classes.delete(this.#classes.keys().next().value!);
    return known;
  }
}
