/** Ends containers: hook, the turn of sidecars, SIGTERM, grace, SIGKILL (the last three are the runtime's). */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf } from '@pilothouse/base';
import { isNotFound } from '../cri/contract.ts';
import type { KillReason } from './actions.ts';
import type { NodeContext } from './context.ts';
import { runHook } from './hooks.ts';
import { type AnyContainer, findContainer, gracePeriodOf, isSidecar } from './pod-facts.ts';
import type { RuntimeContainer, RuntimePod } from './runtime-pod.ts';

/** A container is never given less than this, so that SIGTERM has a chance. */
const leastGraceSeconds = 2;

export interface KillRequest {
  pod: Pod;
  /** Undefined: the container is no longer in the pod's spec. */
  container: AnyContainer | undefined;
  status: Pick<RuntimeContainer, 'id' | 'name'>;
  reason: KillReason;
  /** Of the event; default `Stopping container …`. */
  message?: string;
  graceSeconds?: number;
  podIp: string;
  /** Waits for the container's turn, for at most so many seconds; resolves with those it took. */
  turn?(graceSeconds: number): Promise<number>;
}

export function graceOf({ pod, container, reason, graceSeconds }: Pick<KillRequest, 'pod' | 'container' | 'reason' | 'graceSeconds'>): number {
  if (graceSeconds !== undefined) return graceSeconds;
  if (pod.metadata.deletionGracePeriodSeconds === undefined) {
    const probe = reason === 'startup' ? container?.startupProbe : reason === 'liveness' ? container?.livenessProbe : undefined;
    if (probe?.terminationGracePeriodSeconds !== undefined) return probe.terminationGracePeriodSeconds;
  }
  return gracePeriodOf(pod);
}

/** Resolves when the container has ended. @throws what the runtime answers, but for a container that is gone */
export async function killContainer(context: NodeContext, request: KillRequest): Promise<void> {
  const { cri, runtime } = context;
  const { pod, container, status, podIp } = request;
  const kind = findContainer(pod, status.name)?.kind ?? 'regular';
  let grace = graceOf(request);
  context.event(pod, 'Normal', 'Killing', request.message ?? `Stopping container ${status.name}`, { kind, name: status.name });
  const preStop = container?.lifecycle?.preStop;
  if (preStop && grace > 0) {
    const began = runtime.clock.monotonic();
    const stop = new AbortController();
    const hook = runHook(preStop, { cri, clock: runtime.clock, container: container!, containerId: status.id, podIp, signal: stop.signal }).catch((error) => {
      if (stop.signal.aborted) return;
      runtime.log.warn('PreStop hook failed', { pod: pod.metadata.name, container: status.name, err: messageOf(error) });
      context.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', { kind, name: status.name });
    });
    await Promise.race([hook, runtime.clock.sleep(grace * 1000, stop.signal).catch(() => undefined)]);
    stop.abort(new Error('the grace period is over'));
    grace -= Math.floor((runtime.clock.monotonic() - began) / 1000);
  }
  if (request.turn && grace > 0) grace -= await request.turn(grace);
  const timeout = Math.max(leastGraceSeconds, grace);
  try {
    await cri.call('StopContainer', { containerId: status.id, timeout }, { timeoutMs: (timeout + 120) * 1000 });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Ends every running container, sidecars after the others in reverse order, then the sandboxes. */
export async function killPod(context: NodeContext, { pod, runtimePod, graceSeconds }: { pod: Pod; runtimePod: RuntimePod; graceSeconds?: number }): Promise<void> {
  const alive = runtimePod.containers.filter((c) => c.state === 'running' || c.state === 'unknown');
  const ended = new Map<string, Promise<unknown>>();
  const settle = new Map<string, () => void>();
  for (const c of alive) ended.set(c.name, new Promise<void>((resolve) => settle.set(c.name, resolve)));
  const podIp = context.status.get(pod.metadata.uid!)?.podIP ?? '';
  const { clock } = context.runtime;
  await Promise.all(alive.map(async (status) => {
    const container = findContainer(pod, status.name)?.container;
    const before = precedingEnds(pod, status.name).flatMap((name) => ended.get(name) ?? []);
    const turn = before.length
      ? async (grace: number) => {
          const began = clock.monotonic();
          const stop = new AbortController();
          await Promise.race([Promise.all(before), clock.sleep(grace * 1000, stop.signal).catch(() => undefined)]);
          stop.abort(new Error('its turn has come'));
          return Math.ceil((clock.monotonic() - began) / 1000);
        }
      : undefined;
    try {
      await killContainer(context, { pod, container, status, reason: '', graceSeconds, podIp, turn });
    } finally {
      settle.get(status.name)!();
    }
  }));
  for (const { id } of runtimePod.sandboxes) {
    await context.cri.call('StopPodSandbox', { podSandboxId: id }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

/** A sidecar ends after the regular containers and after the sidecars that began later. */
export function precedingEnds(pod: Pod, name: string): string[] {
  const sidecars = (pod.spec!.initContainers ?? []).filter(isSidecar).map((c) => c.name);
  const at = sidecars.indexOf(name);
  return at < 0 ? [] : [...pod.spec!.containers.map((c) => c.name), ...sidecars.slice(at + 1)];
}
