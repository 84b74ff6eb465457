/** A kubelet put together: node, pods, probes, volumes, images, server. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { type Node, type Pod, type Service } from '@pilothouse/api-schemas/types/core/v1';
import { nodes, pods, services } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, Scope } from '@pilothouse/base';
import { type Client, createEventRecorder, createInformer, type EventRecorder, type InformerFactory } from '@pilothouse/client';
import type { Cri } from './cri/contract.ts';
import { collectImages, nodeImages } from './images/node-images.ts';
import { createImageManager } from './images/manager.ts';
import { createCgroupManager, noCgroups } from './node/cgroups.ts';
import { createHeartbeats } from './node/heartbeats.ts';
import { currentLoad, type MachineFacts, machineFacts } from './node/machine.ts';
import { createNodeAgent, type NodeAgent } from './node/node-agent.ts';
import type { KubeletOptions } from './options.ts';
import { createBackoff } from './pods/backoff.ts';
import type { NodeContext } from './pods/context.ts';
import { rotateLog } from './pods/log-rotation.ts';
import { parseResolvConf } from './pods/network-files.ts';
import { fieldPathOf } from './pods/pod-facts.ts';
import { createPodManager, type PodManager } from './pods/pod-manager.ts';
import { createRuntimeReader } from './pods/runtime-reader.ts';
import { createStatusManager } from './pods/status-manager.ts';
import { createProbeManager } from './probes/manager.ts';
import { followRuntime } from './relist.ts';
import { createVolumeManager } from './volumes/manager.ts';
import { createObjectSources } from './volumes/object-sources.ts';
import { createTokenSource } from './volumes/tokens.ts';
import { startKubeletServer } from './server/server.ts';

export interface StartKubeletOptions {
  client: Client;
  runtime: Runtime;
  cri: Cri;
  nodeName: string;
  options?: KubeletOptions;
  /** Aborting is as `close()`. */
  signal?: AbortSignal;
  /** Shared with other daemons of the process, for services; absent: an own watch. */
  informers?: InformerFactory;
}

export interface Kubelet {
  nodeName: string;
  /** Where the server listens; undefined without one. */
  port: number | undefined;
  pods: PodManager;
  agent: NodeAgent;
  /** Stops; the pods keep running, and the next kubelet of this node takes them over. */
  close(): Promise<void>;
}

const crashBackoff = { initialMs: 10_000, maxMs: 300_000 };
const collectEveryMs = 60_000;
const rotateEveryMs = 10_000;
const imageCollectEveryMs = 5 * 60_000;
const readOr = (path: string, fallback: string) => (path && existsSync(path) ? readFileSync(path, 'utf8') : fallback);

/** Starts it; resolves when the node is registered and its pods are known. */
export async function startKubelet(start: StartKubeletOptions): Promise<Kubelet> {
  const { client, cri, nodeName } = start;
  const options = start.options ?? {};
  const runtime: Runtime = { ...start.runtime, log: start.runtime.log.child({ component: 'kubelet', node: nodeName }) };
  const { clock } = runtime;
  const scope = new Scope('kubelet');
  start.signal?.addEventListener('abort', () => void scope.close(), { once: true });
  const rootDir = options.rootDir ?? '/var/lib/kubelet';
  mkdirSync(rootDir, { recursive: true });

  try {
    const version = await cri.call('Version', {}, { timeoutMs: 30_000 });
    const runtimeVersion = `${version.runtimeName}://${version.runtimeVersion}`;
    let facts: MachineFacts = machineFacts(rootDir);
    const addresses = options.nodeIps?.length ? options.nodeIps : [facts.address];
    let port = 0;

    const agent = createNodeAgent({
      client, runtime, cri,
      inputs: { name: nodeName, facts, addresses, labels: options.nodeLabels ?? {}, taints: options.registerWithTaints ?? [], maxPods: options.maxPods ?? 110, reserved: options.reserved ?? {}, providerId: options.providerId, registerSchedulable: options.registerSchedulable ?? true, capacity: options.extraCapacity },
      port: () => port,
      runtimeVersion: () => runtimeVersion,
      facts: () => (facts = machineFacts(rootDir)),
      load: currentLoad,
      images: () => nodeImages(cri),
      registerNode: options.registerNode ?? true,
    });

    const recorder = createEventRecorder(client, runtime, { component: 'kubelet', host: nodeName });
    scope.own(recorder);
    const context = createNodeContext({ client, runtime, cri, nodeName, agent, addresses, options, rootDir, recorder, runtimeName: version.runtimeName, facts: () => facts, services: () => serviceList() });
    const manager = createPodManager(context);
    podsOf.set(context, manager);
    scope.defer(async () => {
      await context.status.flush();
      context.status.close();
      await context.sources.close();
      context.probes.close();
    });
    scope.own(manager);

    if (options.server !== false) {
      const server = await startKubeletServer({ client, runtime, nodes: () => [{ context, manager }], nodeNames: () => [nodeName], addresses, options: options.server ?? {} });
      scope.own(server);
      port = server.port;
    }
    await agent.register(scope.signal);
    const heartbeats = createHeartbeats({ clock, periodMs: options.heartbeatMs });
    scope.own(heartbeats);
    heartbeats.add(() => agent.beat());

    const background: Promise<unknown>[] = [];
    scope.defer(async () => void (await Promise.allSettled(background)));
    const follow = <T extends { run(signal: AbortSignal): Promise<void> }>(informer: T): T => {
      background.push(informer.run(scope.signal).catch(() => undefined));
      return informer;
    };
    const serviceInformer = start.informers?.informer<Service>(services) ?? follow(createInformer<Service>({ client, runtime, type: services }));
    const serviceList = () => serviceInformer.lister.list();
    const nodeInformer = follow(createInformer<Node>({ client, runtime, type: nodes, fieldSelector: `metadata.name=${nodeName}` }));
    nodeInformer.handle({ add: (n) => agent.observe(n), update: (n) => agent.observe(n) });
    await Promise.all([serviceInformer.whenSynced(scope.signal), nodeInformer.whenSynced(scope.signal)]);

    const podInformer = createInformer<Pod>({ client, runtime, type: pods, fieldSelector: `spec.nodeName=${nodeName}` });
    // The first list is taken oldest pod first, as admission looks at them in that order.
    let initial: Pod[] | undefined = [];
    podInformer.handle({
      add: (pod) => (initial ? initial.push(pod) : manager.upsert(pod)),
      update: (pod) => manager.upsert(pod),
      delete: (pod) => manager.removed(pod),
    });
    follow(podInformer);
    await podInformer.whenSynced(scope.signal);
    const age = (pod: Pod) => pod.metadata.creationTimestamp ?? '';
    for (const pod of initial.splice(0).sort((a, b) => (age(a) < age(b) ? -1 : 1))) manager.upsert(pod);
    initial = undefined;
    await manager.cleanUp().catch((error) => runtime.log.warn('Cleaning up failed', { err: messageOf(error) }));

    background.push(followRuntime({ runtime, cri, reader: context.reader, periodMs: options.relistMs ?? 1000, signal: scope.signal, changed: (uid) => manager.worker(uid)?.wake() }));
    const collect = clock.every(collectEveryMs, () => void manager.collectContainers().then(() => manager.cleanUp()).catch((error) => runtime.log.warn('Collecting garbage failed', { err: messageOf(error) })));
    const collectImagesTimer = clock.every(imageCollectEveryMs, () => void collectImages({ cri, clock, used: () => usedImages(manager), facts: () => machineFacts(rootDir) }).catch((error) => runtime.log.warn('Collecting images failed', { err: messageOf(error) })));
    const rotate = clock.every(rotateEveryMs, () => void rotateLogs(manager, cri, clock.now()).catch((error) => runtime.log.warn('Rotating logs failed', { err: messageOf(error) })));
    scope.defer(() => {
      rotate.cancel();
      collect.cancel();
      collectImagesTimer.cancel();
    });
    runtime.log.info('The kubelet is running', { runtime: runtimeVersion, port });
    return { nodeName, port: port || undefined, pods: manager, agent, close: () => scope.close() };
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
}

/** Managers of contexts, for callbacks that are made before them. */
const podsOf = new WeakMap<NodeContext, PodManager>();

interface ContextInputs {
  client: Client;
  runtime: Runtime;
  cri: Cri;
  nodeName: string;
  agent: NodeAgent;
  addresses: readonly string[];
  options: KubeletOptions;
  rootDir: string;
  recorder: EventRecorder;
  runtimeName: string;
  facts(): MachineFacts;
  services(): readonly Service[];
}

function createNodeContext(inputs: ContextInputs): NodeContext {
  const { client, runtime, cri, agent, options, rootDir, addresses } = inputs;
  const { clock } = runtime;
  const wake = (uid: string) => podsOf.get(context)?.worker(uid)?.wake();
  const podIps = (pod: Pod) => context.status.get(pod.metadata.uid!)?.podIPs?.map((p) => p.ip) ?? pod.status?.podIPs?.map((p) => p.ip) ?? [];
  const sources = createObjectSources({ client, runtime, changed: (uids) => uids.forEach(wake) });
  const tokens = createTokenSource({ client, clock });
  const allocatable = () => (agent.node.status?.allocatable ?? {}) as Record<string, string>;
  const event = eventWriter(inputs.recorder);
  const context: NodeContext = {
    runtime, client, cri,
    nodeName: inputs.nodeName,
    runtimeName: () => inputs.runtimeName,
    reader: createRuntimeReader(cri),
    images: createImageManager({ cri, clock }),
    volumes: createVolumeManager({
      rootDir, client, clock,
      sources: (pod) => ({ ...sources, podIps: podIps(pod), hostIps: addresses, allocatable: allocatable(), serviceAccountToken: (p, request) => tokens.get(p, request), clusterTrustBundle: (source) => readTrustBundle(client, source) }),
    }),
    probes: createProbeManager({ runtime, cri, changed: wake, event: (pod, kind, name, type, reason, message) => event(pod, type, reason, message, { kind, name }), podIp: (uid) => context.status.get(uid)?.podIP ?? podsOf.get(context)?.worker(uid)?.seen.sandboxes[0]?.ips[0] ?? '' }),
    sources,
    status: createStatusManager({ client, runtime }),
    cgroups: options.cgroupRoot === 'none' ? noCgroups : createCgroupManager(),
    crashBackoff: createBackoff(crashBackoff),
    services: inputs.services,
    node: () => agent.node,
    hostIps: () => addresses,
    memoryCapacity: () => inputs.facts().memoryBytes,
    event,
    hostFile: () => readOr('/etc/hosts', '127.0.0.1\tlocalhost\n'),
    hostDns: () => parseResolvConf(readOr(options.resolvConf ?? '/etc/resolv.conf', '')),
    settings: {
      rootDir,
      podLogsDir: options.podLogsDir ?? '/var/log/pods',
      containerLogsDir: options.containerLogsDir ?? '/var/log/containers',
      seccompRoot: `${rootDir}/seccomp`,
      cgroupRoot: options.cgroupRoot === 'none' ? '' : (options.cgroupRoot ?? ''),
      clusterDns: options.clusterDns ?? [],
      clusterDomain: options.clusterDomain ?? 'cluster.local',
      allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
    },
    simulated: false,
  };
  return context;
}

/** Events about a pod, or a container of it. */
export const eventWriter = (recorder: EventRecorder): NodeContext['event'] => (pod, type, reason, message, container) => {
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  recorder.event({ apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion, ...(container && { fieldPath: fieldPathOf(container.kind, container.name) }) }, type, reason, message);
};

async function readTrustBundle(client: Client, source: { name?: string; signerName?: string; labelSelector?: unknown }): Promise<string | undefined> {
  if (!source.name) throw new Error('clusterTrustBundle sources are read by name here; signerName with a label selector needs the beta API');
  const bundle = await client.get<{ metadata: { name: string }; spec: { trustBundle: string } }>({ group: 'certificates.k8s.io', version: 'v1beta1', plural: 'clustertrustbundles', kind: 'ClusterTrustBundle', namespaced: false }, source.name);
  return bundle.spec.trustBundle;
}

async function rotateLogs(manager: PodManager, cri: Cri, nowMs: number): Promise<void> {
  for (const worker of manager.workers()) for (const c of worker.seen.containers) if (c.state === 'running') await rotateLog(c, { cri, nowMs });
}

function usedImages(manager: PodManager): Set<string> {
  const used = new Set<string>();
  for (const worker of manager.workers()) for (const c of worker.seen.containers) used.add(c.imageId).add(c.image);
  return used;
}
