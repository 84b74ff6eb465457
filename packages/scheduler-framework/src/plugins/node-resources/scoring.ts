/** How full a node would be, as a score: LeastAllocated, MostAllocated, RequestedToCapacityRatio, balance. */
import { maxNodeScore, type PluginHandle } from '../../contract.ts';
import { isScalarResource } from '../../pod/amounts.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { nonZeroDefaults, podRequests } from '../../pod/requests.ts';
import type { ClusterSnapshot } from '../../snapshot/cluster-snapshot.ts';
import { divide } from '../normalize.ts';
import type { DevicesOnNode } from './device-totals.ts';

export interface ResourceSpec {
  name: string;
  weight: number;
}

export interface ShapePoint {
  /** Percent. */
  utilization: number;
  /** 0 to 10. */
  score: number;
}

export interface ScoringStrategy {
  type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  resources: ResourceSpec[];
  requestedToCapacityRatio?: { shape: ShapePoint[] };
}

/** Score of a node (an index) for requests in the order of the strategy's resources. */
export type Scorer = (requests: readonly number[], node: number, devices: DevicesOnNode | undefined) => number;

/** What NodeResourcesFit scores a pod by, in the order of `resources`: defaults for what is missing, pod-level resources not seen (as upstream does it). */
export function fitRequests(info: PodInfo, resources: readonly ResourceSpec[]): number[] {
  const amounts = podRequests(info.pod, { nonMissing: nonZeroDefaults, skipPodLevel: true });
  return resources.map((r) => amounts.get(r.name) ?? 0);
}

/** What the balance is taken over, in the order of `resources`. */
export function balanceRequests(info: PodInfo, resources: readonly ResourceSpec[]): number[] {
  const amounts = podRequests(info.pod, { useStatus: true });
  return resources.map((r) => amounts.get(r.name) ?? 0);
}

/** Fills `allocatable` and `allocated` for each resource; both 0 for what the node lacks or the pod does not care for. */
export function nodeAmounts(snapshot: ClusterSnapshot, resources: readonly ResourceSpec[], requests: readonly number[], node: number, useRequested: boolean, devices: DevicesOnNode | undefined, allocatable: number[], allocated: number[]): void {
  for (let i = 0; i < resources.length; i++) {
    const name = resources[i].name;
    allocatable[i] = allocated[i] = 0;
    if (requests[i] === 0 && isScalarResource(name)) continue;
    switch (name) {
      case 'cpu':
        allocatable[i] = snapshot.cpuAllocatable[node];
        allocated[i] = useRequested ? snapshot.cpuRequested[node] : snapshot.cpuNonZero[node];
        break;
      case 'memory':
        allocatable[i] = snapshot.memoryAllocatable[node];
        allocated[i] = useRequested ? snapshot.memoryRequested[node] : snapshot.memoryNonZero[node];
        break;
      case 'ephemeral-storage':
        allocatable[i] = snapshot.storageAllocatable[node];
        allocated[i] = snapshot.storageRequested[node];
        break;
      default: {
        const column = snapshot.scalar(name);
        allocatable[i] = column?.allocatable[node] ?? 0;
        allocated[i] = column?.requested[node] ?? 0;
        const totals = allocatable[i] === 0 ? devices?.(name, node) : undefined;
        if (totals && totals.capacity > 0) {
          allocatable[i] = totals.capacity;
          allocated[i] = totals.allocated;
        }
      }
    }
  }
}

/** Between the points of the shape in a straight line; whole numbers. */
export function brokenLine(shape: readonly ShapePoint[]): (utilization: number) => number {
  return (p) => {
    for (let i = 0; i < shape.length; i++) {
      if (p > shape[i].utilization) continue;
      if (i === 0) return shape[0].score;
      const before = shape[i - 1];
      const after = shape[i];
      return before.score + Math.trunc(((after.score - before.score) * (p - before.utilization)) / (after.utilization - before.utilization));
    }
    return shape[shape.length - 1].score;
  };
}

/** Percent used → score, for one resource. */
export function utilizationScore(shape: readonly ShapePoint[]): (requested: number, capacity: number) => number {
  const line = brokenLine(shape.map((p) => ({ utilization: p.utilization, score: p.score * (maxNodeScore / 10) })));
  return (requested, capacity) => line(capacity === 0 || requested > capacity ? 100 : divide(requested * 100, capacity));
}

/** Go's rounding: halves away from zero. */
export const roundHalfAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

const least = (requested: number, capacity: number) => (requested > capacity ? 0 : divide((capacity - requested) * maxNodeScore, capacity));
const most = (requested: number, capacity: number) => divide(Math.min(requested, capacity) * maxNodeScore, capacity);

export function scorerOf(strategy: ScoringStrategy, { snapshot }: PluginHandle): Scorer {
  const { resources } = strategy;
  const byRatio = strategy.type === 'RequestedToCapacityRatio';
  const one = byRatio ? utilizationScore(strategy.requestedToCapacityRatio!.shape) : strategy.type === 'MostAllocated' ? most : least;
  const allocatable: number[] = [];
  const allocated: number[] = [];
  return (requests, node, devices) => {
    nodeAmounts(snapshot, resources, requests, node, false, devices, allocatable, allocated);
    let sum = 0;
    let weights = 0;
    for (let i = 0; i < resources.length; i++) {
      if (allocatable[i] === 0) continue;
      const score = one(allocated[i] + requests[i], allocatable[i]);
      if (byRatio && score <= 0) continue;
      sum += score * resources[i].weight;
      weights += resources[i].weight;
    }
    if (weights === 0) return 0;
    return byRatio ? roundHalfAway(sum / weights) : Math.trunc(sum / weights);
  };
}
