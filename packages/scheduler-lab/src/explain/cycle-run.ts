/** Runs one scheduling cycle in full detail on a copy of the cluster. Nothing comes of it: nothing is assumed, evicted or bound. */
import { type Algorithm, type ClusterObjects, type ClusterSnapshot, Algorithm as Cycle, createProfile, type DefaultedConfiguration, type Features, isVerdict, type Nominator, type PluginFactory, type PluginHandle, type Plugin, type PodInfo, type PostFilterOutcome, type Profile, type Recorder, runPostFilters, type Feasible, type ScoreDetails, type Verdict } from '@pilothouse/scheduler-framework';
import { formatTime } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';

/** What a cycle is run on. */
export interface CycleWorld {
  readonly snapshot: ClusterSnapshot;
  readonly nominator: Nominator;
  readonly objects: ClusterObjects;
  readonly features: Features;
  readonly plugins: readonly PluginFactory[];
  /** ms since the epoch, as the plugins are to see it. */
  readonly nowMs: number;
}

const refuse = () => Promise.reject(new Error('what-ifs are not bound'));

/** The profile's plugins, made for this world. @throws Error for a plugin that cannot be made */
export function profileFor(world: CycleWorld, config: DefaultedConfiguration, schedulerName: string): Profile | undefined {
  const chosen = config.profiles.find((p) => p.schedulerName === schedulerName);
  if (!chosen) return undefined;
  const handle: PluginHandle = {
    snapshot: world.snapshot, objects: world.objects, nominator: world.nominator, features: world.features, random: seededRandom(1), now: () => world.nowMs, formatTime, currentPod: (info) => info.pod,
    actions: { bind: refuse, updateVolume: refuse, updateClaim: refuse, updateClaimStatus: refuse, updateResourceClaim: refuse, waitUntil: refuse },
    isPreempting: () => false,
  };
  return createProfile(chosen, world.plugins, handle);
}

/** One plugin call as it was made. `us`: microseconds it took. */
export interface Call {
  readonly point: 'PreEnqueue' | 'PreFilter' | 'Filter' | 'PostFilter' | 'PreScore';
  readonly plugin: string;
  readonly node?: string;
  readonly verdict: Verdict | undefined;
  readonly nodes?: ReadonlySet<string>;
  readonly nominated?: boolean;
  readonly us: number;
}

export interface CycleRun {
  readonly info: PodInfo;
  readonly profile: Profile;
  readonly world: CycleWorld;
  /** In the order made; Score is in `scores`. */
  readonly calls: readonly Call[];
  readonly gate?: { readonly plugin: string; readonly verdict: Verdict };
  readonly found?: Feasible;
  readonly scores?: ScoreDetails;
  readonly scoringUs?: number;
  /** In the order of the feasible nodes. */
  readonly totals?: Float64Array;
  /** Index of the chosen node. */
  readonly node?: number;
  readonly post?: PostFilterOutcome;
  /** An error's text. */
  readonly error?: string;
  /** Every filter's answer on every node, each by itself, by node index: `verdicts[i]` of `plugins[i]`. */
  readonly all?: { readonly plugins: readonly string[]; of(node: number): (Verdict | undefined)[] };
}

export interface RunOptions {
  readonly profile: Profile;
  readonly percentageOfNodesToScore: number;
  /** Where in the order of nodes the search begins. */
  readonly start?: number;
  readonly allPlugins?: boolean;
  /** ms, for durations. */
  readonly monotonic: () => number;
  /** False: preemption is not tried. */
  readonly preempt?: boolean;
}

export function runCycle(world: CycleWorld, info: PodInfo, options: RunOptions): CycleRun {
  const { profile, monotonic } = options;
  const calls: Call[] = [];
  let last = monotonic();
  const took = () => {
    const now = monotonic();
    const us = (now - last) * 1000;
    last = now;
    return us;
  };
  const base = { info, profile, world, calls };
  for (const plugin of profile.points.preEnqueue) {
    const verdict = plugin.preEnqueue!(info);
    calls.push({ point: 'PreEnqueue', plugin: plugin.name, verdict, us: took() });
    if (verdict) return { ...base, gate: { plugin: plugin.name, verdict } };
  }
  let scores: ScoreDetails | undefined;
  let totals: Float64Array | undefined;
  let scoringUs: number | undefined;
  const recorder: Recorder = {
    everyCall: true,
    preFilter: (plugin, verdict, nodes) => void calls.push({ point: 'PreFilter', plugin, verdict, nodes, us: took() }),
    filter: (plugin, node, verdict, nominated) => void calls.push({ point: 'Filter', plugin, node, verdict, nominated, us: took() }),
    preScore: (plugin, verdict) => void calls.push({ point: 'PreScore', plugin, verdict, us: took() }),
    scores(details) {
      scores = details;
      scoringUs = took();
    },
    chosen: (_nodes, sums) => void (totals = sums),
    postFilter: (plugin, { verdict }) => void calls.push({ point: 'PostFilter', plugin, verdict, us: took() }),
  };
  const cycle: Algorithm = new Cycle({ profile, snapshot: world.snapshot, nominator: world.nominator, random: seededRandom(1), percentageOfNodesToScore: options.percentageOfNodesToScore, firstByName: true });
  cycle.nextStart = options.start ?? 0;
  let found: Feasible | undefined;
  const decision = cycle.schedule(info, { ...recorder, searched: (_info, f) => void (found = f) });
  last = monotonic();
  const post = decision.kind === 'unfit' && options.preempt !== false && profile.points.postFilter.length ? runPostFilters(profile, info, decision.found, recorder) : undefined;
  return {
    ...base, found, scores, totals, scoringUs, post,
    ...(decision.kind === 'node' && { node: world.snapshot.indexOf(decision.node) }),
    ...(decision.kind === 'error' && { error: decision.message }),
    ...(options.allPlugins && { all: everyFilter(profile, info) }),
  };
}

/** Filters asked each by itself: those whose PreFilter neither skipped nor failed, whatever the others said. */
function everyFilter(profile: Profile, info: PodInfo): NonNullable<CycleRun['all']> {
  const filters: { plugin: Plugin; state: unknown }[] = [];
  for (const plugin of profile.points.filter) {
    if (!plugin.preFilter) {
      filters.push({ plugin, state: plugin.prepareFilter?.(info) });
      continue;
    }
    const outcome = plugin.preFilter(info);
    if (!isVerdict(outcome)) filters.push({ plugin, state: outcome.state });
  }
  return { plugins: filters.map((f) => f.plugin.name), of: (node) => filters.map(({ plugin, state }) => plugin.filter!(state, info, node)) };
}
