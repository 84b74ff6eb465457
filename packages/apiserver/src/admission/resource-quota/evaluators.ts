/** Which requests are charged to quotas, and how much. */
import type { Container, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Amounts } from '@pilothouse/apimachinery/quota/amounts';
import { computeUsage, type QuotaUsage, quotaUsageOf } from '@pilothouse/apimachinery/quota/usage';
import type { AdmissionAttributes } from '../../contract.ts';

export interface Evaluator extends QuotaUsage {
  /** Whether the request may change what is used. */
  handles(a: AdmissionAttributes): boolean;
  /** What the object must state because a quota limits it. */
  missing?(object: any, limited: readonly string[]): string | undefined;
}

/** A quota on these makes every container state them. */
const stated = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

function missingOf(pod: Pod, limited: readonly string[]): string | undefined {
  const wanted = stated.filter((name) => limited.includes(name)).sort();
  // What the pod states as a whole its containers need not.
  const whole = computeUsage((pod.spec?.resources?.requests ?? {}) as Amounts, (pod.spec?.resources?.limits ?? {}) as Amounts);
  const lacking = wanted.flatMap((name) => {
    if (Object.hasOwn(whole, name)) return [];
    const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].filter((c: Container) => !(name in computeUsage((c.resources?.requests ?? {}) as Amounts, (c.resources?.limits ?? {}) as Amounts)));
    return containers.length ? [`${name} for: ${[...new Set(containers.map((c) => c.name))].sort().join(',')}`] : [];
  });
  return lacking.length ? `must specify ${lacking.join('; ')}` : undefined;
}

const plain = (a: AdmissionAttributes) => !a.subresource;
const writes = (a: AdmissionAttributes) => plain(a) && (a.operation === 'CREATE' || a.operation === 'UPDATE');

function handlesClaim(a: AdmissionAttributes): boolean {
  if (plain(a)) return writes(a);
  return a.subresource === 'status' && a.operation === 'UPDATE' && a.old?.status?.allocatedResources?.storage !== a.object?.status?.allocatedResources?.storage;
}

const special: Readonly<Record<string, Pick<Evaluator, 'handles' | 'missing'>>> = {
  pods: { handles: (a) => (plain(a) && a.operation === 'CREATE') || (a.subresource === 'resize' && a.operation === 'UPDATE'), missing: missingOf },
  services: { handles: writes },
  persistentvolumeclaims: { handles: handlesClaim },
  'resourceclaims.resource.k8s.io': { handles: writes },
};
const made = new Map<string, Evaluator>();

export function evaluatorOf(resource: { group: string; plural: string }): Evaluator {
  const name = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
  let evaluator = made.get(name);
  if (!evaluator) made.set(name, (evaluator = { ...quotaUsageOf(resource), ...(special[name] ?? { handles: (a: AdmissionAttributes) => a.operation === 'CREATE' && plain(a) }) }));
  return evaluator;
}
