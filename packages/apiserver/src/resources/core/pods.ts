import { dns1123Label, ipWarnings, pods as type } from '@pilothouse/apimachinery';
import type { Container, Pod as PublishedPod, PodAffinityTerm } from '@pilothouse/api-schemas/types/core/v1';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import type { Strategy, WriteContext } from '../../contract.ts';
import { defaultPod } from '../defaults/pod-spec.ts';
import { defineResource } from '../define.ts';
import type { Filled } from '../filled.ts';
import { same } from '../validation/equality.ts';
import { appArmorDeprecated, appArmorOfAnnotation, appArmorPrefix } from '../validation/pod-annotations.ts';
import { validatePodResize } from '../validation/pod-resize.ts';
import { validatePodStatusUpdate } from '../validation/pod-status.ts';
import { podSpecWarnings } from '../validation/pod-warnings.ts';
import { validateEphemeralContainersUpdate, validatePodCreate, validatePodUpdate } from '../validation/pod.ts';
import { timestamp } from '../time.ts';
import { qosOf } from './pod-qos.ts';

type Pod = Filled<PublishedPod>;

const strategy: Strategy<Pod> = {
  generation: true,
  warnsOnStatus: true,
  defaults: defaultPod,
  prepareForCreate(pod, context) {
    pod.status = { phase: 'Pending', qosClass: qosOf(pod.spec) };
    if (pod.spec.schedulingGates?.length) {
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', lastProbeTime: null as never, lastTransitionTime: timestamp(context), reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' }];
    }
    mergeLabelKeys(pod);
    copyAppArmor(pod, context.warn);
  },
  prepareForUpdate(pod, old, context) {
    if (context.subresource === 'status') prepareStatus(pod, old);
    else if (context.subresource === 'ephemeralcontainers') {
      keepMeta(pod, old);
      Object.assign(pod, { spec: { ...old.spec, ephemeralContainers: pod.spec.ephemeralContainers }, status: old.status });
    } else if (context.subresource === 'resize') {
      keepMeta(pod, old);
      keepAllButResources(pod, old);
    }
  },
  validate: validatePodCreate,
  validateUpdate: (pod: Pod, old: Pod, context: WriteContext) => (context.subresource === 'resize' ? validatePodResize : context.subresource === 'ephemeralcontainers' ? validateEphemeralContainersUpdate : validatePodUpdate)(pod, old),
  validateStatusUpdate: validatePodStatusUpdate,
  warnings(pod, old) {
    if (old) {
      const ips = (list: 'podIPs' | 'hostIPs') => (pod.status[list] ?? []).flatMap(({ ip }, i) => (same(pod.status[list], old.status[list]) ? [] : ipWarnings(ip, `status.${list}[${i}].ip`)));
      return [...ips('podIPs'), ...ips('hostIPs')];
    }
    const label = dns1123Label(pod.metadata.name ?? '');
    const name = label.length ? [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${label.join(' ')}]`] : [];
    return [...name, ...podSpecWarnings(pod.spec, pod.metadata)];
  },
  gracePeriodSeconds(pod, requested) {
    const { phase } = pod.status;
    if (!pod.spec.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
    const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    return period < 0 ? 1 : period;
  },
};

/** Keys of labels that (anti-)affinity and spreading take from the pod itself become part of their selectors. */
function mergeLabelKeys(pod: Pod): void {
  const labels = pod.metadata.labels ?? {};
  const extend = (selector: LabelSelector | undefined, keys: readonly string[] | undefined, operator: 'In' | 'NotIn') => {
    if (!selector) return;
    for (const key of keys ?? []) if (key in labels) (selector.matchExpressions ??= []).push({ key, operator, values: [labels[key]] });
  };
  const term = (t: PodAffinityTerm) => {
    extend(t.labelSelector, t.matchLabelKeys, 'In');
    extend(t.labelSelector, t.mismatchLabelKeys, 'NotIn');
  };
  for (const affinity of [pod.spec.affinity?.podAffinity, pod.spec.affinity?.podAntiAffinity]) {
    for (const weighted of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) term(weighted.podAffinityTerm);
    affinity?.requiredDuringSchedulingIgnoredDuringExecution?.forEach(term);
  }
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) extend(constraint.labelSelector, constraint.matchLabelKeys, 'In');
}

/** Subresources that are about parts of the spec leave the rest of the metadata alone. */
function keepMeta(pod: Pod, old: Pod): void {
  const kept: Partial<Pod['metadata']> = old.metadata;
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    if (kept[key] === undefined) delete pod.metadata[key];
    else pod.metadata[key] = kept[key] as never;
  }
}

/** AppArmor annotations of old become fields, where no field says otherwise; those that the pod's own field does not cover are warned of. */
function copyAppArmor(pod: Pod, warn: (text: string) => void): void {
  if (!pod.metadata.annotations || pod.spec.os?.name === 'windows') return;
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const container of (pod.spec[list] ?? []) as Container[]) {
      const annotation = pod.metadata.annotations[appArmorPrefix + container.name];
      if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
      const profile = appArmorOfAnnotation(annotation);
      const local = profile?.localhostProfile ?? '';
      const usable = profile !== undefined && local.trim() === local && local.length <= 4095;
      if (usable && same(profile, pod.spec.securityContext?.appArmorProfile)) continue;
      if (usable) (container.securityContext ??= {}).appArmorProfile = profile;
      warn(appArmorDeprecated(`metadata.annotations[${appArmorPrefix}${container.name}]`));
    }
  }
}

function prepareStatus(pod: Pod, old: Pod): void {
  pod.metadata.ownerReferences = old.metadata.ownerReferences;
  if (!pod.metadata.ownerReferences) delete pod.metadata.ownerReferences;
  // Behind a gate that is off.
  if (!old.status.nodeAllocatableResourceClaimStatuses?.length) delete pod.status.nodeAllocatableResourceClaimStatuses;
  pod.status.qosClass ||= old.status.qosClass;
  if (!pod.status.observedGeneration && old.status.observedGeneration) pod.status.observedGeneration = old.status.observedGeneration;
  // A type may occur several times: the nth keeps what the nth had.
  const before = Map.groupBy(old.status.conditions ?? [], ({ type }) => type);
  for (const condition of pod.status.conditions ?? []) {
    const generation = before.get(condition.type)?.shift()?.observedGeneration;
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}

function keepAllButResources(pod: Pod, old: Pod): void {
  const merge = (now: readonly Container[] | undefined, before: readonly Container[] | undefined): Container[] | undefined =>
    before?.every((container, i) => container.name === now?.[i]?.name) ? before.map((container, i) => withResources(container, now![i])) : (now as Container[] | undefined);
  const counts = (spec: Pod['spec']) => `${spec.containers?.length ?? 0}/${spec.initContainers?.length ?? 0}`;
  if (counts(pod.spec) !== counts(old.spec)) return;
  const { resources } = pod.spec;
  const containers = merge(pod.spec.containers, old.spec.containers)!;
  const initContainers = merge(pod.spec.initContainers, old.spec.initContainers);
  pod.spec = { ...old.spec, containers, ...(initContainers && { initContainers }) };
  if (resources) pod.spec.resources = resources;
  else delete pod.spec.resources;
  pod.status = old.status;
}

function withResources(container: Container, now: Container): Container {
  const { resizePolicy: _, ...rest } = container;
  return { ...rest, resources: now.resources, ...(now.resizePolicy && { resizePolicy: now.resizePolicy }) };
}

export const pods = defineResource<any>(type, {
  strategy,
  podSpec: (pod: Pod) => pod.spec,
  selectableFields: {
    'spec.nodeName': (pod: Pod) => pod.spec.nodeName ?? '',
    // What old clients call it.
    'spec.host': (pod: Pod) => pod.spec.nodeName ?? '',
    'spec.restartPolicy': (pod: Pod) => pod.spec.restartPolicy ?? '',
    'spec.schedulerName': (pod: Pod) => pod.spec.schedulerName ?? '',
    'spec.serviceAccountName': (pod: Pod) => pod.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (pod: Pod) => String(pod.spec.hostNetwork ?? false),
    'status.phase': (pod: Pod) => pod.status.phase ?? '',
    'status.podIP': (pod: Pod) => pod.status.podIPs?.[0]?.ip ?? '',
    // Known to upstream as a label, but never filled: it selects by the empty text only.
    'status.podIPs': () => '',
    'status.nominatedNodeName': (pod: Pod) => pod.status.nominatedNodeName ?? '',
  },
});
