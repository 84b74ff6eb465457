/** What a KubeSchedulerConfiguration leaves out: v1.36's default plugins, weights and arguments. */
import { type ExtensionPoint, extensionPoints } from '../contract.ts';
import type { Features } from '../features.ts';
import { configApiVersion, type DefaultedConfiguration, type DefaultedProfile, type KubeSchedulerConfiguration, type KubeSchedulerProfile, type PluginEntry, type Plugins, type PluginSet } from './types.ts';

export const defaultSchedulerName = 'default-scheduler';

/** In order; all run at every extension point they know. */
export function defaultMultiPoint(features: Features): PluginEntry[] {
  return [
    { name: 'SchedulingGates' },
    { name: 'PrioritySort' },
    { name: 'NodeUnschedulable' },
    { name: 'NodeName' },
    { name: 'TaintToleration', weight: 3 },
    { name: 'NodeAffinity', weight: 2 },
    { name: 'NodePorts' },
    { name: 'NodeResourcesFit', weight: 1 },
    { name: 'VolumeRestrictions' },
    { name: 'NodeVolumeLimits' },
    { name: 'VolumeBinding' },
    { name: 'VolumeZone' },
    { name: 'PodTopologySpread', weight: 2 },
    { name: 'InterPodAffinity', weight: 2 },
    ...(features.DynamicResourceAllocation ? [{ name: 'DynamicResources', weight: 2 }] : []),
    { name: 'DefaultPreemption' },
    { name: 'NodeResourcesBalancedAllocation', weight: 1 },
    { name: 'ImageLocality', weight: 1 },
    { name: 'DefaultBinder' },
    ...(features.NodeDeclaredFeatures ? [{ name: 'NodeDeclaredFeatures' }] : []),
  ];
}

const cpuAndMemory = () => [{ name: 'cpu', weight: 1 }, { name: 'memory', weight: 1 }];
type Args = Record<string, any>;
const weighted = (resources: { name: string; weight?: number }[]) => resources.map((r) => ({ ...r, weight: r.weight || 1 }));

/** Fills in the arguments of the plugins that have any. */
const argDefaults: Readonly<Record<string, (args: Args, features: Features) => Args>> = {
  DefaultPreemption: (a) => ({ ...a, minCandidateNodesPercentage: a.minCandidateNodesPercentage ?? 10, minCandidateNodesAbsolute: a.minCandidateNodesAbsolute ?? 100 }),
  InterPodAffinity: (a) => ({ ...a, hardPodAffinityWeight: a.hardPodAffinityWeight ?? 1 }),
  NodeAffinity: (a) => a,
  NodeResourcesBalancedAllocation: (a) => ({ ...a, resources: a.resources?.length ? weighted(a.resources) : cpuAndMemory() }),
  NodeResourcesFit: (a) => {
    const strategy = a.scoringStrategy ?? { type: 'LeastAllocated' };
    return { ...a, scoringStrategy: { ...strategy, resources: strategy.resources?.length ? weighted(strategy.resources) : cpuAndMemory() } };
  },
  PodTopologySpread: (a) => ({ ...a, defaultingType: a.defaultingType || 'System' }),
  VolumeBinding: (a, features) => ({
    ...a,
    bindTimeoutSeconds: a.bindTimeoutSeconds ?? 600,
    ...(!a.shape?.length && features.StorageCapacityScoring && { shape: [{ utilization: 0, score: 10 }, { utilization: 100, score: 0 }] }),
  }),
  DynamicResources: (a) => ({ ...a, filterTimeout: a.filterTimeout ?? '10s', bindingTimeout: a.bindingTimeout ?? '10m0s' }),
};

export const pluginsWithArgs = Object.keys(argDefaults);

/** Defaults first, custom plugins that replace one in its place, the rest after; `*` disables all defaults. */
export function mergePluginSet(defaults: PluginSet, custom: PluginSet): Required<PluginSet> {
  const disabled = [...(custom.disabled ?? []), ...(defaults.disabled ?? [])].map(({ name }) => ({ name }));
  const off = new Set(disabled.map((p) => p.name));
  const replacements = new Map((custom.enabled ?? []).map((p) => [p.name, p]));
  const replaced = new Set<PluginEntry>();
  const enabled: PluginEntry[] = [];
  if (!off.has('*')) {
    for (const entry of defaults.enabled ?? []) {
      if (off.has(entry.name)) continue;
      const replacement = replacements.get(entry.name);
      if (replacement) replaced.add(replacement);
      enabled.push(replacement ?? entry);
    }
  }
  for (const entry of custom.enabled ?? []) if (!replaced.has(entry)) enabled.push(entry);
  return { enabled, disabled };
}

const pointsAndMulti = ['multiPoint', ...extensionPoints] as const satisfies readonly (ExtensionPoint | 'multiPoint')[];

/** Extension points of workload scheduling, whose feature is off by default: no plugin here extends them. */
const placementPoints = ['placementGenerate', 'placementScore'] as const;

function defaultProfile(profile: KubeSchedulerProfile, features: Features): DefaultedProfile {
  const base: Plugins = { multiPoint: { enabled: defaultMultiPoint(features) } };
  const plugins = Object.fromEntries(pointsAndMulti.map((point) => [point, mergePluginSet(base[point] ?? {}, profile.plugins?.[point] ?? {})])) as Required<Plugins>;
  const pluginConfig = (profile.pluginConfig ?? []).map(({ name, args }) => ({ name, args: argDefaults[name]?.(args ?? {}, features) ?? args ?? {} }));
  const given = new Set(pluginConfig.map((c) => c.name));
  const enabled = new Set(pointsAndMulti.flatMap((point) => plugins[point].enabled!.map((p) => p.name)));
  for (const name of [...enabled].sort()) {
    if (given.has(name) || !argDefaults[name]) continue;
    pluginConfig.push({ name, args: argDefaults[name]({ apiVersion: configApiVersion, kind: `${name}Args` }, features) });
  }
  const placement = placementPoints.flatMap((point) => (profile.plugins?.[point]?.enabled ?? []).map(({ name }) => ({ point, name })));
  return { schedulerName: profile.schedulerName ?? '', placement, percentageOfNodesToScore: profile.percentageOfNodesToScore, plugins, args: Object.fromEntries(pluginConfig.map((c) => [c.name, c.args])), pluginConfig };
}

/** Fills in everything. Does not validate. */
export function defaultConfiguration(source: KubeSchedulerConfiguration, features: Features): DefaultedConfiguration {
  const profiles = source.profiles?.length ? source.profiles : [{}];
  if (profiles.length === 1 && profiles[0].schedulerName === undefined) profiles[0] = { ...profiles[0], schedulerName: defaultSchedulerName };
  const lease = source.leaderElection ?? {};
  const profiling = source.enableProfiling ?? true;
  return {
    apiVersion: configApiVersion,
    kind: 'KubeSchedulerConfiguration',
    parallelism: source.parallelism ?? 16,
    leaderElection: {
      leaderElect: lease.leaderElect ?? true,
      leaseDuration: lease.leaseDuration || '15s',
      renewDeadline: lease.renewDeadline || '10s',
      retryPeriod: lease.retryPeriod || '2s',
      resourceLock: lease.resourceLock || 'leases',
      resourceName: lease.resourceName || 'kube-scheduler',
      resourceNamespace: lease.resourceNamespace || 'kube-system',
    },
    clientConnection: { ...source.clientConnection, contentType: source.clientConnection?.contentType || 'application/vnd.kubernetes.protobuf', qps: source.clientConnection?.qps || 50, burst: source.clientConnection?.burst || 100 },
    enableProfiling: profiling,
    enableContentionProfiling: source.enableContentionProfiling ?? profiling,
    percentageOfNodesToScore: source.percentageOfNodesToScore ?? 0,
    podInitialBackoffSeconds: source.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: source.podMaxBackoffSeconds ?? 10,
    profiles: profiles.map((p) => defaultProfile(p, features)),
    extenders: source.extenders ?? [],
    delayCacheUntilActive: source.delayCacheUntilActive ?? false,
  };
}
