/** Which events an update of a pod or node amounts to. */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { podRequests } from '../pod/requests.ts';
import { type ActionName, type ClusterEvent, clusterEvent } from './cluster-event.ts';

/** Deep equality of JSON values; absent and empty are the same, as in upstream's semantic equality. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isVoid(a) && isVoid(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) if (!sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  return true;
}
const isVoid = (value: unknown) => value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

function scaledDown(now: Pod, old: Pod): boolean {
  const after = podRequests(now, { useStatus: true });
  for (const [name, amount] of podRequests(old, { useStatus: true })) {
    const left = after.get(name);
    if (left === undefined || amount > left) return true;
  }
  return false;
}

/** At least one event. `AssignedPod` where the pod has a node. */
export function podUpdateEvents(now: Pod, old: Pod): ClusterEvent[] {
  const resource = now.spec?.nodeName ? 'AssignedPod' : 'UnschedulablePod';
  const actions: ActionName[] = [];
  if (!sameValue(now.metadata.labels, old.metadata.labels)) actions.push('UpdatePodLabel');
  if (scaledDown(now, old)) actions.push('UpdatePodScaleDown');
  if (!now.spec?.schedulingGates?.length && old.spec?.schedulingGates?.length) actions.push('UpdatePodSchedulingGatesEliminated');
  if ((now.spec?.tolerations?.length ?? 0) !== (old.spec?.tolerations?.length ?? 0)) actions.push('UpdatePodToleration');
  if (!sameValue(now.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses) || !sameValue(now.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus)) actions.push('UpdatePodGeneratedResourceClaim');
  if (!actions.length) actions.push('Update');
  return actions.map((action) => clusterEvent(resource, action));
}

/** May be empty. */
export function nodeUpdateEvents(now: Node, old: Node): ClusterEvent[] {
  const actions = new Set<ActionName>();
  if (old.spec?.unschedulable && !now.spec?.unschedulable) actions.add('UpdateNodeTaint');
  if (!sameValue(now.status?.allocatable, old.status?.allocatable)) actions.add('UpdateNodeAllocatable');
  if (!sameValue(now.metadata.labels, old.metadata.labels)) actions.add('UpdateNodeLabel');
  if (!sameValue(now.spec?.taints, old.spec?.taints)) actions.add('UpdateNodeTaint');
  const conditions = (node: Node) => Object.fromEntries((node.status?.conditions ?? []).map((c) => [c.type, c.status]));
  if (!sameValue(conditions(now), conditions(old))) actions.add('UpdateNodeCondition');
  if (!sameValue(now.metadata.annotations, old.metadata.annotations)) actions.add('UpdateNodeAnnotation');
  if (!sameValue(now.status?.declaredFeatures, old.status?.declaredFeatures)) actions.add('UpdateNodeDeclaredFeature');
  return [...actions].map((action) => clusterEvent('Node', action));
}
