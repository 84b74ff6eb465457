import type { HorizontalPodAutoscaler as V1 } from '@pilothouse/api-schemas/types/autoscaling/v1';
import type { HorizontalPodAutoscaler as V2, MetricSpec } from '@pilothouse/api-schemas/types/autoscaling/v2';
import { behaviorFromText, behaviorToText, metricFromFlat, metricToFlat, statusFromFlat, statusToFlat } from './hpa-v1-metrics.ts';

const keys = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
  scaleDownTolerance: 'autoscaling.alpha.kubernetes.io/scale-down-tolerance',
  scaleUpTolerance: 'autoscaling.alpha.kubernetes.io/scale-up-tolerance',
};
const defaultCpuUtilization = 80;
const cpuMetric = (averageUtilization: number): MetricSpec => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } });
const isCpuUtilization = ({ type, resource }: MetricSpec): boolean => type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;

/** Text that cannot be read is passed over, as upstream passes over it. */
function read<T>(text: string | undefined, parse: (value: any) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function withoutKeys(annotations: Record<string, string> | undefined): Record<string, string> | undefined {
  const rest = Object.entries(annotations ?? {}).filter(([key]) => !Object.values(keys).includes(key));
  return rest.length ? Object.fromEntries(rest) : undefined;
}

/** The annotations that carry what other versions cannot say are never shown where the fields themselves are. */
export function dropHpaAnnotations(metadata: { annotations?: Record<string, string> }): void {
  const { annotations } = metadata;
  if (!annotations || !Object.values(keys).some((key) => key in annotations)) return;
  const kept = withoutKeys(annotations);
  if (kept) metadata.annotations = kept;
  else delete metadata.annotations;
}

/** autoscaling/v1 → v2: what v1 has no fields for comes out of annotations. */
export function hpaToV2(object: V1): V2 {
  const { metadata, spec = { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 }, status = { currentReplicas: 0, desiredReplicas: 0 } } = object;
  const annotations = metadata?.annotations;
  const { targetCPUUtilizationPercentage: cpu, ...restSpec } = spec;
  const { currentCPUUtilizationPercentage: currentCpu, ...restStatus } = status;
  const others = read(annotations?.[keys.metrics], (list) => list.map(metricFromFlat) as MetricSpec[]) ?? [];
  const metrics = [...others, ...(cpu === undefined ? [] : [cpuMetric(cpu)])];
  const behavior = read(annotations?.[keys.behavior], () => behaviorFromText(annotations![keys.behavior]));
  const currentMetrics = read(annotations?.[keys.currentMetrics], (list) => list.map(statusFromFlat)) ?? (currentCpu === undefined ? undefined : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: currentCpu } } }]);
  const conditions = read(annotations?.[keys.conditions], (list) => list);
  const { annotations: _, ...restMeta } = metadata ?? {};
  const kept = withoutKeys(annotations);
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: { ...restMeta, ...(kept && { annotations: kept }) },
    spec: { ...restSpec, metrics: metrics.length ? metrics : [cpuMetric(defaultCpuUtilization)], ...(behavior && { behavior }) },
    status: { ...restStatus, currentMetrics: currentMetrics ?? null, ...(conditions && { conditions }) },
  } as V2;
}

/** autoscaling/v2 → v1. */
export function hpaToV1(object: V2): V1 {
  const { metadata, spec, status } = object;
  const { metrics = [], behavior, ...restSpec } = spec!;
  const { currentMetrics, conditions, ...restStatus } = status ?? { currentMetrics: null, currentReplicas: 0, desiredReplicas: 0 };
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const cpu = metrics.find(isCpuUtilization)?.resource?.target.averageUtilization;
  const currentCpu = currentMetrics?.findLast((metric) => metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.current.averageUtilization !== undefined)?.resource?.current.averageUtilization;
  const annotations: Record<string, string> = {
    ...withoutKeys(metadata?.annotations),
    ...(others.length && { [keys.metrics]: JSON.stringify(others.map(metricToFlat)) }),
    ...(currentMetrics?.length && { [keys.currentMetrics]: JSON.stringify(currentMetrics.map(statusToFlat)) }),
    ...(behavior && { [keys.behavior]: behaviorToText(behavior) }),
    ...(conditions?.length && { [keys.conditions]: JSON.stringify(conditions) }),
  };
  const { annotations: _, ...restMeta } = metadata ?? {};
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: { ...restMeta, ...(Object.keys(annotations).length && { annotations }) },
    spec: { ...restSpec, ...(cpu !== undefined && { targetCPUUtilizationPercentage: cpu }) },
    status: { ...restStatus, currentReplicas: restStatus.currentReplicas ?? 0, desiredReplicas: restStatus.desiredReplicas, ...(currentCpu !== undefined && { currentCPUUtilizationPercentage: currentCpu }) },
  } as V1;
}
