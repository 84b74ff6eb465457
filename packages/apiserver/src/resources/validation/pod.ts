/** The rules for pods themselves: create, update, ephemeral containers. */
import { type FieldError, forbidden, goQuote, invalid, nameIsDnsSubdomain, rangeText, required, unnamedPath } from '@pilothouse/apimachinery';
import type { Container, NodeAffinity, NodeSelectorTerm, Pod as PublishedPod, PodSpec, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import type { Filled } from '../filled.ts';
import { validateImageText } from './containers.ts';
import { same } from './equality.ts';
import { internalForm, internalForms, sortedMap } from './internal-form.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';
import { mirrorAnnotation, validateAnnotationsMatchFields, validateAnnotationUpdate, validatePodAnnotations } from './pod-annotations.ts';
import { validatePodSpec } from './pod-spec.ts';
import { validateTolerations } from './scheduling.ts';
import { unifiedDiff } from './spec-diff.ts';

type Pod = Filled<PublishedPod>;

function validateMetaAndSpec(errors: FieldError[], pod: Pod, old?: Pod): void {
  const { metadata, spec } = pod;
  validateObjectMeta(errors, metadata, { name: nameIsDnsSubdomain, namespaced: true });
  validatePodAnnotations(errors, metadata.annotations, spec, 'metadata.annotations', old?.metadata.annotations);
  validatePodSpec(errors, spec, 'spec', { meta: metadata, isPod: true, old: old?.spec });
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, i) => {
      volume.projected?.sources?.forEach((source, j) => {
        if (source.serviceAccountToken) errors.push(forbidden(`spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`, 'must not be specified when serviceAccountName is not set'));
      });
    });
  }
  for (const list of ['containers', 'initContainers'] as const) spec[list]?.forEach((container, i) => validateImageText(errors, container.image, `spec.${list}[${i}].image`));
}

export function validatePodCreate(pod: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = pod;
  validateMetaAndSpec(errors, pod);
  if (spec.ephemeralContainers?.length) errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  validateAnnotationsMatchFields(errors, pod.metadata.annotations, spec, 'spec');
  return errors;
}

/** Metadata, spec and annotations: the part that all writes of an existing pod share. */
export function validateExistingPod(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  validateObjectMetaUpdate(errors, pod.metadata, old.metadata);
  validateMetaAndSpec(errors, pod, old);
  validateAnnotationUpdate(errors, pod.metadata, old.metadata, 'metadata.annotations');
  validatePodAnnotations(errors, pod.metadata.annotations, pod.spec, 'metadata.annotations', old.metadata.annotations);
  return errors;
}

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = validateExistingPod(pod, old);
  if (!validateContainerLists(errors, pod.spec, old.spec)) return errors;
  if (!validateDeadline(errors, pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)) return errors;
  validateAddedTolerations(errors, pod.spec.tolerations, old.spec.tolerations);
  pod.spec.schedulingGates?.forEach(({ name }, i) => {
    if (!old.spec.schedulingGates?.some((gate) => gate.name === name)) errors.push(forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`));
  });
  if (same(pod.spec, old.spec)) return errors;
  const rest = withoutUpdatable(pod.spec, old.spec);
  if (old.spec.schedulingGates?.length) allowGatedChanges(errors, rest, old.spec);
  if (!same(rest, old.spec)) errors.push(forbidden('spec', `pod updates may not change fields other than ${updatable}\n${unifiedDiff(internalForm('core/v1.PodSpec', old.spec), internalForm('core/v1.PodSpec', rest))}`));
  return errors;
}

/** Says whether the lists are the same as far as a further comparison needs it. */
function validateContainerLists(errors: FieldError[], spec: PodSpec, old: PodSpec): boolean {
  for (const list of ['containers', 'initContainers'] as const) {
    const now = spec[list] ?? [];
    if (now.length !== (old[list] ?? []).length) {
      errors.push(forbidden(`spec.${list}`, 'pod updates may not add or remove containers'));
      return false;
    }
    now.forEach((container, i) => {
      if (!container.image) errors.push(required(`spec.${list}[${i}].image`));
      validateImageText(errors, container.image, `spec.${list}[${i}].image`);
    });
  }
  return true;
}

function validateDeadline(errors: FieldError[], now: number | undefined, before: number | undefined): boolean {
  const path = 'spec.activeDeadlineSeconds';
  if (now === undefined) {
    if (before !== undefined) errors.push(invalid(path, null, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (now < 0 || now > 2147483647) errors.push(invalid(path, now, rangeText(0, 2147483647)));
  else if (before !== undefined && before < now) errors.push(invalid(path, now, 'must be less than or equal to previous value'));
  else return true;
  return false;
}

function validateAddedTolerations(errors: FieldError[], now: readonly Toleration[] | undefined, before: readonly Toleration[] | undefined): void {
  const without = (t: Toleration) => ({ ...t, tolerationSeconds: undefined });
  if (before?.some((old) => !now?.some((toleration) => same(without(toleration), without(old))))) errors.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  else validateTolerations(errors, now, 'spec.tolerations');
}

/** The new spec with what may change put back. */
function withoutUpdatable(spec: PodSpec, old: PodSpec): PodSpec {
  const images = (now: Container[] | undefined, before: Container[] | undefined) => now?.map((container, i) => ({ ...container, image: before?.[i].image }));
  const grace = spec.terminationGracePeriodSeconds === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0;
  return {
    ...spec,
    containers: images(spec.containers, old.containers) ?? [],
    initContainers: images(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
    ...(grace && { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds }),
  };
}

/** While a pod waits behind gates, node selector and node affinity may become narrower. */
function allowGatedChanges(errors: FieldError[], rest: PodSpec, old: PodSpec): void {
  if (!same(rest.nodeSelector, old.nodeSelector)) {
    const before = old.nodeSelector ?? {};
    if (Object.keys(before).some((key) => rest.nodeSelector?.[key] !== before[key])) errors.push(invalid('spec.nodeSelector', sortedMap(rest.nodeSelector), 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'));
    rest.nodeSelector = old.nodeSelector;
  }
  const now = rest.affinity?.nodeAffinity;
  const before = old.affinity?.nodeAffinity;
  if (same(now, before)) return;
  validateNodeAffinityMutation(errors, now, before, 'spec.affinity.nodeAffinity');
  const affinity = { ...rest.affinity, nodeAffinity: before };
  rest.affinity = !before && !old.affinity && !rest.affinity?.podAffinity && !rest.affinity?.podAntiAffinity ? undefined : affinity;
}

/** Also for the templates of suspended jobs. */
export function validateNodeAffinityMutation(errors: FieldError[], now: NodeAffinity | undefined, before: NodeAffinity | undefined, path: string): void {
  const key = 'requiredDuringSchedulingIgnoredDuringExecution';
  const oldTerms = before?.[key]?.nodeSelectorTerms ?? [];
  if (!before?.[key]) return;
  const newTerms = now?.[key]?.nodeSelectorTerms ?? [];
  if (oldTerms.length > 0 && oldTerms.length !== newTerms.length) {
    errors.push(invalid(`${path}.${key}.nodeSelectorTerms`, internalForms('core/v1.NodeSelectorTerm', newTerms), 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'));
    return;
  }
  oldTerms.forEach((term, i) => {
    if (!onlyAdds(newTerms[i], term)) errors.push(invalid(`${path}.${key}.nodeSelectorTerms[${i}]`, internalForm('core/v1.NodeSelectorTerm', newTerms[i]), 'only additions are allowed (no mutations or deletions)'));
  });
}

function onlyAdds(now: NodeSelectorTerm, before: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  if (lists.every((list) => !before[list]?.length) && lists.some((list) => now[list]?.length)) return false;
  return lists.every((list) => same(now[list]?.slice(0, before[list]?.length ?? 0), before[list]));
}

export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = validateExistingPod(pod, old);
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) return [forbidden(unnamedPath, 'static pods do not support ephemeral containers')];
  for (const before of old.spec.ephemeralContainers ?? []) {
    const now = pod.spec.ephemeralContainers?.find((c) => c.name === before.name);
    const name = goQuote(before.name);
    if (!now) errors.push(forbidden('spec.ephemeralContainers', `existing ephemeral containers ${name} may not be removed\n`));
    else if (!same(now, before)) errors.push(forbidden('spec.ephemeralContainers', `existing ephemeral containers ${name} may not be changed\n${unifiedDiff(internalForm('core/v1.EphemeralContainer', before), internalForm('core/v1.EphemeralContainer', now))}`));
  }
  return errors;
}
