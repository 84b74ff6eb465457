/** Resources in force: what a pod was started with, and changes to it that fit the node (in-place resize). Pure but for its memory. */
import type { Pod, PodCondition, ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';
import { type AnyContainer } from './pod-facts.ts';
import { milliOf, unitsOf } from './quantity.ts';
import { numbers, podTotals } from './resources.ts';

export interface Allocation {
  /** Accepts the pod's wishes where they fit; call with each new version of the pod. */
  update(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): void;
  of(container: AnyContainer): ResourceRequirements | undefined;
  /** The pod with the resources in force. */
  applied(pod: Pod): Pod;
  /** PodResizePending, where a wish does not fit. */
  conditions(): PodCondition[];
}

const sameResources = (a: ResourceRequirements | undefined, b: ResourceRequirements | undefined) =>
  (['requests', 'limits'] as const).every((side) => milliOf(a?.[side]?.cpu) === milliOf(b?.[side]?.cpu) && unitsOf(a?.[side]?.memory) === unitsOf(b?.[side]?.memory));

export function createAllocation(): Allocation {
  const accepted = new Map<string, ResourceRequirements | undefined>();
  let pending: PodCondition | undefined;
  const containers = (pod: Pod) => [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];

  const applied = (pod: Pod): Pod => {
    const swap = <T extends AnyContainer>(list: T[] | undefined) => list?.map((c) => (accepted.has(c.name) ? { ...c, resources: accepted.get(c.name) } : c));
    return containers(pod).every((c) => !accepted.has(c.name) || accepted.get(c.name) === c.resources) ? pod : { ...pod, spec: { ...pod.spec!, containers: swap(pod.spec!.containers)!, ...(pod.spec!.initContainers && { initContainers: swap(pod.spec!.initContainers) }) } };
  };

  return {
    applied,
    update(pod, others, allocatable) {
      pending = undefined;
      const changed = containers(pod).some((c) => accepted.has(c.name) && !sameResources(accepted.get(c.name), c.resources));
      if (changed) {
        const wanted = podTotals(pod).requests;
        const capacity = numbers(allocatable);
        const used: Record<string, number> = {};
        for (const other of others) for (const [name, value] of Object.entries(podTotals(other).requests)) used[name] = (used[name] ?? 0) + value;
        const lacking = ['cpu', 'memory'].filter((name) => (wanted[name] ?? 0) > (capacity[name] ?? 0));
        const deferred = ['cpu', 'memory'].filter((name) => (wanted[name] ?? 0) > (capacity[name] ?? 0) - (used[name] ?? 0));
        const generation = pod.metadata.generation;
        const condition = (reason: string, message: string): PodCondition => ({ type: 'PodResizePending', status: 'True', ...(generation && { observedGeneration: generation }), reason, message });
        if (lacking.length) {
          pending = condition('Infeasible', `Node didn't have enough capacity: ${lacking.map((n) => `${n}, requested: ${wanted[n]}, capacity: ${capacity[n]}`).join(', ')}`);
          return;
        }
        if (deferred.length) {
          pending = condition('Deferred', `Node didn't have enough resource: ${deferred.map((n) => `${n}, requested: ${wanted[n]}, used: ${used[n] ?? 0}, capacity: ${capacity[n]}`).join(', ')}`);
          return;
        }
      }
      for (const c of containers(pod)) accepted.set(c.name, c.resources);
    },
    of: (container) => (accepted.has(container.name) ? accepted.get(container.name) : container.resources),
    conditions: () => (pending ? [pending] : []),
  };
}

/** How a running container gets from one set of resources to another. */
export function resizeStep(container: AnyContainer, from: ResourceRequirements | undefined): 'none' | 'in-place' | 'restart' {
  const to = container.resources;
  const cpu = (['requests', 'limits'] as const).some((side) => milliOf(from?.[side]?.cpu) !== milliOf(to?.[side]?.cpu));
  const memory = (['requests', 'limits'] as const).some((side) => unitsOf(from?.[side]?.memory) !== unitsOf(to?.[side]?.memory));
  if (!cpu && !memory) return 'none';
  const restarts = (name: string) => container.resizePolicy?.some((p) => p.resourceName === name && p.restartPolicy === 'RestartContainer') ?? false;
  return (cpu && restarts('cpu')) || (memory && restarts('memory')) ? 'restart' : 'in-place';
}

