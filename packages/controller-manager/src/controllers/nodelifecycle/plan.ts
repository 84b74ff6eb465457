/** How well nodes are, and what follows from it. Pure. */
import { formatTime, parseTime } from '@pilothouse/base';
import type { Node, NodeCondition, Taint } from '@pilothouse/api-schemas/types/core/v1';
import { nodeCondition, sameTaint, semanticallyEqual } from '@pilothouse/controller-runtime';

export const notReadyKey = 'node.kubernetes.io/not-ready';
export const unreachableKey = 'node.kubernetes.io/unreachable';

const taintOf: Record<string, Record<string, string>> = {
  Ready: { False: notReadyKey, Unknown: unreachableKey },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const unschedulableKey = 'node.kubernetes.io/unschedulable';
const ours = new Set([unschedulableKey, ...Object.values(taintOf).flatMap((keys) => Object.values(keys))]);

/** NoSchedule taints that show a node's conditions and whether it is cordoned. */
export function noScheduleChange(node: Node): { add: Taint[]; remove: Taint[] } {
  const wanted: Taint[] = [];
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = taintOf[type]?.[status];
    if (key) wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: unschedulableKey, effect: 'NoSchedule' });
  const present = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoSchedule' && ours.has(taint.key));
  return { add: wanted.filter((taint) => !present.some((p) => sameTaint(p, taint))), remove: present.filter((taint) => !wanted.some((w) => sameTaint(w, taint))) };
}

/** The NoExecute taint a node in this state has, and the one it has not. Undefined: ready. */
export function noExecuteTaints(ready: NodeCondition | undefined): { add: Taint; remove: Taint } | undefined {
  const notReady: Taint = { key: notReadyKey, effect: 'NoExecute' };
  const unreachable: Taint = { key: unreachableKey, effect: 'NoExecute' };
  if (ready?.status === 'False') return { add: notReady, remove: unreachable };
  if (ready?.status === 'Unknown') return { add: unreachable, remove: notReady };
  return undefined;
}

/** Labels whose old names are kept in step with the new. */
const mirroredLabels = { 'kubernetes.io/os': 'beta.kubernetes.io/os', 'kubernetes.io/arch': 'beta.kubernetes.io/arch' };

export function labelChange(node: Node): Record<string, string> | undefined {
  const labels = node.metadata.labels ?? {};
  const change: Record<string, string> = {};
  for (const [primary, secondary] of Object.entries(mirroredLabels)) if (labels[primary] !== undefined && labels[secondary] !== labels[primary]) change[secondary] = labels[primary];
  return Object.keys(change).length ? change : undefined;
}

/** When a node was last heard of, by this process's clock. */
export interface Health {
  ready: NodeCondition | undefined;
  probeMs: number;
  leaseRenewTime?: string;
}

export interface HealthOptions {
  nowMs: number;
  /** Silence after which a node counts as lost. */
  graceMs: number;
  /** The same for a node that has not reported at all yet. */
  startupGraceMs: number;
}

/**
 * What to make of a node: a heartbeat by status or by lease renews its health; after too long a silence its conditions
 * become Unknown. `conditions` is set where they are to be written.
 */
export function judge(node: Node, lease: { renewTime?: string } | undefined, saved: Health | undefined, options: HealthOptions): { health: Health; observed: NodeCondition; current: NodeCondition | undefined; conditions?: NodeCondition[] } {
  const { nowMs } = options;
  const createdMs = parseTime(node.metadata.creationTimestamp ?? '') || nowMs;
  const ready = nodeCondition(node, 'Ready');
  const observed: NodeCondition = ready ?? { type: 'Ready', status: 'Unknown', lastHeartbeatTime: node.metadata.creationTimestamp, lastTransitionTime: node.metadata.creationTimestamp };
  let probeMs: number;
  if (!ready && !saved) probeMs = createdMs;
  else if (!saved || !saved.ready !== !ready) probeMs = nowMs;
  else probeMs = saved.ready?.lastHeartbeatTime === ready?.lastHeartbeatTime ? saved.probeMs : nowMs;
  let leaseRenewTime = saved?.leaseRenewTime;
  if (lease?.renewTime && (!leaseRenewTime || leaseRenewTime < lease.renewTime)) {
    leaseRenewTime = lease.renewTime;
    probeMs = nowMs;
  }
  const health: Health = { ready, probeMs, leaseRenewTime };
  if (nowMs <= probeMs + (ready ? options.graceMs : options.startupGraceMs)) return { health, observed, current: ready };
  const conditions = lostConditions(node, nowMs);
  const current = conditions.find((condition) => condition.type === 'Ready');
  if (semanticallyEqual(current, observed)) return { health, observed, current: ready };
  return { health: { ...health, ready: current }, observed, current, conditions };
}

function lostConditions(node: Node, nowMs: number): NodeCondition[] {
  const conditions = [...(node.status?.conditions ?? [])];
  for (const type of ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']) {
    const at = conditions.findIndex((condition) => condition.type === type);
    if (at < 0) conditions.push({ type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', lastHeartbeatTime: node.metadata.creationTimestamp, lastTransitionTime: formatTime(nowMs) });
    else if (conditions[at].status !== 'Unknown') conditions[at] = { ...conditions[at], status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: formatTime(nowMs) };
  }
  return conditions;
}

export type ZoneState = 'Initial' | 'Normal' | 'PartialDisruption' | 'FullDisruption';

/** A zone is disrupted where none of its nodes is ready, or most of at least three are not. */
export function zoneState(readyStatuses: readonly (string | undefined)[], unhealthyThreshold: number): ZoneState {
  const ready = readyStatuses.filter((status) => status === 'True').length;
  const rest = readyStatuses.length - ready;
  if (ready === 0 && rest > 0) return 'FullDisruption';
  return rest > 2 && rest / readyStatuses.length >= unhealthyThreshold ? 'PartialDisruption' : 'Normal';
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\0:${zone}` : '';
}
