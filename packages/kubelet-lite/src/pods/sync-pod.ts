/** Carries out one round of decisions for a pod that is to run. */
import type { Pod, ResourceRequirements, Secret } from '@pilothouse/api-schemas/types/core/v1';
import { isAbort, messageOf } from '@pilothouse/base';
import { type Draft, isNotFound, type PodSandboxConfig } from '../cri/contract.ts';
import { VolumeError } from '../volumes/manager.ts';
import { mkdirSync } from 'node:fs';
import { computePodActions, type PodActions } from './actions.ts';
import { resizeStep } from './allocation.ts';
import type { WaitingReason } from './api-status.ts';
import { formatGoSeconds } from './backoff.ts';
import type { NodeContext } from './context.ts';
import { killContainer, killPod } from './kill-pod.ts';
import { dnsOf, hostnameOf } from './network-files.ts';
import { type AnyContainer, type ContainerKind, containerHash, containersOf, formatPod, isSidecar } from './pod-facts.ts';
import { linuxResources } from './resources.ts';
import { newestContainer, type RuntimePod } from './runtime-pod.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { startContainer } from './start-container.ts';

/** What a worker remembers between rounds. */
export interface SyncMemory {
  /** Restart counts of containers that were removed to be started anew. */
  restarted: Map<string, number>;
}
export const createSyncMemory = (): SyncMemory => ({ restarted: new Map() });

export interface SyncRequest {
  pod: Pod;
  seen: RuntimePod;
  reasons: Map<string, WaitingReason>;
  memory: SyncMemory;
  given: Map<string, ResourceRequirements | undefined>;
  cgroupParent: string;
  signal: AbortSignal;
  look(): Promise<RuntimePod>;
}

export interface SyncOutcome {
  /** Look again after this time. */
  retryMs?: number;
  /** Look again at once. */
  again?: boolean;
  /** Nothing is left to run. */
  podDone?: boolean;
}

/** A sandbox that cannot be made is tried again after this. */
const sandboxRetryMs = 2000;

export async function syncPod(context: NodeContext, request: SyncRequest): Promise<SyncOutcome> {
  const { pod, given, memory, reasons } = request;
  const actions = computePodActions({
    pod,
    runtime: request.seen,
    probe: (kind, id) => (context.simulated ? 'success' : context.probes.result(kind, id)),
    resizeOf: (container) => (given.has(container.name) ? resizeStep(container, given.get(container.name)) : 'none'),
  });
  if (actions.restartAll) return restartAll(context, request);
  if (actions.killPod && !actions.createSandbox) return { podDone: true };

  if (actions.createSandbox && actions.sandboxId) {
    context.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    await killPod(context, { pod, runtimePod: request.seen });
  } else {
    for (const kill of actions.kill) {
      const status = request.seen.containers.find((c) => c.id === kill.id)!;
      await killContainer(context, { pod, container: kill.container, status, reason: kill.reason, message: kill.message, podIp: request.seen.sandboxes[0]?.ips[0] ?? '' });
    }
  }
  for (const { container, id } of actions.resize) {
    await context.cri.call('UpdateContainerResources', { containerId: id, linux: linuxResources(pod, container, { memoryCapacity: context.memoryCapacity() }) });
    given.set(container.name, container.resources);
  }
  const toStart = actions.startEphemeral.length + actions.startInit.length + actions.startRegular.length;
  if (!actions.createSandbox && !toStart && !hasVolumes(pod)) return {};

  const outcome: SyncOutcome = {};
  const volumes = await mountVolumes(context, request);
  if (!actions.createSandbox && !toStart) return outcome;
  // The rest needs the state that the kills left.
  const runtimePod = actions.kill.length || actions.sandboxId ? await request.look() : request.seen;
  request.signal.throwIfAborted();

  const { hostname } = hostnameOf(pod, context.settings.clusterDomain);
  const dns = dnsOf(pod, { clusterDns: context.settings.clusterDns, clusterDomain: context.settings.clusterDomain, host: context.hostDns(), warn: (reason, message) => context.event(pod, 'Warning', reason, message) });
  const config = sandboxConfig({ pod, attempt: actions.attempt, hostname, dns, logRoot: context.settings.podLogsDir, cgroupParent: request.cgroupParent, seccompRoot: context.settings.seccompRoot });
  const sandbox = await sandboxFor(context, request, actions, config);
  if ('retryMs' in sandbox) return sandbox;

  const pullSecrets = await readPullSecrets(context, pod);
  const start = async (container: AnyContainer, kind: ContainerKind): Promise<boolean> => {
    request.signal.throwIfAborted();
    const waiting = kind === 'ephemeral' ? undefined : inBackOff(context, pod, container, kind, runtimePod);
    if (waiting) {
      reasons.set(container.name, waiting);
      outcome.retryMs = Math.min(outcome.retryMs ?? Number.POSITIVE_INFINITY, waiting.retryMs);
      return false;
    }
    const last = newestContainer(runtimePod, container.name);
    const restartCount = last ? last.restartCount + 1 : (memory.restarted.get(container.name) ?? -1) + 1;
    const failure = await startContainer(context, { pod, container, kind, restartCount, sandboxId: sandbox.id, sandboxConfig: config, podIps: sandbox.ips, runtimePod, volumes, pullSecrets, signal: request.signal });
    if (!failure) {
      reasons.delete(container.name);
      memory.restarted.delete(container.name);
      given.set(container.name, container.resources);
      return true;
    }
    reasons.set(container.name, { reason: failure.reason, message: failure.message });
    // What ran and ended on the way is seen at the next look; the rest is tried again.
    const retryMs = failure.retryMs ?? configRetryMs;
    outcome.retryMs = Math.min(outcome.retryMs ?? Number.POSITIVE_INFINITY, retryMs);
    return false;
  };

  for (const i of actions.startEphemeral) await start(pod.spec!.ephemeralContainers![i] as AnyContainer, 'ephemeral');
  for (const i of actions.startInit) {
    const container = pod.spec!.initContainers![i];
    if (!(await start(container, 'init')) && !isSidecar(container)) return outcome;
    // A sidecar that runs lets the next one begin.
    if (isSidecar(container) && !container.startupProbe) outcome.again = true;
  }
  for (const i of actions.startRegular) await start(pod.spec!.containers[i], 'regular');
  return outcome;
}

const configRetryMs = 2000;
const hasVolumes = (pod: Pod) => (pod.spec?.volumes?.length ?? 0) > 0;

async function mountVolumes(context: NodeContext, { pod }: SyncRequest) {
  try {
    if (!context.simulated) mkdirSync(context.volumes.podDir(pod.metadata.uid!), { recursive: true });
    return await context.volumes.mount(pod);
  } catch (error) {
    if (error instanceof VolumeError) context.event(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed for volume ${JSON.stringify(error.volume)} : ${error.message}`);
    throw error;
  }
}

async function sandboxFor(context: NodeContext, { pod, seen }: SyncRequest, actions: PodActions, config: Draft<PodSandboxConfig>): Promise<{ id: string; ips: string[] } | { retryMs: number }> {
  if (!actions.createSandbox) {
    const sandbox = seen.sandboxes[0];
    return { id: sandbox.id, ips: pod.spec?.hostNetwork ? [...context.hostIps()] : sandbox.ips };
  }
  try {
    if (!context.simulated) mkdirSync(config.logDirectory!, { recursive: true });
    const { podSandboxId } = await context.cri.call('RunPodSandbox', { config, runtimeHandler: '' }, { timeoutMs: 240_000 });
    const { status } = await context.cri.call('PodSandboxStatus', { podSandboxId });
    const ips = status?.network?.ip ? [status.network.ip, ...status.network.additionalIps.map((a) => a.ip)] : [];
    return { id: podSandboxId, ips: pod.spec?.hostNetwork ? [...context.hostIps()] : ips };
  } catch (error) {
    if (isAbort(error)) throw error;
    context.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
    return { retryMs: sandboxRetryMs };
  }
}

/** The wait of a container that ends again and again. */
function inBackOff(context: NodeContext, pod: Pod, container: AnyContainer, kind: ContainerKind, runtimePod: RuntimePod): (WaitingReason & { retryMs: number }) | undefined {
  const last = newestContainer(runtimePod, container.name);
  if (last?.state !== 'exited') return undefined;
  const { clock } = context.runtime;
  const key = `${pod.metadata.uid}_${container.name}_${containerHash(container)}`;
  const retryMs = context.crashBackoff.remainingMs(key, last.finishedAtMs, clock.now());
  if (retryMs <= 0) {
    context.crashBackoff.next(key, last.finishedAtMs, clock.now());
    return undefined;
  }
  context.event(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${formatPod(pod)}`, { kind, name: container.name });
  return { reason: 'CrashLoopBackOff', message: `back-off ${formatGoSeconds(Math.round(context.crashBackoff.delayMs(key) / 1000))} restarting failed container=${container.name} pod=${formatPod(pod)}`, retryMs };
}

async function readPullSecrets(context: NodeContext, pod: Pod): Promise<Secret[]> {
  const found: Secret[] = [];
  const missing: string[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    try {
      found.push(await context.sources.secret(pod.metadata.namespace!, name!));
    } catch {
      missing.push(name!);
    }
  }
  if (missing.length) context.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`);
  return found;
}

/** Ends and removes every container of the pod; the sandbox and the volumes stay. The next round starts from the first. */
async function restartAll(context: NodeContext, { pod, seen, memory, reasons }: SyncRequest): Promise<SyncOutcome> {
  const podIp = seen.sandboxes[0]?.ips[0] ?? '';
  await Promise.all(seen.containers.filter((c) => c.state === 'running').map((status) => killContainer(context, { pod, container: [...containersOf(pod)].find((c) => c.container.name === status.name)?.container, status, reason: 'restart-all', message: `Stopping container ${status.name} because RestartAllContainers action triggered`, podIp })));
  for (const { container } of containersOf(pod)) {
    const last = newestContainer(seen, container.name);
    if (last) memory.restarted.set(container.name, Math.max(last.restartCount, memory.restarted.get(container.name) ?? 0));
  }
  for (const { id } of seen.containers) {
    await context.cri.call('RemoveContainer', { containerId: id }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
  reasons.clear();
  return { again: true };
}
