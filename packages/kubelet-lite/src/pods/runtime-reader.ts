/** Reads pods from the runtime. What has ended does not change, so it is asked for once. */
import { existsSync, readFileSync } from 'node:fs';
import { type Container, type ContainerStatus, type Cri, isNotFound, type PodSandboxStatus } from '../cri/contract.ts';
import { tailOfLog } from './log-tail.ts';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from './runtime-pod.ts';
import { annotationKeys, labelKeys } from './sandbox-config.ts';

/** What a relist sees of a pod; two that are equal mean that nothing happened. */
export interface PodGlimpse {
  uid: string;
  name: string;
  namespace: string;
  /** Ids and states of all its parts. */
  fingerprint: string;
}

export interface RuntimeReader {
  /** All pods, by uid. */
  glance(): Promise<Map<string, PodGlimpse>>;
  /** One pod, whole. */
  pod(identity: { uid: string; name: string; namespace: string }): Promise<RuntimePod>;
  forget(uid: string): void;
}

/** Of a message file, and of a log taken in its stead (k8s.io/kubernetes MaxContainerTerminationMessage…). */
const mostMessageBytes = 4096;
const logFallback = { lines: 80, bytes: 2048 };

const states = { CONTAINER_CREATED: 'created', CONTAINER_RUNNING: 'running', CONTAINER_EXITED: 'exited', CONTAINER_UNKNOWN: 'unknown' } as const;
const toMs = (nanoseconds: number) => Math.floor(nanoseconds / 1e6);

export function createRuntimeReader(cri: Cri): RuntimeReader {
  /** Ended containers, by id. */
  const ended = new Map<string, RuntimeContainer & { podUid: string }>();

  const readContainer = async (c: Container): Promise<RuntimeContainer | undefined> => {
    const known = ended.get(c.id);
    if (known) return known;
    try {
      const { status } = await cri.call('ContainerStatus', { containerId: c.id });
      if (!status) return undefined;
      const container = toContainer(c, status);
      if (container.state === 'exited') ended.set(c.id, { ...container, podUid: c.labels[labelKeys.podUid] });
      return container;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const readSandbox = async (id: string): Promise<RuntimeSandbox | undefined> => {
    try {
      const { status } = await cri.call('PodSandboxStatus', { podSandboxId: id });
      return status ? toSandbox(status) : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  return {
    async glance() {
      const [{ items }, { containers }] = await Promise.all([cri.call('ListPodSandbox', {}), cri.call('ListContainers', {})]);
      const pods = new Map<string, PodGlimpse & { parts: string[] }>();
      const of = (labels: Record<string, string>) => {
        const uid = labels[labelKeys.podUid];
        if (!uid) return undefined;
        let pod = pods.get(uid);
        if (!pod) pods.set(uid, (pod = { uid, name: labels[labelKeys.podName], namespace: labels[labelKeys.podNamespace], fingerprint: '', parts: [] }));
        return pod;
      };
      for (const s of items) of(s.labels)?.parts.push(`${s.id}:${s.state}`);
      for (const c of containers) of(c.labels)?.parts.push(`${c.id}:${c.state}`);
      for (const pod of pods.values()) pod.fingerprint = pod.parts.sort().join();
      return pods;
    },
    async pod(identity) {
      const labelSelector = { [labelKeys.podUid]: identity.uid };
      const [{ items }, { containers }] = await Promise.all([cri.call('ListPodSandbox', { filter: { labelSelector } }), cri.call('ListContainers', { filter: { labelSelector } })]);
      const [sandboxes, all] = await Promise.all([Promise.all(items.map((s) => readSandbox(s.id))), Promise.all(containers.map(readContainer))]);
      return {
        ...identity,
        sandboxes: sandboxes.filter((s) => s !== undefined).sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs),
        containers: all.filter((c) => c !== undefined).sort((a, b) => b.restartCount - a.restartCount || b.createdAtMs - a.createdAtMs),
      };
    },
    forget(uid) {
      for (const [id, c] of ended) if (c.podUid === uid) ended.delete(id);
    },
  };
}

const toSandbox = (s: PodSandboxStatus): RuntimeSandbox => ({
  id: s.id,
  ready: s.state === 'SANDBOX_READY',
  attempt: s.metadata?.attempt ?? 0,
  createdAtMs: toMs(s.createdAt),
  ips: s.network?.ip ? [s.network.ip, ...s.network.additionalIps.map((a) => a.ip)] : [],
  hostNetwork: s.linux?.namespaces?.options?.network === 'NODE',
});

function toContainer(c: Container, s: ContainerStatus): RuntimeContainer {
  const annotations = s.annotations;
  const container: RuntimeContainer = {
    id: c.id,
    name: s.labels[labelKeys.containerName] ?? s.metadata?.name ?? '',
    state: states[s.state],
    sandboxId: c.podSandboxId,
    createdAtMs: toMs(s.createdAt),
    startedAtMs: toMs(s.startedAt),
    finishedAtMs: toMs(s.finishedAt),
    exitCode: s.exitCode,
    reason: s.reason,
    message: s.message,
    image: s.image?.userSpecifiedImage || s.image?.image || '',
    imageId: s.imageRef,
    restartCount: Number(annotations[annotationKeys.restartCount] ?? s.metadata?.attempt ?? 0),
    hash: annotations[annotationKeys.hash] ?? '',
    ...(s.resources?.linux && { resources: s.resources.linux }),
    ...(s.user?.linux && { user: { uid: s.user.linux.uid, gid: s.user.linux.gid, supplementalGroups: s.user.linux.supplementalGroups } }),
    logPath: s.logPath,
    terminationMessagePath: annotations[annotationKeys.terminationMessagePath] ?? '',
  };
  if (container.state === 'exited') {
    const message = terminationMessage(container, s);
    if (message) container.message = message;
  }
  return container;
}

function terminationMessage(container: RuntimeContainer, status: ContainerStatus): string {
  const path = container.terminationMessagePath && status.mounts.find((m) => m.containerPath === container.terminationMessagePath)?.hostPath;
  let text = '';
  if (path && existsSync(path)) {
    const data = readFileSync(path);
    text = data.subarray(0, mostMessageBytes).toString('utf8');
  }
  if (text || container.exitCode === 0 || status.annotations[annotationKeys.terminationMessagePolicy] !== 'FallbackToLogsOnError') return text;
  // A container that never started has no log, and the runtime's own words say why.
  return container.reason === 'ContainerCannotRun' || container.reason === 'StartError' ? '' : tailOfLog(container.logPath, logFallback);
}
