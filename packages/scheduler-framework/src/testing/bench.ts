/** A cluster in a few words, for tests of plugins. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { ObjectMeta } from '@pilothouse/api-schemas/types/meta/v1';
import { formatTime } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';
import { loadConfiguration } from '../config/load.ts';
import { isVerdict, type Plugin, type PluginFactory, type PluginHandle } from '../contract.ts';
import { featuresWith } from '../features.ts';
import { Nominator } from '../nominator.ts';
import { objectTables } from '../objects.ts';
import { PodInfo } from '../pod/pod-info.ts';
import { ClusterSnapshot } from '../snapshot/cluster-snapshot.ts';
import type { Verdict } from '../verdict.ts';

let uids = 0;

/** A node with 4 cpu, 8Gi, 10 pods. */
export function node(name: string, more: { labels?: Record<string, string>; spec?: Node['spec']; allocatable?: Record<string, string>; status?: Node['status'] } = {}): Node {
  return { metadata: { name, uid: `node-${name}`, labels: { 'kubernetes.io/hostname': name, ...more.labels } }, spec: more.spec ?? {}, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...more.allocatable }, ...more.status } };
}

/** A pod of namespace `default` with one container. `requests` are the container's. */
export function pod(name: string, more: { labels?: Record<string, string>; requests?: Record<string, string>; spec?: Partial<NonNullable<Pod['spec']>>; status?: Pod['status']; meta?: Partial<ObjectMeta> } = {}): Pod {
  return { metadata: { name, namespace: 'default', uid: `pod-${++uids}`, labels: more.labels, ...more.meta }, spec: { containers: [{ name: 'c', image: 'app', resources: { requests: more.requests } }], schedulerName: 'default-scheduler', ...more.spec }, status: more.status };
}

export interface PluginBench {
  readonly plugin: Plugin;
  readonly snapshot: ClusterSnapshot;
  readonly handle: PluginHandle;
  /** What the plugin says of the pod on each node: its PreFilter's verdict, or those of Filter by node (`undefined`: fits). */
  filter(pod: Pod): Verdict | Record<string, Verdict | undefined>;
  /** Normalised scores by node; the verdict where PreScore skips or fails. */
  score(pod: Pod): Verdict | Record<string, number>;
}

/** `placed`: pods by node. `args` are defaulted as a configuration's. */
export function pluginBench(factory: PluginFactory<any>, cluster: { nodes?: Node[]; placed?: Record<string, Pod[]>; objects?: { kind?: string; metadata: ObjectMeta }[]; args?: Record<string, unknown>; featureGates?: Record<string, boolean> } = {}): PluginBench {
  const snapshot = new ClusterSnapshot();
  for (const n of cluster.nodes ?? [node('n1'), node('n2')]) snapshot.setNode(n);
  for (const [name, pods] of Object.entries(cluster.placed ?? {})) for (const p of pods) snapshot.addPod(new PodInfo({ ...p, spec: { ...p.spec!, nodeName: name } }), name);
  const refuse = () => Promise.reject(new Error('nothing is bound in this test'));
  const features = featuresWith(cluster.featureGates);
  const handle: PluginHandle = {
    snapshot, features, objects: objectTables(cluster.objects ?? []), nominator: new Nominator(), random: seededRandom(1), now: () => 1_767_225_600_000, formatTime, currentPod: (info) => info.pod,
    actions: { bind: refuse, updateVolume: refuse, updateClaim: refuse, updateClaimStatus: refuse, updateResourceClaim: refuse, waitUntil: refuse }, isPreempting: () => false,
  };
  const profile = loadConfiguration({ profiles: [{ schedulerName: 'default-scheduler', pluginConfig: cluster.args ? [{ name: factory.name, args: cluster.args }] : [] }] }, features).profiles[0];
  const plugin = factory.create(profile.args[factory.name] ?? {}, handle);
  const stateOf = (info: PodInfo): { state?: unknown } | Verdict => (plugin.preFilter ? plugin.preFilter(info) : { state: plugin.prepareFilter?.(info) });
  return {
    plugin, snapshot, handle,
    filter(p) {
      const info = new PodInfo(p);
      const prepared = stateOf(info);
      if (isVerdict(prepared)) return prepared;
      return Object.fromEntries(Array.from(snapshot.list(), (n) => [snapshot.names[n], plugin.filter!(prepared.state, info, n)]));
    },
    score(p) {
      const info = new PodInfo(p);
      const prepared = plugin.filter ? stateOf(info) : {};
      const filterState = isVerdict(prepared) ? undefined : prepared.state;
      const nodes = snapshot.list();
      if (plugin.filter && !isVerdict(prepared)) for (const n of nodes) plugin.filter(filterState, info, n);
      const outcome = plugin.preScore ? plugin.preScore(info, nodes, filterState) : { state: plugin.prepareScore?.(info, filterState) };
      if (isVerdict(outcome)) return outcome;
      const scores = Float64Array.from(nodes, (n) => plugin.score!(outcome.state, info, n));
      plugin.normalize?.(outcome.state, scores, nodes);
      return Object.fromEntries(Array.from(nodes, (n, i) => [snapshot.names[n], scores[i]]));
    },
  };
}

/** Reasons by node of those that do not fit. */
export const reasons = (verdicts: Verdict | Record<string, Verdict | undefined>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(verdicts as Record<string, Verdict | undefined>).flatMap(([n, v]) => (v ? [[n, v.reasons]] : [])));
