/**
 * The worker of one pod: it looks, decides (`actions.ts`) and acts, one step at a time, until the pod has ended.
 * `syncing` → `terminating` → `terminated`, never back (k8s.io/kubernetes pod_workers).
 */
import type { Pod, ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';
import { isAbort, messageOf, parseTime, type Timer } from '@pilothouse/base';
import { hasLiveVolumes, VolumeError } from '../volumes/manager.ts';
import { createAllocation } from './allocation.ts';
import { generateStatus, type StatusInputs, terminateStatuses, type WaitingReason } from './api-status.ts';
import type { NodeContext } from './context.ts';
import { killPod } from './kill-pod.ts';
import { containersOf, gracePeriodOf, isTerminalPhase } from './pod-facts.ts';
import { podCgroup } from './resources.ts';
import { emptyRuntimePod, type RuntimePod } from './runtime-pod.ts';
import { createSyncMemory, syncPod } from './sync-pod.ts';
import { effectiveUser } from './security.ts';
import { probeOf } from '../probes/manager.ts';

export interface PodWorker {
  readonly phase: 'syncing' | 'terminating' | 'terminated';
  readonly pod: Pod;
  /** Last view of the runtime. */
  readonly seen: RuntimePod;
  /** A newer version of the pod. */
  update(pod: Pod): void;
  /** Something may have changed: look again. */
  wake(): void;
  /** Ends the pod, whatever its spec says. */
  terminate(request: { graceSeconds?: number; failure?: { reason: string; message: string } }): void;
  /** Resolves when the pod has ended and its volumes are gone. */
  ended(): Promise<void>;
  /** Stops working without ending the pod (the kubelet stops). Resolves when the step under way is over. */
  close(): Promise<void>;
}

/** A pod whose volumes follow the API is looked at this often, and so are its tokens. */
const liveVolumesMs = 60_000;
const firstRetryMs = 500;
const mostRetryMs = 122_000;

export interface WorkerOptions {
  context: NodeContext;
  pod: Pod;
  /** Pods on the node that hold resources, without this one. */
  others(): readonly Pod[];
}

export function createPodWorker({ context, pod: first, others }: WorkerOptions): PodWorker {
  const { clock, log } = context.runtime;
  const uid = first.metadata.uid!;
  const identity = { uid, name: first.metadata.name!, namespace: first.metadata.namespace! };
  const reasons = new Map<string, WaitingReason>();
  const memory = createSyncMemory();
  const allocation = createAllocation();
  /** What each running container was last given. */
  const given = new Map<string, ResourceRequirements | undefined>();
  let pod = first;
  let phase: PodWorker['phase'] = 'syncing';
  let seen: RuntimePod = emptyRuntimePod(identity);
  let failure: StatusInputs['failure'];
  let graceSeconds: number | undefined;
  let running: Promise<void> | undefined;
  let dirty = false;
  let closed = false;
  let timer: Timer | undefined;
  let retryMs = firstRetryMs;
  let step = new AbortController();
  let settled: () => void = () => undefined;
  const whenEnded = new Promise<void>((resolve) => {
    settled = resolve;
  });

  const later = (delayMs: number) => {
    timer?.cancel();
    timer = clock.after(delayMs, wake);
  };
  function wake(): void {
    dirty = true;
    if (running || closed) return;
    running = work().finally(() => {
      running = undefined;
      if (dirty && !closed) wake();
    });
  }

  async function work(): Promise<void> {
    while (dirty && !closed) {
      dirty = false;
      timer?.cancel();
      step = new AbortController();
      try {
        if (phase === 'syncing') await sync();
        if ((phase as string) === 'terminating') await terminating();
        if ((phase as string) === 'terminated') finished();
        retryMs = firstRetryMs;
      } catch (error) {
        if (isAbort(error, step.signal) || step.signal.aborted) continue;
        if (!(error instanceof VolumeError)) {
          log.warn('Pod sync failed', { pod: `${identity.namespace}/${identity.name}`, err: messageOf(error) });
          if (phase === 'syncing') context.event(pod, 'Warning', 'FailedSync', `error syncing pod: ${messageOf(error)}`);
        }
        later(retryMs);
        retryMs = Math.min(mostRetryMs, retryMs * 2);
      }
    }
  }

  const look = async () => {
    seen = await context.reader.pod(identity);
  };

  const statusInputs = (ended: boolean): StatusInputs => ({
    pod: allocation.applied(pod),
    runtime: seen,
    runtimeName: context.runtimeName(),
    previous: context.status.get(uid) ?? pod.status ?? {},
    reasons,
    restartingAll: memory.restarted.size > 0,
    probe: (kind, name, id) => {
      for (const { container } of containersOf(pod)) {
        if (container.name !== name || !probeOf(container, kind)) continue;
        if (context.simulated) return 'success';
        return context.probes.verdict(kind, id) ?? 'pending';
      }
      return undefined;
    },
    hostIps: context.hostIps(),
    ended,
    failure,
    nowMs: clock.now(),
    allocated: (container) => (given.has(container.name) ? given.get(container.name) : allocation.of(container)),
    userOf: (container) => {
      const { runAsUser, runAsGroup } = effectiveUser(pod, container);
      if (runAsUser === undefined) return undefined;
      return { uid: runAsUser, gid: runAsGroup ?? 0, supplementalGroups: [...new Set([runAsGroup ?? 0, ...(pod.spec?.securityContext?.supplementalGroups ?? []), ...(pod.spec?.securityContext?.fsGroup !== undefined ? [pod.spec.securityContext.fsGroup] : [])])] };
    },
    extraConditions: allocation.conditions(),
  });

  /** A pod that ended before this kubelet began stays as it was told. */
  const toldBefore = isTerminalPhase(first.status?.phase) && (first.status?.containerStatuses ?? []).every((s) => !s.state?.running);
  const tell = (ended = false): void => {
    if (toldBefore) return;
    const status = generateStatus(statusInputs(ended));
    context.status.set(pod, ended ? terminateStatuses(status) : status);
  };

  /** Undefined while there is time left. */
  function deadline(): { reason: string; message: string } | undefined {
    const seconds = pod.spec?.activeDeadlineSeconds;
    const startTime = context.status.get(uid)?.startTime;
    if (seconds === undefined || !startTime) return undefined;
    const left = parseTime(startTime) + seconds * 1000 - clock.now();
    if (left > 0) {
      soonest(left);
      return undefined;
    }
    return { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
  }
  let nextMs = Number.POSITIVE_INFINITY;
  const soonest = (ms: number) => {
    nextMs = Math.min(nextMs, ms);
  };

  async function sync(): Promise<void> {
    nextMs = Number.POSITIVE_INFINITY;
    if (pod.metadata.deletionTimestamp) {
      phase = 'terminating';
      return;
    }
    await look();
    if (!context.simulated) context.probes.sync(pod, seen);
    allocation.update(pod, others(), (context.node().status?.allocatable ?? {}) as Record<string, string>);
    tell();
    failure ??= deadline();
    if (failure) {
      if (failure.reason === 'DeadlineExceeded') context.event(pod, 'Normal', failure.reason, failure.message);
      phase = 'terminating';
      return;
    }
    const wanted = allocation.applied(pod);
    context.sources.register(pod);
    const cgroupParent = context.cgroups.apply(podCgroup(wanted, context.settings.cgroupRoot));
    const outcome = await syncPod(context, {
      pod: wanted, seen, reasons, memory, given, cgroupParent,
      signal: step.signal,
      look: async () => {
        await look();
        return seen;
      },
    });
    await look();
    if (!context.simulated) context.probes.sync(pod, seen);
    if (outcome.retryMs !== undefined) soonest(outcome.retryMs);
    if (outcome.again) dirty = true;
    tell();
    if (outcome.podDone) {
      phase = 'terminating';
      return;
    }
    deadline();
    if (hasLiveVolumes(pod) && !context.simulated) soonest(liveVolumesMs);
    if (Number.isFinite(nextMs)) later(nextMs);
  }

  async function terminating(): Promise<void> {
    context.probes.stopLivenessAndStartup(uid);
    await look();
    tell();
    const grace = graceSeconds ?? (pod.metadata.deletionTimestamp ? gracePeriodOf(pod) : undefined);
    await killPod(context, { pod, runtimePod: seen, graceSeconds: grace });
    await look();
    if (seen.containers.some((c) => c.state === 'running')) {
      dirty = true;
      return;
    }
    context.probes.remove(uid);
    phase = 'terminated';
    // Told before the volumes go: the pod has ended.
    tell(true);
    await context.volumes.unmount(uid);
    context.sources.unregister(uid);
    context.cgroups.remove(podCgroup(pod, context.settings.cgroupRoot).path);
    settled();
  }

  function finished(): void {
    settled();
    if (pod.metadata.deletionTimestamp) context.status.finish(pod);
  }

  if (toldBefore) phase = 'terminating';

  return {
    get phase() {
      return phase;
    },
    get pod() {
      return pod;
    },
    get seen() {
      return seen;
    },
    update(next) {
      const shorter = next.metadata.deletionGracePeriodSeconds !== undefined && next.metadata.deletionGracePeriodSeconds < (pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
      const deleted = next.metadata.deletionTimestamp !== undefined && pod.metadata.deletionTimestamp === undefined;
      pod = next;
      if (deleted && phase === 'syncing') step.abort(new Error('the pod is being deleted'));
      // A kill that is under way is hurried: the runtime takes the shorter of its stops.
      if (shorter && phase === 'terminating') void hurry(next);
      wake();
    },
    wake,
    terminate(request) {
      failure ??= request.failure;
      graceSeconds = request.graceSeconds ?? graceSeconds;
      if (phase !== 'syncing') return;
      phase = 'terminating';
      step.abort(new Error('the pod is to end'));
      wake();
    },
    ended: () => whenEnded,
    async close() {
      closed = true;
      timer?.cancel();
      step.abort(new Error('the kubelet stops'));
      await running?.catch(() => undefined);
    },
  };

  async function hurry(next: Pod): Promise<void> {
    const timeout = Math.max(2, next.metadata.deletionGracePeriodSeconds ?? 0);
    for (const c of seen.containers) if (c.state === 'running') await context.cri.call('StopContainer', { containerId: c.id, timeout }, { timeoutMs: (timeout + 60) * 1000 }).catch(() => undefined);
  }
}
