import { dns1123Label, type FieldError, forbidden, invalid, notSupported, pathSegmentName, required, signOfQuantity } from '@pilothouse/apimachinery';
import type { CrossVersionObjectReference, HorizontalPodAutoscaler as Published, HPAScalingRules, MetricSpec, MetricTarget } from '@pilothouse/api-schemas/types/autoscaling/v2';
import type { Filled } from '../filled.ts';
import { checkName } from '../validation/check-name.ts';
import { validateContainerResourceName } from '../validation/resources.ts';

export type Hpa = Filled<Published>;

export function validateHpaSpec(errors: FieldError[], { spec }: Hpa, old: Hpa | undefined): void {
  const { minReplicas: min, maxReplicas: max } = spec;
  // To zero only where it was so before: the gate for it is off.
  const lowest = old?.spec.minReplicas === 0 ? 0 : 1;
  if (min !== undefined && min < lowest) errors.push(invalid('spec.minReplicas', min, `must be greater than or equal to ${lowest}`));
  if (!max) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 0) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to 1'));
  if (min !== undefined && max < min) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  const target = spec.scaleTargetRef;
  const before = old?.spec.scaleTargetRef;
  // A target that was there before is not asked for its group again.
  const known = before?.apiVersion === target.apiVersion && before?.kind === target.kind;
  validateReference(errors, target, 'spec.scaleTargetRef', known ? 'any' : target.kind === 'ReplicationController' ? 'well-formed' : 'grouped');
  spec.metrics?.forEach((metric, i) => validateMetric(errors, metric, `spec.metrics[${i}]`));
  if (min === 0 && !spec.metrics?.some((metric) => metric.type === 'Object' || metric.type === 'External')) errors.push(forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas'));
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules = spec.behavior?.[direction];
    if (rules) validateScaling(errors, rules, `spec.behavior.${direction}`);
  }
}

function validateReference(errors: FieldError[], ref: CrossVersionObjectReference, path: string, version: 'any' | 'well-formed' | 'grouped' = 'well-formed'): void {
  for (const key of ['kind', 'name'] as const) {
    if (!ref[key]) errors.push(required(`${path}.${key}`));
    else checkName(errors, `${path}.${key}`, ref[key], pathSegmentName);
  }
  if (version === 'any') return;
  const parts = (ref.apiVersion ?? '').split('/');
  if (parts.length > 2) errors.push(invalid(`${path}.apiVersion`, ref.apiVersion, `unexpected GroupVersion string: ${ref.apiVersion}`));
  else if (version === 'grouped' && (parts.length < 2 || !parts[0])) errors.push(invalid(`${path}.apiVersion`, ref.apiVersion ?? '', 'apiVersion must specify API group'));
}

const selectPolicies = ['Disabled', 'Max', 'Min'];

function validateScaling(errors: FieldError[], rules: HPAScalingRules, path: string): void {
  const window = rules.stabilizationWindowSeconds;
  if (window !== undefined && window < 0) errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if ((window ?? 0) > 3600) errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, 'must be less than or equal to 3600'));
  if (rules.selectPolicy !== undefined && !selectPolicies.includes(rules.selectPolicy)) errors.push(notSupported(`${path}.selectPolicy`, rules.selectPolicy, selectPolicies));
  if (!rules.policies?.length) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  rules.policies?.forEach(({ type, value, periodSeconds }, i) => {
    const at = `${path}.policies[${i}]`;
    if (type !== 'Pods' && type !== 'Percent') errors.push(notSupported(`${at}.type`, type, ['Percent', 'Pods']));
    if (value <= 0) errors.push(invalid(`${at}.value`, value, 'must be greater than zero'));
    if (periodSeconds <= 0) errors.push(invalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero'));
    if (periodSeconds > 1800) errors.push(invalid(`${at}.periodSeconds`, periodSeconds, 'must be less than or equal to 1800'));
  });
  if (rules.tolerance !== undefined && signOfQuantity(rules.tolerance) < 0) errors.push(invalid(`${path}.tolerance`, rules.tolerance, 'must be greater than or equal to 0'));
}

/** By the field that holds it, in the order in which upstream looks: its type's name, and its rules. */
const sources = {
  object: 'Object',
  external: 'External',
  pods: 'Pods',
  resource: 'Resource',
  containerResource: 'ContainerResource',
} as const;
type SourceField = keyof typeof sources;
const typeNames = Object.values(sources).sort();

function validateMetric(errors: FieldError[], metric: MetricSpec, path: string): void {
  if (!metric.type) errors.push(required(`${path}.type`, 'must specify a metric source type'));
  const known = (typeNames as readonly string[]).includes(metric.type);
  if (!known) errors.push(notSupported(`${path}.type`, metric.type, typeNames));
  const present = (Object.keys(sources) as SourceField[]).filter((field) => metric[field]);
  if (present.length) validateSource(errors, metric, present[0], `${path}.${present[0]}`);
  const expected = (Object.keys(sources) as SourceField[]).find((field) => sources[field] === metric.type);
  if (!expected) errors.push(notSupported(`${path}.type`, metric.type, typeNames));
  else if (!metric[expected]) errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  if (present.length !== 1) for (const field of present) if (field !== expected) errors.push(forbidden(`${path}.${field}`, 'must populate the given metric source only'));
}

function validateSource(errors: FieldError[], metric: MetricSpec, field: SourceField, path: string): void {
  const source = metric[field] as { target: MetricTarget; metric?: { name: string } };
  const { target } = source;
  if (field === 'object') validateReference(errors, metric.object!.describedObject, `${path}.describedObject`);
  if (field === 'resource' && !metric.resource!.name) errors.push(required(`${path}.name`, 'must specify a resource name'));
  if (field === 'containerResource') {
    const { name, container } = metric.containerResource!;
    if (!name) errors.push(required(`${path}.name`, 'must specify a resource name'));
    else validateContainerResourceName(errors, name, `${path}.name`);
    if (!container) errors.push(required(`${path}.container`, 'must specify a container'));
    else checkName(errors, `${path}.container`, container, dns1123Label);
  }
  if (field === 'object' || field === 'external' || field === 'pods') {
    const name = source.metric?.name;
    if (!name) errors.push(required(`${path}.metric.name`, 'must specify a metric name'));
    else checkName(errors, `${path}.metric.name`, name, pathSegmentName);
  }
  validateTarget(errors, target, `${path}.target`);
  const { value, averageValue, averageUtilization } = target;
  const at = `${path}.target`;
  if (field === 'object' && value === undefined && averageValue === undefined) errors.push(required(`${at}.averageValue`, 'must set either a target value or averageValue'));
  if (field === 'external' && value === undefined && averageValue === undefined) errors.push(required(`${at}.averageValue`, 'must set either a target value for metric or a per-pod target'));
  if (field === 'external' && value !== undefined && averageValue !== undefined) errors.push(forbidden(`${at}.value`, 'may not set both a target value for metric and a per-pod target'));
  if (field === 'pods' && averageValue === undefined) errors.push(required(`${at}.averageValue`, 'must specify a positive target averageValue'));
  if (field !== 'resource' && field !== 'containerResource') return;
  if (averageUtilization === undefined && averageValue === undefined) errors.push(required(`${at}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (averageUtilization !== undefined && averageValue !== undefined) errors.push(forbidden(`${at}.averageValue`, 'may not set both a target raw value and a target utilization'));
}

function validateTarget(errors: FieldError[], target: MetricTarget, path: string): void {
  if (!target.type) errors.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(target.type)) errors.push(invalid(`${path}.type`, target.type, 'must be either Utilization, Value, or AverageValue'));
  for (const key of ['value', 'averageValue'] as const) if (target[key] !== undefined && signOfQuantity(target[key]) <= 0) errors.push(invalid(`${path}.${key}`, target[key], 'must be positive'));
  if (target.averageUtilization !== undefined && target.averageUtilization < 1) errors.push(invalid(`${path}.averageUtilization`, target.averageUtilization, 'must be greater than 0'));
}
