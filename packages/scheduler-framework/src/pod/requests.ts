/** What a pod asks for: k8s.io/component-helpers/resource, with sidecars, overhead, pod-level resources and resizes. */
import type { Container, ContainerStatus, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { type Amounts, addAmounts, amountsOf, isScalarResource, maxAmounts } from './amounts.ts';

export interface RequestOptions {
  /** Count a pod under resize at the larger of what it asks, was allocated and has. */
  useStatus?: boolean;
  /** Stands in for what a container does not request. */
  nonMissing?: Amounts;
  /** Look at containers only. */
  skipPodLevel?: boolean;
}

/** What a container without a request counts as when nodes are scored. */
export const defaultCpuMilli = 100;
export const defaultMemoryBytes = 200 * 1024 * 1024;
export const nonZeroDefaults: Amounts = new Map([['cpu', defaultCpuMilli], ['memory', defaultMemoryBytes]]);

const podLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
export const hasPodLevelRequests = (pod: Pod): boolean => Object.keys(pod.spec?.resources?.requests ?? {}).some(podLevel);
const isSidecar = (container: Container) => container.restartPolicy === 'Always';
const resizeInfeasible = (pod: Pod) => pod.status?.conditions?.find((c) => c.type === 'PodResizePending')?.reason === 'Infeasible';

type Requests = (container: Container, status: ContainerStatus | undefined, infeasible: boolean) => Record<string, string> | undefined;
const asked: Requests = (container) => container.resources?.requests;
const allocated: Requests = (container, status, infeasible) => status?.allocatedResources ?? (infeasible ? undefined : container.resources?.requests);
const actuated: Requests = (container, status, infeasible) => status?.resources?.requests ?? allocated(container, status, infeasible);

function ofContainers(pod: Pod, options: RequestOptions, requestsOf: Requests): Amounts {
  const infeasible = options.useStatus === true && resizeInfeasible(pod);
  const statusOf = (name: string) => (options.useStatus ? (pod.status?.containerStatuses?.find((s) => s.name === name) ?? pod.status?.initContainerStatuses?.find((s) => s.name === name)) : undefined);
  const amountsFor = (container: Container): Amounts => {
    const amounts = amountsOf(requestsOf(container, statusOf(container.name), infeasible));
    if (options.nonMissing) for (const [name, amount] of options.nonMissing) if (!amounts.has(name)) amounts.set(name, amount);
    return amounts;
  };
  const total: Amounts = new Map();
  for (const container of pod.spec?.containers ?? []) addAmounts(total, amountsFor(container));
  const sidecars: Amounts = new Map();
  const starting: Amounts = new Map();
  for (const container of pod.spec?.initContainers ?? []) {
    const amounts = amountsFor(container);
    if (isSidecar(container)) {
      addAmounts(total, amounts);
      addAmounts(sidecars, amounts);
      maxAmounts(starting, sidecars);
    } else {
      addAmounts(amounts, sidecars);
      maxAmounts(starting, amounts);
    }
  }
  maxAmounts(total, starting);
  return total;
}

function aggregate(pod: Pod, options: RequestOptions): Amounts {
  const spec = ofContainers(pod, options, asked);
  if (!options.useStatus) return spec;
  const status = pod.status;
  const whole = status?.allocatedResources && status.resources?.requests;
  const has = whole ? amountsOf(status.resources!.requests) : ofContainers(pod, options, actuated);
  maxAmounts(has, whole ? amountsOf(status.allocatedResources) : ofContainers(pod, options, allocated));
  if (!resizeInfeasible(pod)) maxAmounts(has, spec);
  return has;
}

/** Whether the status could say other than the spec. */
export const statusTells = (pod: Pod): boolean => Boolean(pod.status?.containerStatuses?.length || pod.status?.initContainerStatuses?.length || pod.status?.resources || pod.status?.allocatedResources);

/** The pod's requests including overhead. Resources that nothing asks for are absent. */
export function podRequests(pod: Pod, options: RequestOptions = {}): Amounts {
  const useStatus = options.useStatus && statusTells(pod) ? true : undefined;
  const amounts = aggregate(pod, { ...options, useStatus });
  if (!options.skipPodLevel && hasPodLevelRequests(pod)) {
    const effective = effectivePodLevel(pod, useStatus === true);
    for (const [name, amount] of effective) if (podLevel(name)) amounts.set(name, amount);
  }
  if (pod.spec?.overhead) addAmounts(amounts, amountsOf(pod.spec.overhead));
  return amounts;
}

function effectivePodLevel(pod: Pod, useStatus: boolean): Amounts {
  const spec = amountsOf(pod.spec!.resources!.requests);
  const status = pod.status;
  if (!useStatus || !(status?.resources || status?.allocatedResources)) return spec;
  const result: Amounts = resizeInfeasible(pod) ? new Map() : spec;
  for (const list of [status.resources?.requests, status.allocatedResources]) {
    const amounts = amountsOf(list);
    for (const [name, amount] of amountsOf(pod.spec!.overhead)) if (amounts.has(name)) amounts.set(name, amounts.get(name)! - amount);
    maxAmounts(result, amounts);
  }
  return result;
}

/** Amounts by the kinds a node keeps columns for. */
export interface Demand {
  readonly cpuMilli: number;
  readonly memory: number;
  readonly ephemeralStorage: number;
  /** Extended resources, huge pages and the like. */
  readonly scalars: readonly (readonly [name: string, amount: number])[];
}

export function demandOf(amounts: Amounts): Demand {
  const scalars: [string, number][] = [];
  for (const [name, amount] of amounts) if (isScalarResource(name)) scalars.push([name, amount]);
  return { cpuMilli: amounts.get('cpu') ?? 0, memory: amounts.get('memory') ?? 0, ephemeralStorage: amounts.get('ephemeral-storage') ?? 0, scalars };
}

/** What scoring takes a running pod's cpu and memory for: missing requests at their defaults. */
export function nonZeroRequests(pod: Pod, requests: Amounts): { cpuMilli: number; memory: number } {
  let nonMissing = nonZeroDefaults;
  if (!statusTells(pod) && asksForBoth(pod.spec?.containers) && asksForBoth(pod.spec?.initContainers)) return { cpuMilli: requests.get('cpu') ?? 0, memory: requests.get('memory') ?? 0 };
  if (hasPodLevelRequests(pod)) {
    nonMissing = new Map([...nonZeroDefaults].filter(([name]) => !requests.has(name)));
    if (!nonMissing.size) return { cpuMilli: requests.get('cpu') ?? 0, memory: requests.get('memory') ?? 0 };
  }
  const amounts = podRequests(pod, { useStatus: true, nonMissing });
  return { cpuMilli: amounts.get('cpu') ?? 0, memory: amounts.get('memory') ?? 0 };
}

/** No container leaves cpu or memory open. */
const asksForBoth = (containers: readonly Container[] | undefined): boolean => containers?.every((c) => c.resources?.requests?.cpu !== undefined && c.resources.requests.memory !== undefined) ?? true;
