/** Usage of the node and its pods: `/stats/summary` and `/metrics/resource`. */
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { formatTime } from '@pilothouse/base';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { NodeContext } from '../pods/context.ts';
import type { PodManager } from '../pods/pod-manager.ts';
import { labelKeys } from '../pods/sandbox-config.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { ServedNode } from './server.ts';
import { type Amounts, containerUse, sharedLoads, type UsageMeter } from './simulated-usage.ts';

/** Where the use of simulated containers comes from. */
export interface SimulatedUsage {
  /** Those whose load pods share. */
  services(): Promise<readonly Service[]>;
  meter: UsageMeter;
}

interface Usage {
  time: string;
  usageCoreNanoSeconds: number;
  usageNanoCores: number;
  workingSetBytes: number;
  usageBytes: number;
  rssBytes: number;
}

/** Last cpu reading, by container id or `node`: usage per second comes from two. */
const lastCpu = new Map<string, { ns: number; atMs: number; rate: number }>();

function rateOf(key: string, ns: number, nowMs: number): number {
  const last = lastCpu.get(key);
  if (last && nowMs - last.atMs < 1000) return last.rate;
  const rate = last && ns >= last.ns ? Math.round(((ns - last.ns) * 1000) / (nowMs - last.atMs)) : 0;
  lastCpu.set(key, { ns, atMs: nowMs, rate });
  return rate;
}

function nodeUsage(nowMs: number): Usage {
  const ns = os.cpus().reduce((sum, c) => sum + c.times.user + c.times.nice + c.times.sys + c.times.irq, 0) * 1e6;
  const info = existsSync('/proc/meminfo') ? readFileSync('/proc/meminfo', 'utf8') : '';
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(info)?.[1] ?? 0) * 1024;
  const total = kb('MemTotal') || os.totalmem();
  return { time: formatTime(nowMs), usageCoreNanoSeconds: ns, usageNanoCores: rateOf('node', ns, nowMs), workingSetBytes: total - (kb('MemAvailable') || os.freemem()), usageBytes: total - kb('MemFree'), rssBytes: kb('AnonPages') };
}

interface ContainerUsage {
  namespace: string;
  pod: string;
  uid: string;
  container: string;
  usage: Usage;
  startMs: number;
}

/** Of the running containers of nodes, by node. */
async function containerUsages(nodes: readonly ServedNode[], simulated: SimulatedUsage | undefined): Promise<ContainerUsage[][]> {
  const made = nodes.map(({ context, manager }) => (context.simulated ? [...manager.workers()].filter((worker) => isRunning(worker)) : []));
  const running = made.flat().map(({ pod }) => pod);
  const loads = simulated && running.length ? sharedLoads(await simulated.services(), running) : new Map<string, Amounts>();
  simulated?.meter.sweep();
  return Promise.all(nodes.map(({ context, manager }, i) => (context.simulated ? made[i].flatMap((worker) => simulatedUsages(context, worker, simulated, loads.get(worker.pod.metadata.uid!))) : measuredUsages(context, manager))));
}

const isRunning = (worker: PodWorker): boolean => worker.seen.containers.some((c) => c.state === 'running');

function simulatedUsages(context: NodeContext, { pod, seen }: PodWorker, simulated: SimulatedUsage | undefined, load: Amounts | undefined): ContainerUsage[] {
  const nowMs = context.runtime.clock.now();
  const containers = seen.containers.filter((c) => c.state === 'running');
  return containers.map(({ id, name, startedAtMs }) => {
    const spec = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((c) => c.name === name);
    const { cpuMilli, memoryBytes } = containerUse(pod, spec, { count: containers.length, load });
    const usage: Usage = { time: formatTime(nowMs), usageCoreNanoSeconds: simulated?.meter.read(id, cpuMilli, startedAtMs) ?? 0, usageNanoCores: cpuMilli * 1e6, workingSetBytes: memoryBytes, usageBytes: memoryBytes, rssBytes: memoryBytes };
    return { namespace: pod.metadata.namespace!, pod: pod.metadata.name!, uid: pod.metadata.uid!, container: name, usage, startMs: startedAtMs };
  });
}

async function measuredUsages(context: NodeContext, manager: PodManager): Promise<ContainerUsage[]> {
  const { stats } = await context.cri.call('ListContainerStats', {}).catch(() => ({ stats: [] }));
  const nowMs = context.runtime.clock.now();
  return stats.flatMap((s) => {
    const labels = s.attributes?.labels ?? {};
    const uid = labels[labelKeys.podUid];
    const worker = uid ? manager.worker(uid) : undefined;
    const seen = worker?.seen.containers.find((c) => c.id === s.attributes?.id);
    if (!worker || seen?.state !== 'running') return [];
    const ns = s.cpu?.usageCoreNanoSeconds?.value ?? 0;
    const workingSetBytes = s.memory?.workingSetBytes?.value ?? 0;
    return [{ namespace: labels[labelKeys.podNamespace], pod: labels[labelKeys.podName], uid, container: labels[labelKeys.containerName], startMs: seen.startedAtMs, usage: { time: formatTime(nowMs), usageCoreNanoSeconds: ns, usageNanoCores: s.cpu?.usageNanoCores?.value || rateOf(seen.id, ns, nowMs), workingSetBytes, usageBytes: s.memory?.usageBytes?.value || workingSetBytes, rssBytes: s.memory?.rssBytes?.value ?? 0 } }];
  });
}

const cpuOf = (u: Usage) => ({ time: u.time, usageNanoCores: u.usageNanoCores, usageCoreNanoSeconds: u.usageCoreNanoSeconds });
const memoryOf = (u: Usage) => ({ time: u.time, usageBytes: u.usageBytes, workingSetBytes: u.workingSetBytes, rssBytes: u.rssBytes });

function sum(usages: readonly Usage[], time: string): Usage {
  const total: Usage = { time, usageCoreNanoSeconds: 0, usageNanoCores: 0, workingSetBytes: 0, usageBytes: 0, rssBytes: 0 };
  for (const u of usages) for (const key of ['usageCoreNanoSeconds', 'usageNanoCores', 'workingSetBytes', 'usageBytes', 'rssBytes'] as const) total[key] += u[key];
  return total;
}

/** stats/v1alpha1 Summary of one of the nodes, by default the first. */
export async function statsSummary(nodes: readonly ServedNode[], simulated?: SimulatedUsage, at = 0): Promise<object> {
  const { context } = nodes[at];
  const nowMs = context.runtime.clock.now();
  const containers = (await containerUsages(nodes, simulated))[at];
  const node = context.simulated ? sum(containers.map((c) => c.usage), formatTime(nowMs)) : nodeUsage(nowMs);
  const byPod = Map.groupBy(containers, (c) => c.uid);
  return {
    node: { nodeName: context.nodeName, startTime: formatTime(nowMs - os.uptime() * 1000), cpu: cpuOf(node), memory: { ...memoryOf(node), availableBytes: os.totalmem() - node.workingSetBytes } },
    pods: [...byPod.values()].map((containers) => {
      const total = sum(containers.map((c) => c.usage), node.time);
      return {
        podRef: { name: containers[0].pod, namespace: containers[0].namespace, uid: containers[0].uid },
        startTime: formatTime(Math.min(...containers.map((c) => c.startMs))),
        containers: containers.map((c) => ({ name: c.container, startTime: formatTime(c.startMs), cpu: cpuOf(c.usage), memory: memoryOf(c.usage) })),
        cpu: cpuOf(total),
        memory: memoryOf(total),
      };
    }),
  };
}

/**
 * Prometheus text of `/metrics/resource`, which metrics servers read. Hollow nodes share one server, so it answers for
 * all of them, and the series of a node carry its name (`node`); a real node's have no label, as upstream's.
 */
export async function resourceMetrics(nodes: readonly ServedNode[], simulated?: SimulatedUsage): Promise<string> {
  const nowMs = nodes[0].context.runtime.clock.now();
  const usages = await containerUsages(nodes, simulated);
  const containers = usages.flat();
  const nodeUsages = nodes.map(({ context }, i): [labels: string, usage: Usage] => (context.simulated ? [`{node="${context.nodeName}"}`, sum(usages[i].map((c) => c.usage), '')] : ['', nodeUsage(nowMs)]));
  const byPod = [...Map.groupBy(containers, (c) => c.uid).values()];
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: [labels: string, value: number][]) => {
    lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([labels, value]) => `${name}${labels} ${value} ${nowMs}`));
  };
  const label = (c: ContainerUsage) => `{container="${c.container}",namespace="${c.namespace}",pod="${c.pod}"}`;
  const podLabel = (list: ContainerUsage[]) => `{namespace="${list[0].namespace}",pod="${list[0].pod}"}`;
  family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', containers.map((c) => [label(c), c.usage.usageCoreNanoSeconds / 1e9]));
  family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', containers.map((c) => [label(c), c.usage.workingSetBytes]));
  family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', containers.map((c) => [label(c), c.startMs / 1000]));
  family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', nodeUsages.map(([labels, usage]) => [labels, usage.usageCoreNanoSeconds / 1e9]));
  family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', nodeUsages.map(([labels, usage]) => [labels, usage.workingSetBytes]));
  family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', byPod.map((list) => [podLabel(list), sum(list.map((c) => c.usage), '').usageCoreNanoSeconds / 1e9]));
  family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', byPod.map((list) => [podLabel(list), sum(list.map((c) => c.usage), '').workingSetBytes]));
  family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [['', 0]]);
  return `${lines.join('\n')}\n`;
}

/** Prometheus text of `/metrics`: what the kubelet itself does. */
export function kubeletMetrics(manager: PodManager): string {
  let running = 0;
  const states: Record<string, number> = { created: 0, running: 0, exited: 0, unknown: 0 };
  let sandboxes = 0;
  for (const worker of manager.workers()) {
    running++;
    if (worker.seen.sandboxes.some((s) => s.ready)) sandboxes++;
    for (const c of worker.seen.containers) states[c.state]++;
  }
  const memory = process.memoryUsage();
  return [
    '# HELP kubelet_desired_pods [ALPHA] The number of pods the kubelet is being instructed to run.', '# TYPE kubelet_desired_pods gauge', `kubelet_desired_pods{static=""} ${running}`,
    '# HELP kubelet_running_pods [BETA] Number of pods that have a running pod sandbox', '# TYPE kubelet_running_pods gauge', `kubelet_running_pods ${sandboxes}`,
    '# HELP kubelet_running_containers [BETA] Number of containers currently running', '# TYPE kubelet_running_containers gauge', ...Object.entries(states).map(([state, n]) => `kubelet_running_containers{container_state="${state}"} ${n}`),
    '# HELP process_resident_memory_bytes Resident memory size in bytes.', '# TYPE process_resident_memory_bytes gauge', `process_resident_memory_bytes ${memory.rss}`,
    '',
  ].join('\n');
}
