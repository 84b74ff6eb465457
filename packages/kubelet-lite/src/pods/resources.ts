/** What a pod and its containers ask for, as the numbers of cgroups. */
import type { Pod, ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';
import type { Draft, LinuxContainerResources } from '../cri/contract.ts';
import { type AnyContainer, isSidecar, qosClassOf } from './pod-facts.ts';
import { milliOf, unitsOf } from './quantity.ts';

const minShares = 2;
const maxShares = 262_144;
const periodUs = 100_000;
const minQuotaUs = 1000;

/** cgroup v1 cpu.shares; runc turns them into cpu.weight on v2. */
export const sharesOf = (cpuMilli: number): number => (cpuMilli === 0 ? minShares : Math.min(maxShares, Math.max(minShares, Math.floor((cpuMilli * 1024) / 1000))));
export const quotaOf = (cpuMilli: number): number => (cpuMilli === 0 ? 0 : Math.max(minQuotaUs, Math.floor((cpuMilli * periodUs) / 1000)));

/** How readily the kernel ends a container's processes when memory runs out. */
export function oomScoreAdj(pod: Pod, container: AnyContainer, memoryCapacity: number): number {
  const qos = qosClassOf(pod);
  if ((pod.spec?.priority ?? 0) >= 2_000_000_000 || qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  let request = unitsOf(container.resources?.requests?.memory);
  if (isSidecar(container)) {
    // A sidecar must not be ended before the containers it serves.
    const least = Math.min(...pod.spec!.containers.map((c) => unitsOf(c.resources?.requests?.memory)));
    request = Math.max(request, least);
  }
  const adjust = 1000 - Math.floor((1000 * request) / memoryCapacity);
  if (adjust < 1000 - 997) return 1000 - 997;
  return adjust === 1000 ? 999 : adjust;
}

export function linuxResources(pod: Pod, container: AnyContainer, options: { memoryCapacity: number; resources?: ResourceRequirements; cgroupV2?: boolean }): Draft<LinuxContainerResources> {
  const { requests = {}, limits = {} } = options.resources ?? container.resources ?? {};
  const cpuLimit = milliOf(limits.cpu);
  const cpuRequest = requests.cpu === undefined && cpuLimit ? cpuLimit : milliOf(requests.cpu);
  const hugepageLimits = Object.entries(limits).filter(([name]) => name.startsWith('hugepages-')).map(([name, value]) => ({ pageSize: pageSizeName(name.slice('hugepages-'.length)), limit: unitsOf(value) }));
  return {
    cpuPeriod: periodUs,
    cpuQuota: quotaOf(cpuLimit),
    cpuShares: sharesOf(cpuRequest),
    memoryLimitInBytes: unitsOf(limits.memory),
    oomScoreAdj: oomScoreAdj(pod, container, options.memoryCapacity),
    hugepageLimits,
    ...(options.cgroupV2 && { unified: { 'memory.oom.group': '1' } }),
  };
}

/** `2Mi` → `2MB`, as the kernel names sizes of huge pages. */
const pageSizeName = (size: string) => size.replace(/i$/, 'B');

/** Requests and limits of the whole pod: the larger of what runs together and what initialises it. */
export function podTotals(pod: Pod): { requests: Record<string, number>; limits: Record<string, number> } {
  const totals = { requests: {} as Record<string, number>, limits: {} as Record<string, number> };
  const spec = pod.spec!;
  for (const side of ['requests', 'limits'] as const) {
    const of = (c: AnyContainer) => numbers(side === 'requests' ? { ...c.resources?.limits, ...c.resources?.requests } : c.resources?.limits);
    const running: Record<string, number> = {};
    for (const c of spec.containers) addTo(running, of(c));
    const sidecars: Record<string, number> = {};
    const peak: Record<string, number> = {};
    for (const c of spec.initContainers ?? []) {
      const mine = of(c);
      if (isSidecar(c)) {
        addTo(sidecars, mine);
        addTo(running, mine);
        maxTo(peak, sidecars);
      } else {
        const together = { ...sidecars };
        addTo(together, mine);
        maxTo(peak, together);
      }
    }
    maxTo(running, peak);
    for (const [name, value] of Object.entries(numbers(spec.resources?.[side]))) running[name] = value;
    addTo(running, numbers(spec.overhead));
    totals[side] = running;
  }
  return totals;
}

/** cpu in thousandths, the rest in units. */
export const numbers = (list: Record<string, string | number> | undefined): Record<string, number> => Object.fromEntries(Object.entries(list ?? {}).map(([name, q]) => [name, name === 'cpu' ? milliOf(q) : unitsOf(q)]));

const addTo = (sum: Record<string, number>, more: Record<string, number>) => {
  for (const [name, value] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + value;
};
const maxTo = (sum: Record<string, number>, more: Record<string, number>) => {
  for (const [name, value] of Object.entries(more)) sum[name] = Math.max(sum[name] ?? 0, value);
};

/** The pod's own cgroup: what the kubelet writes there. */
export interface PodCgroup {
  /** Below the cgroup root: `kubepods/burstable/pod<uid>`. */
  path: string;
  cpuShares: number;
  /** Absent: no limit. */
  cpuQuotaUs?: number;
  memoryBytes?: number;
}

export function podCgroup(pod: Pod, root: string): PodCgroup {
  const qos = qosClassOf(pod);
  const { requests, limits } = podTotals(pod);
  const sets = pod.spec!.containers.map((c) => c.resources?.limits ?? {});
  const whole = (name: string) => pod.spec!.resources?.limits?.[name] !== undefined || sets.every((l) => l[name] !== undefined);
  return {
    path: `${root.replace(/\/$/, '')}/kubepods${{ Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' }[qos]}/pod${pod.metadata.uid}`,
    cpuShares: qos === 'BestEffort' ? minShares : sharesOf(requests.cpu ?? 0),
    ...(limits.cpu && whole('cpu') && { cpuQuotaUs: quotaOf(limits.cpu) }),
    ...(limits.memory && whole('memory') && { memoryBytes: limits.memory }),
  };
}
export const cpuPeriodUs = periodUs;
