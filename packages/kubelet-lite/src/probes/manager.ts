/**
 * Probes of running containers. Each probe of each container instance has a loop of its own, which ends with the
 * instance. Results are kept by container id; a change of a result is told.
 */
import type { Pod, Probe } from '@pilothouse/api-schemas/types/core/v1';
import type { Runtime } from '@pilothouse/base';
import { isAbort } from '@pilothouse/base';
import type { Cri } from '../cri/contract.ts';
import { type AnyContainer, type ContainerKind, containersOf, isSidecar } from '../pods/pod-facts.ts';
import type { RuntimeContainer, RuntimePod } from '../pods/runtime-pod.ts';
import { newestContainer } from '../pods/runtime-pod.ts';
import { type Answer, execAnswer, grpcAnswer, httpAnswer, portNumber, tcpAnswer } from './handlers.ts';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';
export type ProbeResult = 'success' | 'failure' | 'unknown';

export interface ProbeManager {
  /** Starts probes of containers that run now and ends those of containers that do not. Repeatable. */
  sync(pod: Pod, runtime: RuntimePod): void;
  /** A pod that is being ended is no longer judged, but for its readiness. */
  stopLivenessAndStartup(podUid: string): void;
  remove(podUid: string): void;
  result(kind: ProbeKind, containerId: string): ProbeResult | undefined;
  /** For the API's `started` and `ready`: undefined where the container has no such probe. */
  verdict(kind: 'startup' | 'readiness', containerId: string): 'success' | 'pending' | undefined;
  close(): void;
}

interface Instance {
  podUid: string;
  stops: Map<ProbeKind, AbortController>;
  results: Map<ProbeKind, ProbeResult>;
  /** Runs when the startup probe has succeeded. */
  onStarted: (() => void)[];
}

const initialResult: Record<ProbeKind, ProbeResult> = { liveness: 'success', readiness: 'failure', startup: 'unknown' };
const titles: Record<ProbeKind, string> = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' };

export interface ProbeManagerOptions {
  runtime: Runtime;
  cri: Cri;
  /** A probe found something else than before. */
  changed(podUid: string): void;
  event(pod: Pod, kind: ContainerKind, container: string, type: 'Normal' | 'Warning', reason: string, message: string): void;
  podIp(podUid: string): string;
}

/** What a probe that is not set does. */
export const probeOf = (container: AnyContainer, kind: ProbeKind): Probe | undefined => ({ startup: container.startupProbe, readiness: container.readinessProbe, liveness: container.livenessProbe })[kind];

export function createProbeManager({ runtime, cri, changed, event, podIp }: ProbeManagerOptions): ProbeManager {
  const { clock } = runtime;
  const instances = new Map<string, Instance>();

  async function ask(pod: Pod, container: AnyContainer, id: string, probe: Probe): Promise<Answer> {
    const timeoutSeconds = probe.timeoutSeconds ?? 1;
    const timing = { timeoutMs: timeoutSeconds * 1000, clock };
    const ip = podIp(pod.metadata.uid!);
    try {
      if (probe.exec) return await execAnswer(cri, id, probe.exec.command ?? [], timeoutSeconds);
      if (probe.httpGet) return await httpAnswer(probe.httpGet, { ...timing, podIp: ip, ports: container.ports });
      if (probe.tcpSocket) return await tcpAnswer(probe.tcpSocket.host || ip, portNumber(probe.tcpSocket.port, container.ports), timing);
      if (probe.grpc) return await grpcAnswer(ip, probe.grpc.port, probe.grpc.service ?? '', timing);
      return { result: 'error', output: `missing probe handler for ${pod.metadata.name}:${container.name}` };
    } catch (error) {
      return { result: 'error', output: (error as Error).message };
    }
  }

  /** One probe of one instance, until it is stopped. */
  async function loop(pod: Pod, kind: ProbeKind, of: { container: AnyContainer; containerKind: ContainerKind; status: RuntimeContainer }, instance: Instance, signal: AbortSignal): Promise<void> {
    const { container, status } = of;
    const probe = probeOf(container, kind)!;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const wait = status.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
    if (wait > 0) await clock.sleep(wait, signal);
    let last: string | undefined;
    let run = 0;
    for (;;) {
      const began = clock.monotonic();
      const { result, output } = await ask(pod, container, status.id, probe);
      signal.throwIfAborted();
      const verdict = result === 'success' ? 'success' : 'failure';
      if (result === 'failure') event(pod, of.containerKind, container.name, 'Warning', 'Unhealthy', `${titles[kind]} probe failed: ${output}`);
      else if (result === 'error') event(pod, of.containerKind, container.name, 'Warning', 'Unhealthy', `${titles[kind]} probe errored and resulted in unknown state: ${output}`);
      run = last === result ? run + 1 : 1;
      last = result;
      if (run >= (verdict === 'success' ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) {
        if (instance.results.get(kind) !== verdict) {
          instance.results.set(kind, verdict);
          if (kind === 'startup' && verdict === 'success') for (const start of instance.onStarted.splice(0)) start();
          changed(pod.metadata.uid!);
        }
        // A startup probe ends with its success; a container found dead is asked no more.
        if (kind === 'startup' ? true : kind === 'liveness' && verdict === 'failure') return;
      }
      await clock.sleep(Math.max(0, periodMs - (clock.monotonic() - began)), signal);
    }
  }

  function start(pod: Pod, of: { container: AnyContainer; containerKind: ContainerKind; status: RuntimeContainer }): void {
    const instance: Instance = { podUid: pod.metadata.uid!, stops: new Map(), results: new Map(), onStarted: [] };
    instances.set(of.status.id, instance);
    for (const kind of ['startup', 'readiness', 'liveness'] as const) {
      if (!probeOf(of.container, kind)) continue;
      instance.results.set(kind, initialResult[kind]);
      const stop = new AbortController();
      instance.stops.set(kind, stop);
      const begin = () =>
        void loop(pod, kind, of, instance, stop.signal).catch((error) => {
          if (!isAbort(error, stop.signal)) runtime.log.error('Probe loop failed', { pod: pod.metadata.name, container: of.container.name, kind, err: error });
        });
      if (kind !== 'startup' && of.container.startupProbe) instance.onStarted.push(begin);
      else begin();
    }
  }

  const end = (id: string, instance: Instance) => {
    instance.onStarted.length = 0;
    for (const stop of instance.stops.values()) stop.abort(new Error('the container is gone'));
    instances.delete(id);
  };

  return {
    sync(pod, seen) {
      const running = new Set<string>();
      for (const { container, kind: containerKind } of containersOf(pod)) {
        if (containerKind === 'ephemeral' || (containerKind === 'init' && !isSidecar(container))) continue;
        if (!container.startupProbe && !container.readinessProbe && !container.livenessProbe) continue;
        const status = newestContainer(seen, container.name);
        if (status?.state !== 'running') continue;
        running.add(status.id);
        if (!instances.has(status.id)) start(pod, { container, containerKind, status });
      }
      for (const [id, instance] of instances) if (instance.podUid === pod.metadata.uid && !running.has(id)) end(id, instance);
    },
    stopLivenessAndStartup(podUid) {
      for (const instance of instances.values()) {
        if (instance.podUid !== podUid) continue;
        for (const kind of ['startup', 'liveness'] as const) {
          instance.stops.get(kind)?.abort(new Error('the pod is ending'));
          instance.results.delete(kind);
        }
      }
    },
    remove(podUid) {
      for (const [id, instance] of instances) if (instance.podUid === podUid) end(id, instance);
    },
    result: (kind, id) => instances.get(id)?.results.get(kind),
    verdict(kind, id) {
      const result = instances.get(id)?.results.get(kind);
      return result === undefined ? undefined : result === 'success' ? 'success' : 'pending';
    },
    close() {
      for (const [id, instance] of instances) end(id, instance);
    },
  };
}

/** For simulated containers: those that have probes pass them as soon as they run. */
export const passingProbes: ProbeManager = { sync: () => undefined, stopLivenessAndStartup: () => undefined, remove: () => undefined, result: () => 'success', verdict: () => 'success', close: () => undefined };
