/** Fields that a KubeSchedulerConfiguration may have; what is not here is refused, as upstream's strict decoding does. */

interface Shape {
  readonly fields: Readonly<Record<string, Shape | null>>;
  /** The value is a list of such objects. */
  readonly list?: boolean;
}
const leaf = null;
const object = (...names: string[]): Shape => ({ fields: Object.fromEntries(names.map((n) => [n, leaf])) });
const listOf = (shape: Shape): Shape => ({ ...shape, list: true });

const pluginSet: Shape = { fields: { enabled: listOf(object('name', 'weight')), disabled: listOf(object('name', 'weight')) } };
const points = ['preEnqueue', 'queueSort', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'reserve', 'permit', 'preBind', 'bind', 'postBind', 'multiPoint'];

const configuration: Shape = {
  fields: {
    ...object('apiVersion', 'kind', 'parallelism', 'enableProfiling', 'enableContentionProfiling', 'percentageOfNodesToScore', 'podInitialBackoffSeconds', 'podMaxBackoffSeconds', 'delayCacheUntilActive').fields,
    leaderElection: object('leaderElect', 'leaseDuration', 'renewDeadline', 'retryPeriod', 'resourceLock', 'resourceName', 'resourceNamespace'),
    clientConnection: object('kubeconfig', 'acceptContentTypes', 'contentType', 'qps', 'burst'),
    profiles: listOf({ fields: { schedulerName: leaf, percentageOfNodesToScore: leaf, plugins: { fields: Object.fromEntries(points.map((p) => [p, pluginSet])) }, pluginConfig: listOf(object('name', 'args')) } }),
    extenders: listOf({
      fields: {
        ...object('urlPrefix', 'filterVerb', 'preemptVerb', 'prioritizeVerb', 'weight', 'bindVerb', 'enableHTTPS', 'httpTimeout', 'nodeCacheCapable', 'ignorable').fields,
        tlsConfig: object('insecure', 'serverName', 'certFile', 'keyFile', 'caFile', 'certData', 'keyData', 'caData'),
        managedResources: listOf(object('name', 'ignoredByScheduler')),
      },
    }),
  },
};

const pluginArgs: Readonly<Record<string, Shape>> = {
  DefaultPreemption: object('minCandidateNodesPercentage', 'minCandidateNodesAbsolute'),
  InterPodAffinity: object('hardPodAffinityWeight', 'ignorePreferredTermsOfExistingPods'),
  NodeAffinity: object('addedAffinity'),
  NodeResourcesBalancedAllocation: { fields: { resources: listOf(object('name', 'weight')) } },
  NodeResourcesFit: { fields: { ignoredResources: leaf, ignoredResourceGroups: leaf, scoringStrategy: { fields: { type: leaf, resources: listOf(object('name', 'weight')), requestedToCapacityRatio: { fields: { shape: listOf(object('utilization', 'score')) } } } } } },
  PodTopologySpread: object('defaultConstraints', 'defaultingType'),
  VolumeBinding: { fields: { bindTimeoutSeconds: leaf, shape: listOf(object('utilization', 'score')) } },
  DynamicResources: object('filterTimeout', 'bindingTimeout'),
};

function* unknown(value: unknown, shape: Shape | null, path: string): Iterable<string> {
  if (!shape || typeof value !== 'object' || value === null) return;
  if (shape.list) {
    for (const [i, item] of Object.entries(value)) yield* unknown(item, { fields: shape.fields }, `${path}[${i}]`);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const at = path ? `${path}.${key}` : key;
    if (!(key in shape.fields)) yield at;
    else yield* unknown(member, shape.fields[key], at);
  }
}

/** Paths of the fields that are not known, in their order. Arguments of plugins are looked at too. */
export function unknownFields(source: object): string[] {
  const found = [...unknown(source, configuration, '')];
  for (const profile of (source as { profiles?: { pluginConfig?: { name?: string; args?: object }[] }[] }).profiles ?? []) {
    for (const { name, args } of profile?.pluginConfig ?? []) {
      const shape = name === undefined ? undefined : pluginArgs[name];
      if (shape && args) found.push(...unknown(args, { fields: { ...shape.fields, apiVersion: leaf, kind: leaf } }, ''));
    }
  }
  return found;
}
