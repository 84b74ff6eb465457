import { isVerdict, maxNodeScore, type Plugin } from '../contract.ts';
import type { PodInfo } from '../pod/pod-info.ts';
import type { Profile } from '../profile.ts';
import type { Recorder } from '../recorder.ts';
import type { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import { messageOf } from '../verdict.ts';
import { type EquivalenceClass, NodeScores, type ScoringPlugin } from './equivalence.ts';

/** Every score of every plugin, for those who want to see. */
export interface ScoreDetails {
  readonly plugins: readonly { readonly name: string; readonly weight: number }[];
  /** Plugins whose PreScore said Skip. */
  readonly skipped: readonly string[];
  readonly nodes: readonly { readonly node: string; readonly raw: number[]; readonly normalized: number[]; readonly weighted: number[]; readonly total: number }[];
}

export interface ScoreContext {
  readonly profile: Profile;
  readonly snapshot: ClusterSnapshot;
  readonly recorder?: Recorder;
}

/** Thrown where a plugin fails to score; the attempt ends in an error. */
export class ScoreError extends Error {
  override name = 'ScoreError';
}

/** Totals for the feasible nodes (indexes), in their order. @throws ScoreError */
export function scoreNodes(context: ScoreContext, info: PodInfo, feasible: Int32Array, filterStates: ReadonlyMap<Plugin, unknown>, equivalence?: EquivalenceClass): Float64Array {
  const { profile, recorder } = context;
  const totals = new Float64Array(feasible.length);
  if (!profile.points.score.length) return totals.fill(1);
  if (recorder) {
    const details = explainScores(context, info, feasible, filterStates);
    recorder.scores?.(details);
    details.nodes.forEach((n, i) => (totals[i] = n.total));
    return totals;
  }
  const scores = new Float64Array(feasible.length);
  const known = equivalence && knownScores(context, info, feasible, filterStates, equivalence);
  if (known) addKnown(context, known, info, feasible, totals, scores);
  for (const { plugin, state, weight } of scoringPlugins(profile, info, feasible, filterStates, (p) => !known || p.scoreScope !== 'node')) {
    const uniform = plugin.uniformScore?.(state, info);
    if (uniform !== undefined) {
      if (uniform !== 0) for (let i = 0; i < totals.length; i++) totals[i] += weight * uniform;
      continue;
    }
    for (let i = 0; i < feasible.length; i++) scores[i] = plugin.score!(state, info, feasible[i]);
    addNormalized({ plugin, state, weight }, feasible, scores, totals);
  }
  return totals;
}

function addKnown({ snapshot }: ScoreContext, known: NodeScores, info: PodInfo, feasible: Int32Array, totals: Float64Array, scores: Float64Array): void {
  const { generation, fixed } = known;
  const current = snapshot.generation;
  for (let i = 0; i < feasible.length; i++) {
    const node = feasible[i];
    if (generation[node] !== current[node]) known.score(info, node, current[node]);
    totals[i] = fixed[node];
  }
  known.normalized.forEach((scoring, at) => {
    const raw = known.raw[at];
    for (let i = 0; i < feasible.length; i++) scores[i] = raw[feasible[i]];
    addNormalized(scoring, feasible, scores, totals);
  });
}

function addNormalized({ plugin, state, weight }: ScoringPlugin, feasible: Int32Array, scores: Float64Array, totals: Float64Array): void {
  plugin.normalize?.(state, scores, feasible);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (!(score >= 0 && score <= maxNodeScore)) throw new ScoreError(`applying score defaultWeights on Score plugins: plugin ${JSON.stringify(plugin.name)} returns an invalid score ${score}, it should in the range of [0, ${maxNodeScore}] after normalizing`);
    totals[i] += weight * score;
  }
}

function knownScores(context: ScoreContext, info: PodInfo, feasible: Int32Array, filterStates: ReadonlyMap<Plugin, unknown>, equivalence: EquivalenceClass): NodeScores {
  equivalence.scores ??= new NodeScores(equivalence.capacity, scoringPlugins(context.profile, info, feasible, filterStates, (p) => p.scoreScope === 'node'));
  return equivalence.scores;
}

/** Runs PreScore; the plugins that are left to score, in order. */
function scoringPlugins(profile: Profile, info: PodInfo, feasible: Int32Array, filterStates: ReadonlyMap<Plugin, unknown>, wanted: (plugin: Plugin) => boolean, recorder?: Recorder, skipped?: string[]): ScoringPlugin[] {
  const states = new Map<Plugin, unknown>();
  const out = new Set<Plugin>();
  for (const plugin of profile.points.preScore) {
    if (!wanted(plugin)) continue;
    const outcome = plugin.preScore!(info, feasible, filterStates.get(plugin));
    recorder?.preScore?.(plugin.name, isVerdict(outcome) ? outcome : undefined);
    if (!isVerdict(outcome)) states.set(plugin, outcome.state);
    else if (outcome.code === 'Skip') {
      out.add(plugin);
      skipped?.push(plugin.name);
    } else throw new ScoreError(`running PreScore plugin ${JSON.stringify(plugin.name)}: ${messageOf(outcome)}`);
  }
  const left: ScoringPlugin[] = [];
  for (const plugin of profile.points.score) {
    if (!wanted(plugin) || out.has(plugin)) continue;
    left.push({ plugin, state: states.has(plugin) ? states.get(plugin) : scoreStateOf(plugin, info, feasible, filterStates), weight: profile.weightOf(plugin) });
  }
  return left;
}

/** For a plugin that scores without PreScore, or whose PreScore is not enabled. */
function scoreStateOf(plugin: Plugin, info: PodInfo, feasible: Int32Array, filterStates: ReadonlyMap<Plugin, unknown>): unknown {
  if (plugin.prepareScore) return plugin.prepareScore(info, filterStates.get(plugin));
  const outcome = plugin.preScore?.(info, feasible, filterStates.get(plugin));
  return outcome && !isVerdict(outcome) ? outcome.state : undefined;
}

/** All scores in detail; what `scoreNodes` adds up. */
export function explainScores({ profile, snapshot, recorder }: ScoreContext, info: PodInfo, feasible: Int32Array, filterStates: ReadonlyMap<Plugin, unknown>): ScoreDetails {
  const skipped: string[] = [];
  const plugins = scoringPlugins(profile, info, feasible, filterStates, () => true, recorder, skipped);
  const raw = plugins.map(({ plugin, state }) => Float64Array.from(feasible, (node) => plugin.score!(state, info, node)));
  const normalized = plugins.map(({ plugin, state }, p) => {
    const scores = raw[p].slice();
    plugin.normalize?.(state, scores, feasible);
    return scores;
  });
  const nodes = Array.from(feasible, (node, i) => {
    const weighted = plugins.map(({ weight }, p) => weight * normalized[p][i]);
    return { node: snapshot.names[node], raw: raw.map((r) => r[i]), normalized: normalized.map((n) => n[i]), weighted, total: weighted.reduce((a, b) => a + b, 0) };
  });
  return { plugins: plugins.map(({ plugin, weight }) => ({ name: plugin.name, weight })), skipped, nodes };
}
