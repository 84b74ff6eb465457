/** The scheduling queue as lanes. Pure. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Lane, QueuedPod } from '@pilothouse/scheduler-lab/api/types';

export interface LanePod {
  key: string;
  namespace: string;
  name: string;
  lane: Lane;
  priority: number;
  /** RFC 3339; when it came into the lane. */
  since: string;
  attempts: number;
  /** Plugins that said no, or the gate. */
  reasons: readonly string[];
  message: string;
  backoffUntil?: string;
  nominatedNode?: string;
}

/** In the order of a pod's way. `InFlight` and `Held` share a lane with `Active`: what the scheduler has in hand comes first. */
export const lanes = [
  { id: 'Active', title: 'Active', about: 'ready to be tried, highest priority first' },
  { id: 'Backoff', title: 'Back-off', about: 'tried lately, waits before the next try' },
  { id: 'Unschedulable', title: 'Unschedulable', about: 'no node took it, waits for something to change' },
  { id: 'Gated', title: 'Gated', about: 'not to be tried until its gates are gone' },
] as const;

export type LaneId = (typeof lanes)[number]['id'];

export const laneOf = (lane: Lane): LaneId => (lane === 'InFlight' || lane === 'Held' ? 'Active' : lane);

/** The scheduler's own account of its queue. */
export const fromQueue = (queued: readonly QueuedPod[]): LanePod[] =>
  queued.map((q) => ({
    key: `${q.pod.namespace}/${q.pod.name}`,
    namespace: q.pod.namespace,
    name: q.pod.name,
    lane: q.lane,
    priority: q.pod.priority,
    since: q.since,
    attempts: q.attempts,
    reasons: q.gatedBy ? [q.gatedBy] : (q.rejectedBy ?? []),
    message: q.message ?? '',
    backoffUntil: q.backoffUntil,
    nominatedNode: q.nominatedNode,
  }));

/**
 * A guess from the pods alone, for schedulers that keep their queue to themselves: pods with gates are gated, pods with
 * the condition PodScheduled=False are unschedulable (or in back-off, which cannot be told), others are active.
 */
export function fromPods(pods: readonly Pod[]): LanePod[] {
  const result: LanePod[] = [];
  for (const pod of pods) {
    if (pod.spec?.nodeName || pod.metadata.deletionTimestamp || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue;
    const condition = pod.status?.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False');
    const gates = pod.spec?.schedulingGates?.map((gate) => gate.name) ?? [];
    result.push({
      key: `${pod.metadata.namespace}/${pod.metadata.name}`,
      namespace: pod.metadata.namespace!,
      name: pod.metadata.name!,
      lane: gates.length ? 'Gated' : condition ? 'Unschedulable' : 'Active',
      priority: pod.spec?.priority ?? 0,
      since: condition?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? '',
      attempts: condition ? 1 : 0,
      reasons: gates,
      message: condition?.message ?? '',
      nominatedNode: pod.status?.nominatedNodeName,
    });
  }
  return result;
}

const rank = (pod: LanePod): number => (pod.lane === 'Held' ? 0 : pod.lane === 'InFlight' ? 1 : 2);

/** Each lane's pods: held ones, those in flight, then by priority, then who waits longest. */
export function byLane(pods: readonly LanePod[]): Record<LaneId, LanePod[]> {
  const result: Record<LaneId, LanePod[]> = { Active: [], Backoff: [], Unschedulable: [], Gated: [] };
  for (const pod of pods) result[laneOf(pod.lane)].push(pod);
  for (const list of Object.values(result)) list.sort((a, b) => rank(a) - rank(b) || b.priority - a.priority || (a.since < b.since ? -1 : a.since > b.since ? 1 : 0) || (a.key < b.key ? -1 : 1));
  return result;
}
