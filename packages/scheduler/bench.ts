/**
 * Pods per second of the scheduling loop alone: queue, algorithm, assuming, and bindings that return at once; no API server.
 *
 *   node packages/scheduler/bench.ts [--nodes 100,1000,5000] [--pods 3000] [--percentage 0] [--workload basic] [--json]
 *
 * The yardstick is a plain loop of the same process (hashing numbers into a typed array), so that figures from different machines and
 * loads can be compared as a ratio. Rates are per second of processor time.
 */
import { parseArgs } from 'node:util';
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { formatTime, realClock } from '@pilothouse/base/clock';
import { seededRandom } from '@pilothouse/base/random';
import { Algorithm, type BindingActions, ClusterSnapshot, createProfile, defaultFeatures, defaultPlugins, loadConfiguration, Nominator, objectTables, PodInfo, type PluginHandle } from '@pilothouse/scheduler-framework';
import { SchedulerCache } from './src/cache.ts';
import { noMetrics } from './src/metrics.ts';
import { SchedulingQueue } from './src/queue/scheduling-queue.ts';

export interface BenchRow {
  workload: string;
  nodes: number;
  percentageOfNodesToScore: number;
  pods: number;
  podsPerCpuSecond: number;
  /** Loops of the yardstick per second of processor time. */
  yardstick: number;
  /** `podsPerCpuSecond` for a million loops of the yardstick. */
  ratio: number;
}

const labelled = (i: number): Node => {
  const name = `node-${String(i).padStart(5, '0')}`;
  const amounts = { cpu: '4', 'ephemeral-storage': '100Gi', memory: '32Gi', pods: '110' };
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${i % 3}`, 'topology.kubernetes.io/region': 'region-1', tier: i % 2 ? 'silver' : 'gold' };
  return { metadata: { name, uid: `n${i}`, labels }, spec: {}, status: { allocatable: amounts, capacity: amounts } };
};

type Spec = Partial<NonNullable<Pod['spec']>>;
const inTerm = (key: string, value: string) => ({ matchExpressions: [{ key, operator: 'In', values: [value] }] });
export const workloads: Readonly<Record<string, { app: string; spec: Spec; initEvery: number; limit?: (nodes: number) => number }>> = {
  basic: { app: 'basic', spec: {}, initEvery: 1 },
  'preferred-node-affinity': { app: 'pref', initEvery: 1, spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: inTerm('tier', 'gold') }, { weight: 5, preference: inTerm('topology.kubernetes.io/zone', 'zone-1') }] } } } },
  'topology-spread-zone': { app: 'spread', initEvery: 1, spec: { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'spread' } } }] } },
  'pod-anti-affinity': { app: 'anti', initEvery: 2, limit: (nodes) => nodes / 2, spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'anti' } }, topologyKey: 'kubernetes.io/hostname' }] } } } },
};

/** As a client decodes it: nothing is shared between pods. */
function podText(name: string, workload: string, nodeName?: string): string {
  const { app, spec } = workloads[workload];
  return JSON.stringify({
    kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app } },
    spec: { containers: [{ name: 'c', image: 'registry.example/app:v1', resources: { requests: { cpu: '100m', memory: '500Mi' } }, imagePullPolicy: 'IfNotPresent' }], restartPolicy: 'Always', schedulerName: 'default-scheduler', priority: 0, preemptionPolicy: 'PreemptLowerPriority', ...(nodeName && { nodeName }), ...spec },
    status: { phase: nodeName ? 'Running' : 'Pending' },
  });
}

const cpuSeconds = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

/** Millions of steps of a plain loop per second of processor time. */
export function yardstick(): number {
  const column = new Float64Array(4096);
  const before = process.cpuUsage();
  const steps = 20_000_000;
  let h = 0x811c9dc5;
  for (let i = 0; i < steps; i++) {
    h = Math.imul(h ^ i, 0x01000193);
    column[(h >>> 0) & 4095] += i & 7;
  }
  return steps / 1e6 / cpuSeconds(before) + column[0] * 0;
}

export function benchmark(workload: string, nodes: number, wanted: number, percentageOfNodesToScore: number): BenchRow {
  const snapshot = new ClusterSnapshot();
  const cache = new SchedulerCache(snapshot);
  const nominator = new Nominator();
  const nothing = () => Promise.resolve() as Promise<any>;
  const actions: BindingActions = { bind: nothing, updateVolume: nothing, updateClaim: nothing, updateClaimStatus: nothing, updateResourceClaim: nothing, waitUntil: nothing };
  const handle: PluginHandle = { snapshot, objects: objectTables([]), nominator, features: defaultFeatures, random: seededRandom(1), now: realClock.now, formatTime, currentPod: (info) => info.pod, actions, isPreempting: () => false };
  const profile = createProfile(loadConfiguration({}).profiles[0], defaultPlugins, handle);
  const { initEvery, limit } = workloads[workload];
  for (let i = 0; i < nodes; i++) cache.setNode(labelled(i));
  for (let i = 0; i < nodes; i += initEvery) cache.addPod(JSON.parse(podText(`init-${String(i).padStart(5, '0')}`, workload, `node-${String(i).padStart(5, '0')}`)));
  const count = Math.floor(Math.min(wanted, limit?.(nodes) ?? wanted, nodes * 39));
  const pending: Pod[] = Array.from({ length: count }, (_, i) => JSON.parse(podText(`pod-${String(i).padStart(5, '0')}`, workload)));
  const algorithm = new Algorithm({ profile, snapshot, nominator, random: seededRandom(2), percentageOfNodesToScore });
  const queue = new SchedulingQueue({ now: realClock.now, profiles: new Map([[profile.schedulerName, profile]]), nominator, features: defaultFeatures, initialBackoffMs: 1000, maxBackoffMs: 10_000, metrics: noMetrics, onReady: () => {} });
  const before = process.cpuUsage();
  for (const pod of pending) queue.add(pod);
  let scheduled = 0;
  for (let queued = queue.pop(); queued; queued = queue.pop()) {
    const decision = algorithm.schedule(queued.info);
    if (decision.kind !== 'node') throw new Error(`${queued.info.key}: ${decision.kind === 'unfit' ? decision.found.diagnosis.message(nodes) : decision.message}`);
    cache.assume(queued.info, decision.node);
    for (const plugin of profile.points.reserve) plugin.reserve!(decision.states.get(plugin), queued.info, decision.node);
    queue.done(queued.uid);
    // The watch confirms the binding with a new version of the pod.
    cache.addPod({ ...queued.info.pod, spec: { ...queued.info.pod.spec!, nodeName: decision.node } });
    scheduled++;
  }
  const seconds = cpuSeconds(before);
  if (scheduled !== count || new PodInfo(pending[0]).priority !== 0) throw new Error(`${scheduled} of ${count} pods were scheduled`);
  const steps = yardstick();
  const podsPerCpuSecond = Math.round(count / seconds);
  return { workload, nodes, percentageOfNodesToScore, pods: count, podsPerCpuSecond, yardstick: Math.round(steps), ratio: Number((podsPerCpuSecond / steps).toFixed(1)) };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { nodes: { type: 'string', default: '100,1000,5000' }, pods: { type: 'string', default: '3000' }, percentage: { type: 'string', default: '0' }, workload: { type: 'string', default: 'basic' }, json: { type: 'boolean', default: false } } });
  const rows: BenchRow[] = [];
  for (const workload of values.workload === 'all' ? Object.keys(workloads) : values.workload.split(',')) {
    // The first runs only let the compiler see the code.
    for (let i = 0; i < 4; i++) benchmark(workload, 200, 3000, Number(values.percentage));
    for (const nodes of values.nodes.split(',').map(Number)) rows.push(benchmark(workload, nodes, Number(values.pods), Number(values.percentage)));
  }
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  else for (const r of rows) console.log(`${r.workload}, ${r.nodes} nodes, ${r.percentageOfNodesToScore || 'adaptive'} %: ${r.podsPerCpuSecond} pods per CPU second (${r.pods} pods; yardstick ${r.yardstick} M steps/s, ratio ${r.ratio})`);
}
