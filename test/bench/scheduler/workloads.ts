/**
 * What the scheduler's loop is measured with: the workloads upstream's figures were taken with (`workloads.json` of the recorded
 * decisions: same nodes, same pods, same counts), and two that change the cluster meanwhile.
 */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';

export interface Workload {
  name: string;
  /** Upstream's loop on the same kind of machine, in pods per CPU-second at 100, 1,000 and 5,000 nodes, where it was measured. */
  upstream?: Readonly<Record<number, number>>;
  /** Pods that run before, by name of their node. */
  initPods(nodes: number): Pod[];
  measured(nodes: number): number;
  pod(index: number): Pod;
  /** After every so many pods bound, a change of the cluster. */
  churnEvery?: number;
}

const padded = (i: number) => String(i).padStart(5, '0');
export const nodeName = (i: number) => `node-${padded(i)}`;

export function benchNode(i: number): Node {
  const amounts = { cpu: '4', 'ephemeral-storage': '100Gi', memory: '32Gi', pods: '110' };
  const labels = { 'kubernetes.io/hostname': nodeName(i), tier: i % 2 ? 'silver' : 'gold', 'topology.kubernetes.io/region': 'region-1', 'topology.kubernetes.io/zone': `zone-${i % 3}` };
  return {
    kind: 'Node', apiVersion: 'v1', metadata: { name: nodeName(i), uid: `node-uid-${i}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels }, spec: {},
    status: { allocatable: amounts, capacity: amounts, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
  };
}

type Spec = Partial<NonNullable<Pod['spec']>>;
interface Template {
  app: string;
  cpu?: string;
  spec?: Spec;
}

/** As a client decodes it: nothing is shared between pods. */
export function benchPod(name: string, { app, cpu = '100m', spec }: Template, nodeName?: string): Pod {
  return JSON.parse(JSON.stringify({
    kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app } },
    spec: {
      containers: [{ name: 'c', image: 'registry.example/app:v1', resources: { requests: { cpu, memory: '500Mi' } }, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent' }],
      restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler', priority: 0, enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', ...(nodeName && { nodeName }), ...spec,
    },
    status: { phase: nodeName ? 'Running' : 'Pending', qosClass: 'Burstable', ...(nodeName && { startTime: '2026-01-01T00:00:00Z' }) },
  }));
}

const inTerm = (key: string, value: string) => ({ matchExpressions: [{ key, operator: 'In', values: [value] }] });
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

function plain(name: string, template: Template, upstream: Workload['upstream'], more: Partial<Workload> = {}): Workload {
  return {
    name, upstream,
    initPods: (nodes) => range(nodes).map((i) => benchPod(`init-${padded(i)}`, template, nodeName(i))),
    measured: () => 1000,
    pod: (i) => benchPod(`pod-${padded(i)}`, template),
    ...more,
  };
}

const anti: Template = { app: 'anti', spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'anti' } }, topologyKey: 'kubernetes.io/hostname' }] } } } };

export const workloads: readonly Workload[] = [
  plain('basic', { app: 'basic' }, { 100: 2461, 1000: 757, 5000: 527 }),
  plain('preferred-node-affinity', { app: 'pref', spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: inTerm('tier', 'gold') }, { weight: 5, preference: inTerm('topology.kubernetes.io/zone', 'zone-1') }] } } } }, { 100: 2050, 1000: 548, 5000: 410 }),
  plain('topology-spread-zone', { app: 'spread', spec: { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'spread' } } }] } }, { 100: 1710, 1000: 456, 5000: 233 }),
  plain('pod-anti-affinity', anti, { 100: 1979, 1000: 277, 5000: 107 }, {
    initPods: (nodes) => range(Math.ceil(nodes / 2)).map((i) => benchPod(`init-${padded(i)}`, anti, nodeName(2 * i))),
    measured: (nodes) => Math.min(1000, nodes / 2),
  }),
  // Every node is full of four pods of priority 0; each pod evicts three of them.
  plain('preemption', { app: 'urgent', cpu: '3', spec: { priority: 100 } }, undefined, {
    initPods: (nodes) => range(nodes * 4).map((i) => benchPod(`init-${padded(i)}`, { app: 'low', cpu: '900m' }, nodeName(Math.floor(i / 4)))),
    measured: (nodes) => Math.min(500, nodes),
  }),
  // Basic pods; after every tenth a node goes and comes back, and a pod that fits nowhere and asks for priority comes and goes.
  plain('mixed-churn', { app: 'basic' }, undefined, { churnEvery: 10 }),
];

/** Fits on no node, whoever is evicted. */
export const hugePod = (i: number): Pod => benchPod(`huge-${padded(i)}`, { app: 'huge', cpu: '9', spec: { priority: 10 } });
