/** Pods keep to the security level of their namespace; workloads that would make pods which do not are warned about. */
import type { Namespace, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { controllerOf, goQuote, internalError, invalidError, namespaces, type ObjectMeta, pods } from '@pilothouse/apimachinery';
import { andThen, type Awaitable } from '@pilothouse/base';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contract.ts';
import { isAbout, refuse } from '../refuse.ts';
import { describe, reasons, type Violation, violations } from './checks.ts';
import { type LevelVersion, modes, type Policy, policyOf, privilegedPolicy, sameLevel, showLevel, strictness } from './policy.ts';

export interface PodSecurityOptions {
  /** What holds where a namespace says nothing; default: privileged, latest. */
  defaults?: Policy;
  exempt?: { usernames?: readonly string[]; namespaces?: readonly string[]; runtimeClasses?: readonly string[] };
}

type Spec = NonNullable<Pod['spec']>;
const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

/** Where the pod template of a workload stands. */
const templates: Readonly<Record<string, (object: any) => { metadata?: ObjectMeta; spec?: Spec } | undefined>> = {
  replicationcontrollers: (o) => o.spec?.template,
  podtemplates: (o) => o.template,
  'apps/replicasets': (o) => o.spec?.template,
  'apps/deployments': (o) => o.spec?.template,
  'apps/statefulsets': (o) => o.spec?.template,
  'apps/daemonsets': (o) => o.spec?.template,
  'batch/jobs': (o) => o.spec?.template,
  'batch/cronjobs': (o) => o.spec?.jobTemplate?.spec?.template,
};

/** Only images (and new containers) of a pod can change in a way that matters here. */
function changesSignificantly(pod: Pod, old: Pod): boolean {
  for (const field of ['containers', 'initContainers'] as const) {
    const now = pod.spec?.[field] ?? [];
    const before = old.spec?.[field] ?? [];
    if (now.length !== before.length || now.some((c, i) => c.image !== before[i].image)) return true;
  }
  return (pod.spec?.ephemeralContainers ?? []).some((c) => old.spec?.ephemeralContainers?.find((o) => o.name === c.name)?.image !== c.image);
}

const maxPodsChecked = 3000;

/** What the pods that are there already would violate under a new level, a line per set of reasons. */
function existingViolations(namespace: string, enforce: LevelVersion, held: readonly Pod[], exempt: (pod: Pod) => boolean): string[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const replicas: Pod[] = [];
  for (const pod of held) {
    if (exempt(pod)) continue;
    const owner = controllerOf(pod)?.uid;
    if (owner && seen.has(owner)) replicas.push(pod);
    else first.push(pod);
    if (owner) seen.add(owner);
  }
  const all = [...first, ...replicas];
  const checked = all.slice(0, maxPodsChecked);
  const byReason = Map.groupBy(checked, (pod) => reasons(violations(enforce, pod.spec!, pod.metadata)));
  byReason.delete('');
  const lines = [...byReason].map(([reason, offenders]) => {
    const name = offenders.map((p) => p.metadata.name!).sort()[0];
    const others = offenders.length - 1;
    return `${name}${others === 0 ? '' : others === 1 ? ' (and 1 other pod)' : ` (and ${others} other pods)`}: ${reason}`;
  });
  return [
    ...(checked.length < all.length ? [`new PodSecurity enforce level only checked against the first ${checked.length} of ${all.length} existing pods`] : []),
    ...(lines.length ? [`existing pods in namespace ${goQuote(namespace)} violate the new PodSecurity enforce level ${goQuote(showLevel(enforce))}`] : []),
    ...lines.sort(),
  ];
}

export function podSecurity({ defaults = privilegedPolicy, exempt = {} }: PodSecurityOptions = {}): AdmissionPlugin {
  const isExemptClass = (name: string | undefined | null) => !!name && !!exempt.runtimeClasses?.includes(name);

  function checkNamespace(a: AdmissionAttributes): Awaitable<void> {
    if (a.subresource) return;
    const { policy, errors } = policyOf(a.object.metadata.labels, defaults);
    const fail = () => invalidError({ group: '', kind: 'Namespace' }, a.object.metadata.name, errors);
    if (a.operation === 'CREATE') {
      if (errors.length) throw fail();
      return;
    }
    const before = policyOf(a.old.metadata.labels, defaults);
    if (errors.length && JSON.stringify(errors) !== JSON.stringify(before.errors)) throw fail();
    const now = policy.enforce;
    const was = before.policy.enforce;
    if (sameLevel(now, was) || now.level === 'privileged' || exempt.namespaces?.includes(a.name)) return;
    if (now.version === was.version && strictness(now.level) <= strictness(was.level)) return;
    return andThen(a.read.list(pods, a.name), (present) => {
      for (const line of existingViolations(a.name, now, present, (pod) => isExemptClass(pod.spec?.runtimeClassName))) a.warn(line);
    });
  }

  function evaluate(a: AdmissionAttributes, spec: Spec, metadata: ObjectMeta, enforce: boolean): Awaitable<void> {
    if (exempt.namespaces?.includes(a.namespace) || exempt.usernames?.includes(a.user.name) || isExemptClass(spec.runtimeClassName)) return;
    return andThen(a.read.get(namespaces, a.namespace), (namespace) => judge(a, namespace, spec, metadata, enforce));
  }

  function judge(a: AdmissionAttributes, namespace: Namespace | undefined, spec: Spec, metadata: ObjectMeta, enforce: boolean): void {
    if (!namespace) {
      if (enforce) throw internalError(`failed to lookup namespace ${goQuote(a.namespace)}`);
      return;
    }
    const { policy } = policyOf(namespace.metadata.labels, defaults);
    if (modes.every((mode) => policy[mode].level === 'privileged')) return;
    let found: Violation[] | undefined;
    if (enforce) {
      found = violations(policy.enforce, spec, metadata);
      if (found.length) throw refuse(a, `violates PodSecurity ${goQuote(showLevel(policy.enforce))}: ${describe(found)}`);
    }
    const warned = found && sameLevel(policy.warn, policy.enforce) ? found : violations(policy.warn, spec, metadata);
    if (warned.length) a.warn(`would violate PodSecurity ${goQuote(showLevel(policy.warn))}: ${describe(warned)}`);
  }

  return {
    name: 'PodSecurity',
    operations: ['CREATE', 'UPDATE'],
    validate(a) {
      if (isAbout(a, 'namespaces')) return checkNamespace(a);
      if (isAbout(a, 'pods')) {
        if (ignoredSubresources.has(a.subresource) || !a.object?.spec) return;
        if (a.operation === 'UPDATE' && !changesSignificantly(a.object, a.old)) return;
        return evaluate(a, a.object.spec, a.object.metadata, true);
      }
      if (a.subresource) return;
      const { group, plural } = a.resource.type;
      const template = templates[group ? `${group}/${plural}` : plural]?.(a.object);
      if (template?.spec) return evaluate(a, template.spec, template.metadata ?? {}, false);
    },
  };
}
