/**
 * Hollow nodes: full kubelets over simulated runtimes, many in one process. They share one watch of pods, one timer of
 * heartbeats and one server; an idle node or pod costs no timer.
 */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, isNotFound, pods, secrets, services } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, Scope } from '@pilothouse/base';
import { type Client, createEventRecorder, createInformer, type EventRecorder } from '@pilothouse/client';
import { createSimulatedRuntime, type SimulatedOptions, type SimulatedRuntime } from './cri/simulated/runtime.ts';
import { createImageManager } from './images/manager.ts';
import { goArch } from './images/oci-archive.ts';
import { eventWriter } from './kubelet.ts';
import { noCgroups } from './node/cgroups.ts';
import { createHeartbeats } from './node/heartbeats.ts';
import type { Load, MachineFacts } from './node/machine.ts';
import { createNodeAgent, type NodeAgent } from './node/node-agent.ts';
import type { KubeletServerOptions } from './options.ts';
import { createBackoff } from './pods/backoff.ts';
import type { NodeContext } from './pods/context.ts';
import { unitsOf } from './pods/quantity.ts';
import { createPodManager, type PodManager } from './pods/pod-manager.ts';
import { createRuntimeReader } from './pods/runtime-reader.ts';
import { createStatusManager } from './pods/status-manager.ts';
import { passingProbes } from './probes/manager.ts';
import { startKubeletServer } from './server/server.ts';
import { createUsageMeter, loadAnnotation } from './server/simulated-usage.ts';
import { noVolumes } from './volumes/manager.ts';
import type { ObjectSources } from './volumes/object-sources.ts';

export interface HollowCapacity {
  cpu?: number;
  memory?: string;
  pods?: number;
  extra?: Record<string, string>;
}

export interface HollowNodesOptions {
  client: Client;
  runtime: Runtime;
  count: number;
  /** Names are `<prefix>0`…; default `hollow-node-`. */
  prefix?: string;
  /** Their names, in place of prefix and number. */
  names?: readonly string[];
  labels?(index: number): Record<string, string>;
  taints?(index: number): { key: string; value?: string; effect: string }[];
  /** Default 4 cores, 16Gi, 110 pods. */
  capacity?: HollowCapacity | ((index: number) => HollowCapacity);
  simulated?: Omit<SimulatedOptions, 'clock' | 'random'>;
  /** Default on 127.0.0.1 at any port; false: none, so neither logs nor exec. */
  server?: KubeletServerOptions | false;
  /** Default 10 s. */
  heartbeatMs?: number;
  /** What pods are told of DNS; the defaults say nothing answers there. */
  clusterDns?: readonly string[];
  clusterDomain?: string;
  signal?: AbortSignal;
}

export interface HollowNode {
  name: string;
  agent: NodeAgent;
  context: NodeContext;
  manager: PodManager;
  runtime: SimulatedRuntime;
}

export interface HollowNodes {
  nodes: readonly HollowNode[];
  port: number | undefined;
  /** Ends the kubelets; Nodes and pods stay in the API. */
  close(): Promise<void>;
}

const mostRegistering = 32;
const plenty: Load = { memoryAvailableBytes: Number.MAX_SAFE_INTEGER, pidsFree: Number.MAX_SAFE_INTEGER };

/** Starts them; resolves when all are registered and their pods are known. */
export async function startHollowNodes(options: HollowNodesOptions): Promise<HollowNodes> {
  const { client, runtime, prefix = 'hollow-node-' } = options;
  const scope = new Scope('hollow-nodes');
  options.signal?.addEventListener('abort', () => void scope.close(), { once: true });
  let port = 0;
  const nodes: HollowNode[] = [];
  const byName = new Map<string, HollowNode>();
  const sources = plainSources(client);

  try {
    for (let i = 0; i < options.count; i++) {
      const node = createHollowNode(options, { name: options.names?.[i] ?? `${prefix}${i}`, index: i, sources, scope, port: () => port });
      nodes.push(node);
      byName.set(node.name, node);
    }
    if (options.server !== false && nodes.length) {
      // Read when somebody measures, which is a few times a minute.
      const loaded = async () => (await client.list(services)).items.filter(({ metadata }) => metadata.annotations?.[loadAnnotation]);
      const simulated = { services: loaded, meter: createUsageMeter(() => runtime.clock.now()) };
      const server = await startKubeletServer({ simulated, client, runtime, nodes: () => nodes, nodeNames: () => nodes.map((n) => n.name), addresses: ['127.0.0.1'], options: { address: '127.0.0.1', port: 0, ...options.server } });
      scope.own(server);
      port = server.port;
    }
    const waiting = [...nodes];
    await Promise.all(Array.from({ length: Math.min(mostRegistering, waiting.length) }, async () => {
      for (let node = waiting.shift(); node; node = waiting.shift()) await node.agent.register(scope.signal);
    }));
    const heartbeats = createHeartbeats({ clock: runtime.clock, periodMs: options.heartbeatMs });
    scope.own(heartbeats);
    for (const node of nodes) heartbeats.add(() => node.agent.beat());

    const informer = createInformer<Pod>({ client, runtime, type: pods, fieldSelector: 'spec.nodeName!=' });
    const managerOf = (pod: Pod) => byName.get(pod.spec?.nodeName ?? '')?.manager;
    informer.handle({ add: (pod) => managerOf(pod)?.upsert(pod), update: (pod) => managerOf(pod)?.upsert(pod), delete: (pod) => managerOf(pod)?.removed(pod) });
    const following = informer.run(scope.signal).catch((error) => runtime.log.warn('Following pods failed', { err: messageOf(error) }));
    scope.defer(() => following);
    await informer.whenSynced(scope.signal);
    return { nodes, port: port || undefined, close: () => scope.close() };
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
}

interface Place {
  name: string;
  index: number;
  sources: ObjectSources;
  scope: Scope;
  port(): number;
}

function createHollowNode(options: HollowNodesOptions, { name, index, sources, scope, port }: Place): HollowNode {
  const { client } = options;
  const runtime: Runtime = options.runtime;
  const { clock } = runtime;
  const cri = createSimulatedRuntime({ clock, random: runtime.random.fork(`hollow/${name}`), podIp: (n) => `10.${128 + (Math.floor(index / 250) % 64)}.${index % 250}.${(n % 250) + 2}`, ...options.simulated });
  scope.own(cri);
  const capacity = (typeof options.capacity === 'function' ? options.capacity(index) : options.capacity) ?? {};
  const facts = hollowFacts(name, capacity);
  const agent = createNodeAgent({
    client, runtime, cri,
    inputs: { name, facts, addresses: ['127.0.0.1'], labels: options.labels?.(index) ?? {}, taints: options.taints?.(index) ?? [], maxPods: capacity.pods ?? 110, reserved: {}, registerSchedulable: true, capacity: capacity.extra },
    port,
    runtimeVersion: () => 'simulated://1.0.0',
    facts: () => facts,
    load: () => plenty,
    images: async () => [],
    registerNode: true,
  });
  // Most nodes of many have nothing to tell.
  let recorder: EventRecorder | undefined;
  const record: EventRecorder = {
    event(...args) {
      recorder ??= scope.own(createEventRecorder(client, runtime, { component: 'kubelet', host: name }));
      recorder.event(...args);
    },
    flush: async () => recorder?.flush(),
  };
  const context: NodeContext = {
    runtime, client, cri,
    nodeName: name,
    runtimeName: () => 'simulated',
    reader: createRuntimeReader(cri),
    images: createImageManager({ cri, clock }),
    volumes: noVolumes,
    probes: passingProbes,
    sources,
    status: createStatusManager({ client, runtime }),
    cgroups: noCgroups,
    crashBackoff: createBackoff({ initialMs: 10_000, maxMs: 300_000 }),
    services: () => [],
    node: () => agent.node,
    hostIps: () => ['127.0.0.1'],
    memoryCapacity: () => facts.memoryBytes,
    event: eventWriter(record),
    hostFile: () => '',
    hostDns: () => ({ servers: [], searches: [], options: [] }),
    settings: { rootDir: '/simulated', podLogsDir: '/simulated/logs', containerLogsDir: '', seccompRoot: '/simulated/seccomp', cgroupRoot: '', clusterDns: options.clusterDns ?? [], clusterDomain: options.clusterDomain ?? 'cluster.local', allowedUnsafeSysctls: [] },
    simulated: true,
  };
  const manager = createPodManager(context);
  scope.defer(async () => {
    await manager.close();
    context.status.close();
  });
  void cri.watchEvents((event) => manager.worker(event.podSandboxStatus?.metadata?.uid ?? '')?.wake(), scope.signal);
  return { name, agent, context, manager, runtime: cri };
}

function hollowFacts(name: string, capacity: HollowCapacity): MachineFacts {
  const storageBytes = 256 * 2 ** 30;
  return { cpus: capacity.cpu ?? 4, memoryBytes: unitsOf(capacity.memory ?? '16Gi'), storageBytes, storageFreeBytes: storageBytes, hugepages: {}, machineID: name, systemUUID: name, bootID: name, kernelVersion: '6.0.0', osImage: 'Hollow', architecture: goArch(process.arch), hostname: name, address: '127.0.0.1' };
}

/** Read when needed: nothing of a hollow pod follows changes. */
const plainSources = (client: Client): ObjectSources => ({
  register: () => undefined,
  unregister: () => undefined,
  configMap: (namespace, name) => client.get(configMaps, name, { namespace }),
  secret: (namespace, name) => client.get(secrets, name, { namespace }),
  isNotFound,
  close: async () => undefined,
});
