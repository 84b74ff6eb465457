import { addQuantities, compareQuantities, parseQuantity, signOfQuantity, type Quantity } from '@pilothouse/apimachinery';
import type { PodSpec, ResourceRequirements } from '@pilothouse/api-schemas/types/core/v1';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const compute = ['cpu', 'memory'] as const;

/** The quality of service of a pod, from what its containers (or the pod itself) request and are limited to. */
export function qosOf(spec: PodSpec): QosClass {
  const parts: (ResourceRequirements | undefined)[] = spec.resources ? [spec.resources] : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.resources);
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let guaranteed = true;
  for (const part of parts) {
    collect(requests, part?.requests);
    collect(limits, part?.limits);
    const limited = compute.filter((name) => positive(part?.limits?.[name]));
    if (limited.length !== compute.length && (!spec.resources || Object.keys(part?.limits ?? {}).length > 0)) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  for (const [name, amount] of requests) if (!limits.has(name) || compareQuantities(limits.get(name)!, amount) !== 0) guaranteed = false;
  return guaranteed && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
}

const positive = (amount: string | undefined): boolean => amount !== undefined && signOfQuantity(amount) > 0;

function collect(total: Map<string, Quantity>, amounts: Record<string, string> | undefined): void {
  for (const name of compute) {
    const amount = amounts?.[name];
    if (!positive(amount)) continue;
    const before = total.get(name);
    total.set(name, before ? addQuantities(before, amount!) : parseQuantity(amount!));
  }
}
