/** Which pods nobody else will delete. Pure. */
import type { Node, Pod, PodCondition, PodStatus } from '@pilothouse/api-schemas/types/core/v1';
import { byCreation, isPodTerminal, nodeCondition } from '@pilothouse/controller-runtime';

const isEvicted = (pod: Pod): boolean => pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted';

/** Evicted ones first, then the oldest. */
const evictedFirst = (a: Pod, b: Pod): number => Number(isEvicted(b)) - Number(isEvicted(a)) || byCreation(a, b);

/** Finished pods beyond `most`; 0: none are too many. */
export function surplusFinished(pods: readonly Pod[], most: number): Pod[] {
  if (most <= 0) return [];
  const finished = pods.filter(isPodTerminal).sort(evictedFirst);
  return finished.slice(0, Math.max(0, finished.length - most));
}

/** Going, on a node that is known to be out of service. */
export const stuckOutOfService = (pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): Pod[] => pods.filter((pod) => pod.metadata.deletionTimestamp && isOutOfService(nodeOf(pod.spec?.nodeName ?? '')));

const isOutOfService = (node: Node | undefined): boolean => !!node && nodeCondition(node, 'Ready')?.status !== 'True' && (node.spec?.taints?.some((taint) => taint.key === 'node.kubernetes.io/out-of-service') ?? false);

/** Going before they came to any node. */
export const unboundGoing = (pods: readonly Pod[]): Pod[] => pods.filter((pod) => pod.metadata.deletionTimestamp && !pod.spec?.nodeName);

/** Names of nodes that pods are on and that do not exist. */
export const missingNodes = (pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): Set<string> => new Set(pods.map((pod) => pod.spec?.nodeName).filter((name): name is string => !!name && !nodeOf(name)));

/** What the status of a pod that ends here changes by: it failed, since no kubelet is there to say so. Undefined where it is finished already. */
export function failedStatus(pod: Pod, condition: PodCondition | undefined): PodStatus | undefined {
  if (isPodTerminal(pod)) return undefined;
  const observed = pod.metadata.generation && { observedGeneration: pod.metadata.generation };
  const old = pod.status?.conditions?.find((c) => c.type === condition?.type);
  const next = condition && { ...condition, ...(old?.status === condition.status && { lastTransitionTime: old.lastTransitionTime }), ...observed };
  return { phase: 'Failed', ...observed, ...(next && { conditions: [next] }) };
}
