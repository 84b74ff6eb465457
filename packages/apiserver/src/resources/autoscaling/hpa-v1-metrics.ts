/** Metrics as autoscaling/v1 carries them: as JSON in annotations, in the flat form they had before v2. */
import { signOfQuantity } from '@pilothouse/apimachinery';
import type { HPAScalingRules, HorizontalPodAutoscalerBehavior, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '@pilothouse/api-schemas/types/autoscaling/v2';

type Flat = Record<string, any>;

/** Leaves out what is undefined. */
const drop = (value: Flat): Flat => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));

export function metricToFlat(metric: MetricSpec): Flat {
  const { type, object, pods, resource, containerResource, external } = metric;
  const own = (source: { name: string; target: MetricTarget }) => ({ name: source.name, targetAverageUtilization: source.target.averageUtilization, targetAverageValue: source.target.averageValue });
  return drop({
    type,
    object: object && drop({ target: object.describedObject, metricName: object.metric.name, targetValue: object.target.value ?? '0', selector: object.metric.selector, averageValue: object.target.averageValue }),
    pods: pods && drop({ metricName: pods.metric.name, targetAverageValue: pods.target.averageValue ?? '0', selector: pods.metric.selector }),
    resource: resource && drop(own(resource)),
    containerResource: containerResource && drop({ ...own(containerResource), container: containerResource.container }),
    external: external && drop({ metricName: external.metric.name, metricSelector: external.metric.selector, targetValue: external.target.value, targetAverageValue: external.target.averageValue }),
  });
}

const ownTarget = (flat: Flat): MetricTarget =>
  drop({ type: flat.targetAverageUtilization === undefined ? 'AverageValue' : 'Utilization', averageValue: flat.targetAverageValue, averageUtilization: flat.targetAverageUtilization }) as MetricTarget;

export function metricFromFlat(flat: Flat): MetricSpec {
  const { type, object, pods, resource, containerResource, external } = flat;
  return drop({
    type,
    object: object && {
      describedObject: object.target,
      target: drop({ type: object.averageValue === undefined ? 'Value' : 'AverageValue', value: object.averageValue !== undefined && signOfQuantity(object.targetValue ?? '0') === 0 ? undefined : object.targetValue, averageValue: object.averageValue }),
      metric: drop({ name: object.metricName, selector: object.selector }),
    },
    pods: pods && { metric: drop({ name: pods.metricName, selector: pods.selector }), target: drop({ type: 'AverageValue', averageValue: pods.targetAverageValue }) },
    resource: resource && { name: resource.name, target: ownTarget(resource) },
    containerResource: containerResource && { name: containerResource.name, target: ownTarget(containerResource), container: containerResource.container },
    external: external && {
      metric: drop({ name: external.metricName, selector: external.metricSelector }),
      target: drop({ type: external.targetValue === undefined ? 'AverageValue' : 'Value', value: external.targetValue, averageValue: external.targetAverageValue }),
    },
  }) as MetricSpec;
}

export function statusToFlat(status: MetricStatus): Flat {
  const { type, object, pods, resource, containerResource, external } = status;
  const own = (source: { name: string; current: MetricValueStatus }) => ({ name: source.name, currentAverageUtilization: source.current.averageUtilization, currentAverageValue: source.current.averageValue ?? '0' });
  return drop({
    type,
    object: object && drop({ target: object.describedObject, metricName: object.metric.name, currentValue: object.current.value ?? '0', selector: object.metric.selector, averageValue: object.current.averageValue }),
    pods: pods && drop({ metricName: pods.metric.name, currentAverageValue: pods.current.averageValue ?? '0', selector: pods.metric.selector }),
    resource: resource && drop(own(resource)),
    containerResource: containerResource && drop({ ...own(containerResource), container: containerResource.container }),
    external: external && drop({ metricName: external.metric.name, metricSelector: external.metric.selector, currentValue: external.current.value ?? '0', currentAverageValue: external.current.averageValue }),
  });
}

export function statusFromFlat(flat: Flat): MetricStatus {
  const { type, object, pods, resource, containerResource, external } = flat;
  const own = (source: Flat) => drop({ averageValue: source.currentAverageValue, averageUtilization: source.currentAverageUtilization });
  return drop({
    type,
    object: object && { metric: drop({ name: object.metricName, selector: object.selector }), current: drop({ value: object.currentValue, averageValue: object.averageValue }), describedObject: object.target },
    pods: pods && { metric: drop({ name: pods.metricName, selector: pods.selector }), current: drop({ averageValue: pods.currentAverageValue }) },
    resource: resource && { name: resource.name, current: own(resource) },
    containerResource: containerResource && { name: containerResource.name, current: own(containerResource), container: containerResource.container },
    external: external && { metric: drop({ name: external.metricName, selector: external.metricSelector }), current: drop({ value: external.currentValue, averageValue: external.currentAverageValue }) },
  }) as MetricStatus;
}

/** The behavior is written with the names of Go's fields. */
export function behaviorToText(behavior: HorizontalPodAutoscalerBehavior): string {
  const rules = (r: HPAScalingRules | undefined) =>
    r
      ? {
          StabilizationWindowSeconds: r.stabilizationWindowSeconds ?? null,
          SelectPolicy: r.selectPolicy ?? null,
          Policies: r.policies?.map((p) => ({ Type: p.type, Value: p.value, PeriodSeconds: p.periodSeconds })) ?? null,
          Tolerance: r.tolerance ?? null,
        }
      : null;
  return JSON.stringify({ ScaleUp: rules(behavior.scaleUp), ScaleDown: rules(behavior.scaleDown) });
}

export function behaviorFromText(text: string): HorizontalPodAutoscalerBehavior | undefined {
  const lower = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(lower);
    if (typeof value !== 'object' || value === null) return value ?? undefined;
    return drop(Object.fromEntries(Object.entries(value).map(([key, v]) => [key[0].toLowerCase() + key.slice(1), lower(v)])));
  };
  const behavior = lower(JSON.parse(text)) as HorizontalPodAutoscalerBehavior;
  return behavior.scaleUp || behavior.scaleDown ? behavior : undefined;
}
