/** How many replicas measured use asks for. Pure (k8s.io/kubernetes/pkg/controller/podautoscaler/replica_calculator.go). */
import { parseTime } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { milliValue } from '@pilothouse/apimachinery';
import { podRequests } from '@pilothouse/apimachinery/quota/pod-resources';
import { isPodReady, podCondition } from '@pilothouse/controller-runtime';
import type { PodMetrics } from './metrics.ts';

/** How far use may be off its target without anything being done, as parts of it. */
export interface Tolerances {
  scaleDown: number;
  scaleUp: number;
}
export interface Readiness {
  nowMs: number;
  /** After its start a pod's use of the processor counts only when it was measured while it was ready. */
  initializationMs: number;
  /** A pod that was never ready after this time from its start is taken for one that still starts. */
  initialReadinessMs: number;
}
export interface Situation extends Readiness {
  /** What the target is scaled to now. */
  current: number;
  pods: readonly Pod[];
  tolerances: Tolerances;
}

const mostReplicas = 2 ** 31 - 1;
export const isWithin = ({ scaleDown, scaleUp }: Tolerances, ratio: number): boolean => 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
const upTo = (replicas: number): number => Math.min(Math.ceil(replicas), mostReplicas);

interface Groups {
  ready: number;
  unready: string[];
  missing: string[];
  ignored: string[];
}

/** Sorts pods by what their measurements are worth. `resource` is '' for metrics that are none of a resource. */
export function groupPods(pods: readonly Pod[], metrics: PodMetrics, resource: string, { nowMs, initializationMs, initialReadinessMs }: Readiness): Groups {
  const groups: Groups = { ready: 0, unready: [], missing: [], ignored: [] };
  for (const pod of pods) {
    const name = pod.metadata.name!;
    const metric = metrics.get(name);
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed') groups.ignored.push(name);
    else if ((pod.status?.phase ?? 'Pending') === 'Pending') groups.unready.push(name);
    else if (!metric) groups.missing.push(name);
    else if (resource === 'cpu' && isStarting(pod)) groups.unready.push(name);
    else groups.ready++;
    function isStarting({ status }: Pod): boolean {
      const ready = podCondition(pod, 'Ready');
      if (!ready || !status?.startTime) return true;
      const startMs = parseTime(status.startTime);
      const changedMs = parseTime(ready.lastTransitionTime ?? '');
      if (startMs + initializationMs > nowMs) return ready.status === 'False' || metric!.timestampMs < changedMs + metric!.windowMs;
      return ready.status === 'False' && startMs + initialReadinessMs > changedMs;
    }
  }
  return groups;
}

/** What pods, or one container of each, ask for of a resource, in thousandths. @throws where one does not say */
export function requestsOf(pods: readonly Pod[], resource: string, container = ''): Map<string, number> {
  return new Map(pods.map((pod) => [pod.metadata.name!, requestOf(pod, resource, container)]));
}

function requestOf(pod: Pod, resource: string, container: string): number {
  const { name } = pod.metadata;
  if (!container && Object.keys(pod.spec?.resources?.requests ?? {}).length) {
    const whole = podRequests(pod)[resource];
    if (whole === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
    return milliValue(whole);
  }
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always') ?? [])];
  const asked = container ? containers.filter((c) => c.name === container).slice(0, 1) : containers;
  if (container && !asked.length) throw new Error(`container ${container} not found in Pod ${name}`);
  return asked.reduce((sum, c) => {
    const request = (c.resources?.requests as Record<string, string> | undefined)?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${c.name} of Pod ${name}`);
    return sum + milliValue(request);
  }, 0);
}

/** Use as a share of what was asked for, against a target in per cent. `average` in thousandths. */
export function utilization(metrics: PodMetrics, requests: ReadonlyMap<string, number>, targetPercent: number): { ratio: number; percent: number; average: number } {
  let used = 0;
  let requested = 0;
  let count = 0;
  for (const [name, { value }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    count++;
  }
  if (requested === 0) throw new Error('no metrics returned matched known pods');
  // Hundreds of bytes in thousandths go beyond what numbers hold exactly.
  const percent = Number((BigInt(Math.trunc(used)) * 100n) / BigInt(Math.trunc(requested)));
  return { ratio: percent / targetPercent, percent, average: Math.trunc(used / count) };
}

function averageUse(metrics: PodMetrics, target: number): { ratio: number; average: number } {
  const average = Math.trunc([...metrics.values()].reduce((sum, { value }) => sum + value, 0) / metrics.size);
  return { ratio: average / target, average };
}

/**
 * The count of replicas for a ratio of use to target: pods not measured are taken to use what speaks against a change,
 * and where that turns the verdict, nothing changes.
 */
function replicasFor(situation: Situation, all: PodMetrics, resource: string, ratioOf: (metrics: PodMetrics) => number, missingUse: (pod: string) => number): { replicas: number; seen: PodMetrics } {
  const { current, pods, tolerances } = situation;
  if (!pods.length) throw new Error('no pods returned by selector while calculating replica count');
  const { ready, unready, missing, ignored } = groupPods(pods, all, resource, situation);
  const seen: PodMetrics = new Map(all);
  for (const name of [...ignored, ...unready]) seen.delete(name);
  if (!seen.size) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const ratio = ratioOf(seen);
  const upWithUnready = unready.length > 0 && ratio > 1;
  if (!upWithUnready && !missing.length) return { replicas: isWithin(tolerances, ratio) ? current : upTo(ratio * ready), seen };
  const filled: PodMetrics = new Map(seen);
  const fill = (name: string, value: number) => filled.set(name, { value, timestampMs: 0, windowMs: 0 });
  if (ratio < 1) for (const name of missing) fill(name, missingUse(name));
  else if (ratio > 1) for (const name of missing) fill(name, 0);
  if (upWithUnready) for (const name of unready) fill(name, 0);
  const cautious = ratioOf(filled);
  if (isWithin(tolerances, cautious) || (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1)) return { replicas: current, seen };
  const replicas = upTo(cautious * filled.size);
  const backwards = (cautious < 1 && replicas > current) || (cautious > 1 && replicas < current);
  return { replicas: backwards ? current : replicas, seen };
}

/** By a resource's use as a share of the requests. */
export function resourceReplicas(situation: Situation, metrics: PodMetrics, resource: string, targetPercent: number, container?: string): { replicas: number; percent: number; average: number } {
  let requests: Map<string, number> | undefined;
  // Worked out late: what is wrong with the metrics is reported before what is wrong with the requests.
  const requested = () => (requests ??= requestsOf(situation.pods, resource, container));
  const { replicas, seen } = replicasFor(situation, metrics, resource, (m) => utilization(m, requested(), targetPercent).ratio, (pod) => Math.trunc((requested().get(pod)! * Math.max(100, targetPercent)) / 100));
  const { percent, average } = utilization(seen, requested(), targetPercent);
  return { replicas, percent, average };
}

/** By an average amount per pod, in thousandths. */
export function averageReplicas(situation: Situation, metrics: PodMetrics, target: number, resource = ''): { replicas: number; average: number } {
  const { replicas, seen } = replicasFor(situation, metrics, resource, (m) => averageUse(m, target).ratio, () => target);
  return { replicas, average: averageUse(seen, target).average };
}

/** By one amount for the whole target, which is shared among the pods that are ready. */
export function totalReplicas({ current, pods, tolerances }: Situation, used: number, target: number): number {
  const ratio = used / target;
  if (current === 0) return upTo(ratio);
  if (isWithin(tolerances, ratio)) return current;
  if (!pods.length) throw new Error('unable to calculate ready pods: no pods returned by selector while calculating replica count');
  return upTo(ratio * pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length);
}

/** By one amount divided among the replicas there are. `average` in thousandths. */
export function perPodReplicas(statusReplicas: number, used: number, target: number, tolerances: Tolerances): { replicas: number; average: number } {
  const replicas = isWithin(tolerances, used / (target * statusReplicas)) ? statusReplicas : upTo(used / target);
  return { replicas, average: Math.min(Math.ceil(used / statusReplicas), Number.MAX_SAFE_INTEGER) };
}
