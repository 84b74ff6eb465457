/** Which requests are charged to quotas, and how much. */
import type { Container, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { Amounts } from '@pilothouse/apimachinery/quota/amounts';
import { isPodLevel } from '@pilothouse/apimachinery/quota/pod-resources';
import { isTerminating } from '@pilothouse/apimachinery/quota/scopes';
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
  // A pod that states something as a whole need not have its containers state anything.
  if ([pod.spec?.resources?.requests, pod.spec?.resources?.limits].some((list) => Object.keys(list ?? {}).some(isPodLevel))) return undefined;
  const lacking = wanted.flatMap((name) => {
    const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].filter((c: Container) => !(name in computeUsage((c.resources?.requests ?? {}) as Amounts, (c.resources?.limits ?? {}) as Amounts)));
    return containers.length ? [`${name} for: ${[...new Set(containers.map((c) => c.name))].sort().join(',')}`] : [];
  });
  return lacking.length ? `must specify ${lacking.join('; ')}` : undefined;
}

const plain = (a: AdmissionAttributes) => !a.subresource;
const writes = (a: AdmissionAttributes) => plain(a) && (a.operation === 'CREATE' || a.operation === 'UPDATE');

/** The status says what was allocated, and which attributes class is in use. */
const handlesClaim = (a: AdmissionAttributes): boolean => writes(a) || (a.subresource === 'status' && a.operation === 'UPDATE');

/** A pod that gets a deadline, or loses it, is of other quotas. */
function handlesPod(a: AdmissionAttributes): boolean {
  if (a.subresource === 'resize') return a.operation === 'UPDATE';
  if (!plain(a)) return false;
  return a.operation === 'CREATE' || (a.operation === 'UPDATE' && isTerminating(a.old) !== isTerminating(a.object));
}

const special: Readonly<Record<string, Pick<Evaluator, 'handles' | 'missing'>>> = {
  pods: { handles: handlesPod, missing: missingOf },
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
