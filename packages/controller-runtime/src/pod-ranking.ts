/** Which pods go first when there are too many (k8s.io/kubernetes/pkg/controller ActivePodsWithRanks). */
import { parseTime } from '@pilothouse/base';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { isPodReady, readySinceMs } from './pod-state.ts';

const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

/** The pod's deletion cost; 0 where the annotation is absent or no 32-bit integer. */
function costOf(pod: Pod): number {
  const text = pod.metadata.annotations?.[deletionCost];
  if (!text || !/^(0|-?[1-9][0-9]*)$/.test(text)) return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
}

/** Restarts of the container that restarted most: of the ordinary ones, and of the sidecars. */
function restartsOf(pod: Pod): [regular: number, sidecar: number] {
  const most = (counts: number[]) => counts.reduce((a, b) => Math.max(a, b), 0);
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  return [most(pod.status?.containerStatuses?.map((c) => c.restartCount) ?? []), most(pod.status?.initContainerStatuses?.filter((c) => sidecars.has(c.name)).map((c) => c.restartCount) ?? [])];
}

/** Ages are compared by orders of magnitude, so that about equal pods are taken at random rather than always the youngest. */
const magnitude = (ageMs: number): number => (ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1);

function compareAges(a: Pod, b: Pod, aMs: number | undefined, bMs: number | undefined, nowMs: number): number {
  if (aMs === bMs) return 0;
  if (aMs === undefined) return -1;
  if (bMs === undefined) return 1;
  const difference = magnitude(nowMs - aMs) - magnitude(nowMs - bMs);
  if (difference) return difference;
  return a.metadata.uid! < b.metadata.uid! ? -1 : 1;
}

/**
 * Sorts pods so that those to delete first come first: unassigned, pending, not ready, of lower deletion cost, with more
 * of their relatives on the node (`rank`), ready for less time, with more restarts, younger.
 */
export function sortForDeletion(pods: readonly Pod[], options: { nowMs: number; rank?: (pod: Pod) => number }): Pod[] {
  const { nowMs, rank = () => 0 } = options;
  const created = (pod: Pod) => (pod.metadata.creationTimestamp ? parseTime(pod.metadata.creationTimestamp) : undefined);
  return [...pods].sort((a, b) => {
    const assigned = Number(!!a.spec?.nodeName) - Number(!!b.spec?.nodeName);
    if (assigned) return assigned;
    const phase = (phaseOrder[a.status?.phase ?? ''] ?? 0) - (phaseOrder[b.status?.phase ?? ''] ?? 0);
    if (phase) return phase;
    const ready = Number(isPodReady(a)) - Number(isPodReady(b));
    if (ready) return ready;
    const cost = costOf(a) - costOf(b);
    if (cost) return cost;
    const ranked = rank(b) - rank(a);
    if (ranked) return ranked;
    if (isPodReady(a)) {
      const since = compareAges(a, b, readySinceMs(a), readySinceMs(b), nowMs);
      if (since) return since;
    }
    const [aRegular, aSidecar] = restartsOf(a);
    const [bRegular, bSidecar] = restartsOf(b);
    if (aRegular !== bRegular) return bRegular - aRegular;
    if (aSidecar !== bSidecar) return bSidecar - aSidecar;
    return compareAges(a, b, created(a), created(b), nowMs);
  });
}
