import type { Container, ContainerStatus, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Column } from '../contract.ts';
import { age, doc, humanDuration, name, none, text, wide } from './cells.ts';

interface PodSummary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  lastRestartMs: number | undefined;
}

const isSidecar = (container: Container | undefined) => container?.restartPolicy === 'Always';
const finishedMs = (status: ContainerStatus) => (status.lastState?.terminated?.finishedAt ? Date.parse(status.lastState.terminated.finishedAt) : undefined);
const latest = (a: number | undefined, b: number | undefined) => (a === undefined ? b : b === undefined ? a : Math.max(a, b));

function terminatedReason(terminated: { reason?: string; signal?: number; exitCode: number }): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

/** What `kubectl get pods` says of a pod. */
export function summarizePod(pod: Pod): PodSummary {
  const spec = pod.spec!;
  const status = pod.status ?? {};
  const initContainers = new Map((spec.initContainers ?? []).map((c) => [c.name, c]));
  const condition = (type: string) => status.conditions?.find((c) => c.type === type);
  let reason = status.reason || status.phase || '';
  if (condition('PodScheduled')?.reason === 'SchedulingGated') reason = 'SchedulingGated';
  const total = (spec.containers ?? []).length + [...initContainers.values()].filter(isSidecar).length;
  let ready = 0;
  let restarts = 0;
  let lastRestartMs: number | undefined;
  let sidecarRestarts = 0;
  let sidecarLastMs: number | undefined;
  let initializing = false;

  for (const [i, s] of (status.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(initContainers.get(s.name));
    restarts += s.restartCount;
    lastRestartMs = latest(lastRestartMs, finishedMs(s));
    if (sidecar) {
      sidecarRestarts += s.restartCount;
      sidecarLastMs = latest(sidecarLastMs, finishedMs(s));
    }
    if (s.state?.terminated?.exitCode === 0) continue;
    if (sidecar && s.started) {
      if (s.ready) ready++;
      continue;
    }
    if (s.state?.terminated) reason = `Init:${terminatedReason(s.state.terminated)}`;
    else if (s.state?.waiting?.reason && s.state.waiting.reason !== 'PodInitializing') reason = `Init:${s.state.waiting.reason}`;
    else reason = `Init:${i}/${(spec.initContainers ?? []).length}`;
    initializing = true;
    break;
  }

  if (!initializing || condition('Initialized')?.status === 'True') {
    restarts = sidecarRestarts;
    lastRestartMs = sidecarLastMs;
    let hasRunning = false;
    let hasFailed = false;
    for (const s of [...(status.containerStatuses ?? [])].reverse()) {
      restarts += s.restartCount;
      lastRestartMs = latest(lastRestartMs, finishedMs(s));
      if (s.state?.waiting?.reason) reason = s.state.waiting.reason;
      else if (s.state?.terminated) {
        // A container that completed does not hide one that failed.
        if (!(hasFailed && s.state.terminated.exitCode === 0)) reason = terminatedReason(s.state.terminated);
        hasFailed ||= s.state.terminated.exitCode !== 0;
      } else if (s.ready && s.state?.running) {
        hasRunning = true;
        ready++;
      }
    }
    // One container has completed while another still runs: the pod as a whole is not completed.
    if (reason === 'Completed' && hasRunning) reason = condition('Ready')?.status === 'True' ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  return { ready, total, reason, restarts, lastRestartMs };
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (!gates.length) return none;
  const met = gates.filter((gate) => pod.status?.conditions?.some((c) => c.type === gate.conditionType && c.status === 'True')).length;
  return `${met}/${gates.length}`;
}

export const podColumns: Column<Pod>[] = [
  name,
  text('Ready', 'The aggregate readiness state of this pod for accepting traffic.', (pod) => { const s = summarizePod(pod); return `${s.ready}/${s.total}`; }),
  text('Status', 'The aggregate status of the containers in this pod.', (pod) => summarizePod(pod).reason),
  text('Restarts', 'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.', (pod, now) => {
    const s = summarizePod(pod);
    return s.restarts && s.lastRestartMs !== undefined ? `${s.restarts} (${humanDuration(now - s.lastRestartMs)} ago)` : String(s.restarts);
  }),
  age,
  text('IP', doc('core.v1.PodStatus', 'podIP'), (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || none, wide),
  text('Node', doc('core.v1.PodSpec', 'nodeName'), (pod) => pod.spec?.nodeName || none, wide),
  text('Nominated Node', doc('core.v1.PodStatus', 'nominatedNodeName'), (pod) => pod.status?.nominatedNodeName || none, wide),
  text('Readiness Gates', doc('core.v1.PodSpec', 'readinessGates'), readinessGates, wide),
];

/** Conditions of a pod's row: a finished pod is marked, so that clients may hide it. */
export function podRowConditions(pod: Pod): { type: string; status: string; reason: string; message: string }[] | undefined {
  const phase = pod.status?.phase;
  if (phase === 'Succeeded') return [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }];
  if (phase === 'Failed') return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
  return undefined;
}
