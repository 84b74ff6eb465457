/** The rules of the `resize` subresource: a pod's cpu and memory in place. */
import { forbidden, invalid, type FieldError, unnamedPath } from '@pilothouse/apimachinery';
import type { Container, Pod as PublishedPod, PodSpec, ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';
import { qosOf } from '../core/pod-qos.ts';
import type { Filled } from '../filled.ts';
import { same } from './equality.ts';
import { mirrorAnnotation } from './pod-annotations.ts';
import { validateExistingPod } from './pod.ts';

type Pod = Filled<PublishedPod>;
type Amounts = Record<string, string> | undefined;

export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  const errors = validateExistingPod(pod, old);
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) return [forbidden(unnamedPath, 'static pods cannot be resized')];
  if (old.spec.os?.name === 'windows') return [forbidden(unnamedPath, 'windows pods cannot be resized')];
  if ((old.status.qosClass ?? qosOf(old.spec)) !== qosOf(pod.spec)) errors.push(invalid('spec', pod.status.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  const running = old.status.containerStatuses?.find((s) => s.state?.running);
  if (running && !running.resources) errors.push(forbidden('spec', 'Pod running on node without support for resize'));
  const rest: PodSpec = { ...pod.spec };
  if (hasAmounts(pod.spec.resources) || hasAmounts(old.spec.resources)) validatePodLevel(errors, rest, old.spec);
  const before = errors.length;
  for (const list of ['containers', 'initContainers'] as const) validateOrder(errors, pod.spec[list] ?? [], old.spec[list] ?? [], list);
  if (errors.length > before) return errors;
  for (const list of ['initContainers', 'containers'] as const) {
    old.spec[list]?.forEach((container, i) => {
      for (const kind of ['requests', 'limits'] as const) {
        if (removed(pod.spec[list]![i].resources?.[kind], container.resources?.[kind])) errors.push(forbidden(`spec.${list}[${i}].resources.${kind}`, `resource ${kind} cannot be removed`));
      }
    });
  }
  rest.containers = pod.spec.containers.map((container, i) => {
    const munged = withOldCompute(container, old.spec.containers[i]);
    if (!same(munged, old.spec.containers[i])) errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
    return munged;
  });
  rest.initContainers = pod.spec.initContainers?.map((container, i) => {
    const previous = old.spec.initContainers![i];
    const munged = withOldCompute(container, previous);
    if (!same(munged, previous)) errors.push(forbidden(`spec.initContainers[${i}]`, 'only cpu and memory resources for init or sidecar containers are mutable'));
    if (!same(container, previous) && container.restartPolicy !== 'Always' && container.resizePolicy?.some((p) => p.restartPolicy === 'RestartContainer'))
      errors.push(forbidden(`spec.initContainers[${i}]`, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'));
    return munged;
  });
  if (errors.length === 0 && !same(rest, old.spec)) errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  return errors;
}

const hasAmounts = (resources: ResourceRequirements | undefined): boolean => Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;
const removed = (now: Amounts, before: Amounts): boolean => Object.keys(before ?? {}).some((name) => now?.[name] === undefined);

function validateOrder(errors: FieldError[], now: readonly Container[], before: readonly Container[], list: string): void {
  if (now.length !== before.length) errors.push(forbidden(`spec.${list}`, `${list} may not be added or removed on resize`));
  else
    before.forEach((container, i) => {
      if (now[i].name !== container.name) errors.push(forbidden(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`));
    });
}

/** cpu and memory as they were, the rest as it is now. */
function mix(now: Amounts, before: Amounts): Amounts {
  const { cpu: _cpu, memory: _memory, ...rest } = now ?? {};
  const mixed = { ...rest, ...(before?.cpu !== undefined && { cpu: before.cpu }), ...(before?.memory !== undefined && { memory: before.memory }) };
  return Object.keys(mixed).length ? mixed : undefined;
}

const withOldCompute = (container: Container, old: Container): Container => ({ ...container, resources: dropEmpty({ limits: mix(container.resources?.limits, old.resources?.limits), requests: mix(container.resources?.requests, old.resources?.requests) }) });
const dropEmpty = (resources: ResourceRequirements): ResourceRequirements => JSON.parse(JSON.stringify(resources));

function validatePodLevel(errors: FieldError[], rest: PodSpec, old: PodSpec): void {
  if (old.resources && !rest.resources) {
    errors.push(forbidden('spec.resources', 'pod-level resources cannot be removed'));
    return;
  }
  for (const kind of ['requests', 'limits'] as const) if (old.resources && removed(rest.resources?.[kind], old.resources[kind])) errors.push(forbidden(`spec.resources.${kind}`, `pod-level resource ${kind} cannot be removed`));
  const mixed = dropEmpty({ ...rest.resources, requests: mix(rest.resources?.requests, old.resources?.requests), limits: mix(rest.resources?.limits, old.resources?.limits) });
  rest.resources = !old.resources && !hasAmounts(mixed) ? undefined : mixed;
  if (!same(rest.resources, old.resources)) errors.push(forbidden('spec', 'only cpu and memory resources are mutable at pod-level'));
}
