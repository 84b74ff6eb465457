/** Which objects a quota is about. */
import type { PersistentVolumeClaim, Pod, PodAffinityTerm, ResourceQuota } from '@pilothouse/api-schemas/types/core/v1';
import { isZeroQuantity } from '../quantity.ts';

export interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: readonly string[];
}

export const scopesOf = (quota: ResourceQuota): ScopeRequirement[] => [...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })), ...((quota.spec?.scopeSelector?.matchExpressions ?? []) as ScopeRequirement[])];

function selects({ operator, values = [] }: ScopeRequirement, names: readonly string[]): boolean {
  switch (operator) {
    case 'In':
      return names.some((n) => values.includes(n));
    case 'NotIn':
      return !names.length || names.some((n) => !values.includes(n));
    case 'Exists':
      return names.length > 0;
    default:
      return names.length === 0;
  }
}

/** No container asks for processor time or memory. */
export function isBestEffort(pod: Pod): boolean {
  const asks = (resources: { requests?: unknown; limits?: unknown } | undefined) => [resources?.requests, resources?.limits].some((list) => Object.entries((list ?? {}) as Record<string, string>).some(([name, amount]) => (name === 'cpu' || name === 'memory') && !isZeroQuantity(amount)));
  return !asks(pod.spec?.resources) && ![...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) => asks(c.resources));
}

/** The pod has a deadline. */
export const isTerminating = (pod: Pod) => (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;

function crossesNamespaces(pod: Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms: PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((a) => [...(a?.requiredDuringSchedulingIgnoredDuringExecution ?? []), ...(a?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => w.podAffinityTerm)]);
  return terms.some((t) => !!t.namespaces?.length || !!t.namespaceSelector);
}

export function podInScope(scope: ScopeRequirement, pod: Pod): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return selects(scope, pod.spec?.priorityClassName ? [pod.spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

export function claimInScope(scope: ScopeRequirement, claim: PersistentVolumeClaim): boolean {
  if (scope.scopeName !== 'VolumeAttributesClass') return false;
  const names = [claim.spec?.volumeAttributesClassName, claim.status?.currentVolumeAttributesClassName, claim.status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter((n): n is string => !!n);
  return selects(scope, [...new Set(names)]);
}
