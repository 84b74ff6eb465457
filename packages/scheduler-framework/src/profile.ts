/** Profiles: which plugins run at which extension point, in what order and with what weight. */
import type { DefaultedProfile } from './config/types.ts';
import { type ExtensionPoint, extensionPoints, type Plugin, type PluginFactory, type PluginHandle } from './contract.ts';

export interface Profile {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore?: number;
  /** Each plugin once. */
  readonly plugins: readonly Plugin[];
  readonly points: Readonly<Record<ExtensionPoint, readonly Plugin[]>>;
  weightOf(plugin: Plugin): number;
}

/** The function that makes a plugin take part in an extension point, and the point's name in messages. */
const memberOf: Readonly<Record<ExtensionPoint, { readonly member: keyof Plugin; readonly title: string }>> = {
  preEnqueue: { member: 'preEnqueue', title: 'PreEnqueuePlugin' },
  queueSort: { member: 'queueSort', title: 'QueueSortPlugin' },
  preFilter: { member: 'preFilter', title: 'PreFilterPlugin' },
  filter: { member: 'filter', title: 'FilterPlugin' },
  postFilter: { member: 'postFilter', title: 'PostFilterPlugin' },
  preScore: { member: 'preScore', title: 'PreScorePlugin' },
  score: { member: 'score', title: 'ScorePlugin' },
  reserve: { member: 'reserve', title: 'ReservePlugin' },
  permit: { member: 'permit', title: 'PermitPlugin' },
  preBind: { member: 'preBind', title: 'PreBindPlugin' },
  bind: { member: 'bind', title: 'BindPlugin' },
  postBind: { member: 'postBind', title: 'PostBindPlugin' },
};

/** Makes the profile's plugins and expands multiPoint. @throws Error with upstream's message for a plugin that is unknown or does not know a point. */
export function createProfile(config: DefaultedProfile, factories: readonly PluginFactory[], handle: PluginHandle): Profile {
  const known = new Map(factories.map((f) => [f.name, f]));
  const made = new Map<string, Plugin>();
  const wanted = new Set(['multiPoint' as const, ...extensionPoints].flatMap((point) => config.plugins[point].enabled!.map((p) => p.name)));
  for (const name of wanted) {
    const factory = known.get(name);
    if (factory) made.set(name, initialize(factory, config.args[name] ?? {}, handle));
  }
  const points = Object.fromEntries(extensionPoints.map((point) => [point, expand(config, point, made)])) as Record<ExtensionPoint, Plugin[]>;
  for (const { point, name } of config.placement) {
    const title = point === 'placementGenerate' ? 'PlacementGeneratePlugin' : 'PlacementScorePlugin';
    throw new Error(known.has(name) ? `plugin ${JSON.stringify(name)} does not extend ${title} plugin` : `${title} ${JSON.stringify(name)} does not exist`);
  }
  if (points.queueSort.length !== 1) throw new Error(`only one queue sort plugin required for profile with scheduler name ${JSON.stringify(config.schedulerName)}, but got ${points.queueSort.length}`);
  if (!points.bind.length) throw new Error(`at least one bind plugin is needed for profile with scheduler name ${JSON.stringify(config.schedulerName)}`);
  const weights = weightsOf(config);
  return { schedulerName: config.schedulerName, percentageOfNodesToScore: config.percentageOfNodesToScore, plugins: [...made.values()], points, weightOf: (plugin) => weights.get(plugin.name) ?? 1 };
}

/** @throws Error in upstream's words where the plugin cannot be made */
function initialize(factory: PluginFactory, args: Record<string, unknown>, handle: PluginHandle): Plugin {
  try {
    return factory.create(args, handle);
  } catch (error) {
    throw new Error(`initializing plugin ${JSON.stringify(factory.name)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** First what multiPoint has and the point names again (in the point's order), then the rest of multiPoint, then the rest of the point. */
function expand(config: DefaultedProfile, point: ExtensionPoint, made: ReadonlyMap<string, Plugin>): Plugin[] {
  const { member, title } = memberOf[point];
  const get = (name: string): Plugin => {
    const plugin = made.get(name);
    if (!plugin) throw new Error(`${title} ${JSON.stringify(name)} does not exist`);
    return plugin;
  };
  const named: string[] = [];
  for (const { name } of config.plugins[point].enabled!) {
    if (!get(name)[member]) throw new Error(`plugin ${JSON.stringify(name)} does not extend ${title} plugin`);
    if (named.includes(name)) throw new Error(`plugin ${JSON.stringify(name)} already registered as ${JSON.stringify(title)}`);
    named.push(name);
  }
  const disabled = new Set(config.plugins[point].disabled!.map((p) => p.name));
  if (disabled.has('*')) return named.map(get);
  const again = new Set<string>();
  const multi: string[] = [];
  for (const { name } of config.plugins.multiPoint.enabled!) {
    if (!get(name)[member] || disabled.has(name)) continue;
    if (named.includes(name)) again.add(name);
    else if (multi.includes(name)) throw new Error(`plugin ${JSON.stringify(name)} already registered as ${JSON.stringify(title)}`);
    else multi.push(name);
  }
  return [...named.filter((n) => again.has(n)), ...multi, ...named.filter((n) => !again.has(n))].map(get);
}

/** The weight given at the score point counts before that of multiPoint. */
function weightsOf(config: DefaultedProfile): Map<string, number> {
  const weights = new Map<string, number>();
  for (const { name, weight } of [...config.plugins.score.enabled!, ...config.plugins.multiPoint.enabled!]) if (!weights.has(name)) weights.set(name, weight || 1);
  return weights;
}
