/** What a pod asks for in all: its containers together, or the largest init step, plus sidecars and overhead. */
import type { Container, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { addQuantities, formatQuantity, maxQuantity, parseQuantity } from '../quantity.ts';

export type Resources = Record<string, string>;

export function addResources(a: Resources, b: Resources | undefined): Resources {
  const sum = { ...a };
  for (const [name, amount] of Object.entries(b ?? {})) sum[name] = name in sum ? formatQuantity(addQuantities(sum[name], amount)) : amount;
  return sum;
}

function maxResources(a: Resources, b: Resources): Resources {
  const max = { ...a };
  for (const [name, amount] of Object.entries(b)) max[name] = name in max ? formatQuantity(maxQuantity(max[name], amount)) : formatQuantity(parseQuantity(amount));
  return max;
}

/** Those resources a pod may state for itself as a whole. */
export const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

function total(pod: Pod, part: 'requests' | 'limits'): Resources {
  const of = (c: Container) => (c.resources?.[part] ?? {}) as Resources;
  let sum: Resources = {};
  for (const container of pod.spec?.containers ?? []) sum = addResources(sum, of(container));
  let sidecars: Resources = {};
  let initial: Resources = {};
  for (const container of pod.spec?.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      sum = addResources(sum, of(container));
      sidecars = addResources(sidecars, of(container));
      initial = maxResources(initial, sidecars);
    } else initial = maxResources(initial, addResources(of(container), sidecars));
  }
  sum = maxResources(sum, initial);
  for (const [name, amount] of Object.entries((pod.spec?.resources?.[part] ?? {}) as Resources)) if (isPodLevel(name)) sum[name] = amount;
  const overhead = (pod.spec?.overhead ?? {}) as Resources;
  // Overhead makes no limit where the containers have none.
  return addResources(sum, part === 'requests' ? overhead : Object.fromEntries(Object.entries(overhead).filter(([name]) => Object.hasOwn(sum, name))));
}

export const podRequests = (pod: Pod): Resources => total(pod, 'requests');
export const podLimits = (pod: Pod): Resources => total(pod, 'limits');
