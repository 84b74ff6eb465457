/**
 * Decodes a KubeSchedulerConfiguration as strictly as upstream: fields that are not known and values of a wrong type are refused in the
 * words of Go's decoder.
 */
import { parseGoDuration } from './go-duration.ts';

type Leaf = 'string' | 'bool' | 'int32' | 'int64' | 'float32' | 'duration' | 'bytes' | 'raw';
interface Struct {
  /** Go's name of the type, with its package: `v1.Plugins`. */
  readonly struct: string;
  readonly fields: Readonly<Record<string, Type>>;
}
interface List {
  readonly list: Type;
}
type Type = Leaf | Struct | List;

const struct = (name: string, fields: Struct['fields']): Struct => ({ struct: name, fields });
const list = (type: Type): List => ({ list: type });

const plugin = struct('v1.Plugin', { name: 'string', weight: 'int32' });
const pluginSet = struct('v1.PluginSet', { enabled: list(plugin), disabled: list(plugin) });
const points = ['preEnqueue', 'queueSort', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'reserve', 'permit', 'preBind', 'bind', 'postBind', 'multiPoint', 'placementGenerate', 'placementScore'];
const typeMeta = { apiVersion: 'string', kind: 'string' } as const;

const configuration = struct('v1.KubeSchedulerConfiguration', {
  ...typeMeta,
  parallelism: 'int32', percentageOfNodesToScore: 'int32', podInitialBackoffSeconds: 'int64', podMaxBackoffSeconds: 'int64', enableProfiling: 'bool', enableContentionProfiling: 'bool', delayCacheUntilActive: 'bool',
  leaderElection: struct('v1alpha1.LeaderElectionConfiguration', { leaderElect: 'bool', leaseDuration: 'duration', renewDeadline: 'duration', retryPeriod: 'duration', resourceLock: 'string', resourceName: 'string', resourceNamespace: 'string' }),
  clientConnection: struct('v1alpha1.ClientConnectionConfiguration', { kubeconfig: 'string', acceptContentTypes: 'string', contentType: 'string', qps: 'float32', burst: 'int32' }),
  profiles: list(struct('v1.KubeSchedulerProfile', { schedulerName: 'string', percentageOfNodesToScore: 'int32', plugins: struct('v1.Plugins', Object.fromEntries(points.map((p) => [p, pluginSet]))), pluginConfig: list(struct('v1.PluginConfig', { name: 'string', args: 'raw' })) })),
  extenders: list(struct('v1.Extender', {
    urlPrefix: 'string', filterVerb: 'string', preemptVerb: 'string', prioritizeVerb: 'string', weight: 'int64', bindVerb: 'string', enableHTTPS: 'bool', httpTimeout: 'duration', nodeCacheCapable: 'bool', ignorable: 'bool',
    tlsConfig: struct('v1.ExtenderTLSConfig', { insecure: 'bool', serverName: 'string', certFile: 'string', keyFile: 'string', caFile: 'string', certData: 'bytes', keyData: 'bytes', caData: 'bytes' }),
    managedResources: list(struct('v1.ExtenderManagedResource', { name: 'string', ignoredByScheduler: 'bool' })),
  })),
});

const resources = list(struct('v1.ResourceSpec', { name: 'string', weight: 'int64' }));
const shape = list(struct('v1.UtilizationShapePoint', { utilization: 'int32', score: 'int32' }));
const requirements = list(struct('v1.NodeSelectorRequirement', { key: 'string', operator: 'string', values: list('string') }));
const nodeTerm = struct('v1.NodeSelectorTerm', { matchExpressions: requirements, matchFields: requirements });
const labelSelector = struct('v1.LabelSelector', { matchLabels: 'raw', matchExpressions: list(struct('v1.LabelSelectorRequirement', { key: 'string', operator: 'string', values: list('string') })) });

/** Arguments of the plugins that take any; those of others are theirs alone. */
const pluginArgs: Readonly<Record<string, Struct['fields']>> = {
  DefaultPreemption: { minCandidateNodesPercentage: 'int32', minCandidateNodesAbsolute: 'int32' },
  InterPodAffinity: { hardPodAffinityWeight: 'int32', ignorePreferredTermsOfExistingPods: 'bool' },
  NodeAffinity: { addedAffinity: struct('v1.NodeAffinity', { requiredDuringSchedulingIgnoredDuringExecution: struct('v1.NodeSelector', { nodeSelectorTerms: list(nodeTerm) }), preferredDuringSchedulingIgnoredDuringExecution: list(struct('v1.PreferredSchedulingTerm', { weight: 'int32', preference: nodeTerm })) }) },
  NodeResourcesBalancedAllocation: { resources },
  NodeResourcesFit: { ignoredResources: list('string'), ignoredResourceGroups: list('string'), scoringStrategy: struct('v1.ScoringStrategy', { type: 'string', resources, requestedToCapacityRatio: struct('v1.RequestedToCapacityRatioParam', { shape }) }) },
  PodTopologySpread: { defaultConstraints: list(struct('v1.TopologySpreadConstraint', { maxSkew: 'int32', topologyKey: 'string', whenUnsatisfiable: 'string', labelSelector, minDomains: 'int32', nodeAffinityPolicy: 'string', nodeTaintsPolicy: 'string', matchLabelKeys: list('string') })), defaultingType: 'string' },
  VolumeBinding: { bindTimeoutSeconds: 'int64', shape },
  DynamicResources: { filterTimeout: 'duration', bindingTimeout: 'duration' },
};

/** A value that Go could not put into its field. */
class WrongType extends Error {}

const goTypes: Readonly<Record<Leaf, string>> = { string: 'string', bool: 'bool', int32: 'int32', int64: 'int64', float32: 'float32', duration: 'string', bytes: '[]uint8', raw: '' };
const nameOf = (type: Type): string => (typeof type === 'string' ? goTypes[type] : 'list' in type ? `[]${nameOf(type.list)}` : type.struct);
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value);
const limits = { int32: 2 ** 31, int64: 2 ** 63 } as const;

interface Place {
  /** Type that holds the field, and the field's path as Go names it. */
  readonly in: string;
  readonly path: readonly string[];
}

function refuse(value: unknown, type: Type, { in: holder, path }: Place, what = kindOf(value)): never {
  throw new WrongType(`json: cannot unmarshal ${what} into Go struct field ${holder.split('.').at(-1)}.${path.join('.')} of type ${nameOf(type)}`);
}

function checkLeaf(value: unknown, type: Leaf, place: Place): void {
  if (type === 'raw') return;
  if (type === 'duration') {
    if (typeof value !== 'string') throw new WrongType(`json: cannot unmarshal ${kindOf(value)} into Go value of type string`);
    parseGoDuration(value);
  } else if (type === 'string' || type === 'bytes') {
    if (typeof value !== 'string') refuse(value, type, place);
  } else if (type === 'bool') {
    if (typeof value !== 'boolean') refuse(value, type, place);
  } else if (typeof value !== 'number') refuse(value, type, place);
  else if (type !== 'float32' && (!Number.isInteger(value) || value >= limits[type] || value < -limits[type])) refuse(value, type, place, `number ${value}`);
}

/** Adds paths of fields that are not known to `unknown`. @throws WrongType */
function check(value: unknown, type: Type, at: string, place: Place, unknown: string[]): void {
  if (value === null || value === undefined) return;
  if (typeof type === 'string') {
    checkLeaf(value, type, place);
    return;
  }
  if ('list' in type) {
    if (!Array.isArray(value)) refuse(value, type, place);
    value.forEach((item, i) => check(item, type.list, `${at}[${i}]`, place, unknown));
    return;
  }
  if (typeof value !== 'object' || Array.isArray(value)) refuse(value, type, place);
  for (const [key, member] of Object.entries(value)) {
    const path = at ? `${at}.${key}` : key;
    if (!Object.hasOwn(type.fields, key)) unknown.push(path);
    else check(member, type.fields[key], path, { in: type.struct, path: [...place.path, key] }, unknown);
  }
}

const group = 'kubescheduler.config.k8s.io';
const unknownText = (paths: readonly string[]): string => paths.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ');

/** Decodes the arguments of one plugin; what is strange about them, or undefined. @throws Error */
function checkArgs(name: string, args: object): string | undefined {
  const fields = pluginArgs[name];
  if (!fields) return undefined;
  const { apiVersion, kind } = args as { apiVersion?: string; kind?: string };
  const type = `${name}Args`;
  if (apiVersion !== undefined && apiVersion !== `${group}/v1`) throw new Error(`decoding args for plugin ${name}: no kind ${JSON.stringify(kind ?? type)} is registered for version ${JSON.stringify(apiVersion)}`);
  if (kind !== undefined && kind !== type) {
    if (!Object.hasOwn(pluginArgs, kind.replace(/Args$/, ''))) throw new Error(`decoding args for plugin ${name}: no kind ${JSON.stringify(kind)} is registered for version "${group}/v1"`);
    throw new Error(`args for plugin ${name} were not of type ${type}.${group}, got ${kind}.${group}`);
  }
  const unknown: string[] = [];
  try {
    check(args, struct(`v1.${type}`, { ...typeMeta, ...fields }), '', { in: '', path: [] }, unknown);
  } catch (error) {
    throw new Error(`decoding args for plugin ${name}: ${(error as Error).message}`);
  }
  return unknown.length ? `strict decoding error: decoding args for plugin ${name}: strict decoding error: ${unknownText(unknown)}` : undefined;
}

/** @throws Error in upstream's words for what cannot be decoded */
export function checkDecodes(source: object): void {
  const unknown: string[] = [];
  check(source, configuration, '', { in: '', path: [] }, unknown);
  const strange = unknown.length ? [unknownText(unknown)] : [];
  const { profiles } = source as { profiles?: ({ pluginConfig?: ({ name?: string; args?: unknown } | null)[] } | null)[] };
  (profiles ?? []).forEach((profile, i) => {
    (profile?.pluginConfig ?? []).forEach((entry, j) => {
      const where = `decoding .profiles[${i}].pluginConfig[${j}]: `;
      const args = entry?.args;
      if (!entry?.name || args === undefined || args === null) return;
      if (typeof args !== 'object' || Array.isArray(args)) {
        if (pluginArgs[entry.name]) throw new Error(`${where}decoding args for plugin ${entry.name}: json: cannot unmarshal ${kindOf(args)} into Go value of type v1.${entry.name}Args`);
        return;
      }
      let found: string | undefined;
      try {
        found = checkArgs(entry.name, args);
      } catch (error) {
        throw new Error(where + (error as Error).message);
      }
      if (found) strange.push(where + found);
    });
  });
  if (strange.length) throw new Error(`strict decoding error: ${strange.join(', ')}`);
}
