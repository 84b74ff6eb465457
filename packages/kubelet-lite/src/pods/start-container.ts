/** Starts one container: image, configuration, creation, start, postStart; each failure by upstream's reason. */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod, Secret } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf } from '@pilothouse/base';
import { CriError, type Draft, type PodSandboxConfig } from '../cri/contract.ts';
import { makeMounts } from '../volumes/container-mounts.ts';
import type { MountedVolume } from '../volumes/manager.ts';
import type { WaitingReason } from './api-status.ts';
import { containerConfig } from './container-config.ts';
import type { NodeContext } from './context.ts';
import { makeEnvironment } from './environment.ts';
import { runHook } from './hooks.ts';
import { killContainer } from './kill-pod.ts';
import { hostnameOf, hostsFile } from './network-files.ts';
import type { AnyContainer, ContainerKind } from './pod-facts.ts';
import type { RuntimePod } from './runtime-pod.ts';
import { newestContainer } from './runtime-pod.ts';
import { nonRootProblem } from './security.ts';

export interface StartRequest {
  pod: Pod;
  container: AnyContainer;
  kind: ContainerKind;
  restartCount: number;
  sandboxId: string;
  sandboxConfig: Draft<PodSandboxConfig>;
  podIps: readonly string[];
  runtimePod: RuntimePod;
  volumes: ReadonlyMap<string, MountedVolume>;
  pullSecrets: readonly Secret[];
  signal: AbortSignal;
}

/** Undefined: it runs. */
export type StartFailure = WaitingReason & { retryMs?: number };

/** What the runtime says, without Go's wrapping: as the upstream kubelet shows it in container states. */
const grpcText = (error: unknown) => (error instanceof CriError ? error.desc : messageOf(error));

export async function startContainer(context: NodeContext, request: StartRequest): Promise<StartFailure | undefined> {
  const { cri, runtime } = context;
  const { pod, container, kind, sandboxConfig, podIps } = request;
  const about = { kind, name: container.name };
  const event = (type: 'Normal' | 'Warning', reason: string, message: string) => context.event(pod, type, reason, message, about);
  const failed = (reason: string, message: string): StartFailure => {
    event('Warning', 'Failed', `Error: ${message}`);
    return { reason, message };
  };

  const image = await context.images.ensure({ image: container.image ?? '', policy: container.imagePullPolicy ?? 'IfNotPresent', podUid: pod.metadata.uid!, secrets: request.pullSecrets, sandboxConfig, signal: request.signal, event });
  if ('reason' in image) {
    event('Warning', 'Failed', `Error: ${image.reason}`);
    return image;
  }

  let config: ReturnType<typeof containerConfig>;
  try {
    const problem = nonRootProblem(pod, container, image.user);
    if (problem) throw new Error(problem);
    config = await configure(context, request, image);
  } catch (error) {
    return failed('CreateContainerConfigError', messageOf(error));
  }

  let id: string;
  try {
    ({ containerId: id } = await cri.call('CreateContainer', { podSandboxId: request.sandboxId, config, sandboxConfig }));
  } catch (error) {
    return failed('CreateContainerError', grpcText(error));
  }
  event('Normal', 'Created', 'Container created');
  try {
    await cri.call('StartContainer', { containerId: id });
  } catch (error) {
    return failed('RunContainerError', grpcText(error));
  }
  event('Normal', 'Started', 'Container started');
  linkLog(context, pod, container.name, id, join(sandboxConfig.logDirectory!, config.logPath!));

  const postStart = container.lifecycle?.postStart;
  if (!postStart) return undefined;
  try {
    await runHook(postStart, { cri, clock: runtime.clock, container, containerId: id, podIp: podIps[0] ?? '', signal: request.signal });
    return undefined;
  } catch (error) {
    if (request.signal.aborted) throw error;
    runtime.log.warn('PostStart hook failed', { pod: pod.metadata.name, container: container.name, err: messageOf(error) });
    event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await killContainer(context, { pod, container, status: { id, name: container.name }, reason: '', message: 'FailedPostStartHook', podIp: podIps[0] ?? '' });
    return { reason: 'PostStartHookError', message: 'PostStartHook failed' };
  }
}

async function configure(context: NodeContext, { pod, container, restartCount, podIps, volumes, runtimePod, sandboxConfig }: StartRequest, image: { imageRef: string; user: { uid?: number; username: string } }) {
  const { settings, sources } = context;
  const env = await makeEnvironment({
    pod, container, podIps,
    hostIps: context.hostIps(),
    services: context.services(),
    allocatable: (context.node().status?.allocatable ?? {}) as Record<string, string>,
    sources,
    skipped: (kind, name, keys) => context.event(pod, 'Warning', 'InvalidEnvironmentVariableNames', `Keys [${keys.join(', ')}] from the EnvFrom ${kind} ${pod.metadata.namespace}/${name} were skipped since they are considered invalid environment variable names.`),
  });
  const { hostname, domain } = hostnameOf(pod, settings.clusterDomain);
  let mounts: ReturnType<typeof makeMounts> = [];
  if (!context.simulated) {
    const hosts = podIps.length || pod.spec?.hostNetwork ? hostsFile(pod, { ips: podIps, hostname, domain, hostFile: context.hostFile() }) : undefined;
    const suffix = Buffer.from(context.runtime.random.bytes(4)).toString('hex');
    mounts = makeMounts({ pod, container, volumes, env, podDir: context.volumes.podDir(pod.metadata.uid!), hosts, suffix, recursiveReadOnly: false });
    mkdirSync(join(sandboxConfig.logDirectory!, container.name), { recursive: true });
  }
  const target = container.targetContainerName ? newestContainer(runtimePod, container.targetContainerName) : undefined;
  if (container.targetContainerName && target?.state !== 'running') throw new Error(`unable to find target container ${JSON.stringify(container.targetContainerName)}`);
  return containerConfig({ pod, container, restartCount, env, mounts, imageRef: image.imageRef, imageUser: image.user, memoryCapacity: context.memoryCapacity(), cgroupV2: context.cgroups.version === 2, seccompRoot: settings.seccompRoot, targetId: target?.id });
}

/** The link that log collectors follow. */
function linkLog(context: NodeContext, pod: Pod, container: string, id: string, log: string): void {
  const dir = context.settings.containerLogsDir;
  if (!dir || context.simulated) return;
  const path = join(dir, logLinkName(pod, container, id));
  try {
    mkdirSync(dir, { recursive: true });
    if (existsSync(path)) rmSync(path);
    symlinkSync(log, path);
  } catch (error) {
    context.runtime.log.warn('Linking a container log failed', { path, err: messageOf(error) });
  }
}

export const logLinkName = (pod: Pod, container: string, id: string): string => `${pod.metadata.name}_${pod.metadata.namespace}_${container}-${id}.log`;
