/** Steps that are off unless asked for, each a few lines. */
import type { Container, Pod, PodAffinityTerm } from '@pilothouse/api-schemas/types/core/v1';
import { namespaces, notFoundError } from '@pilothouse/apimachinery';
import type { LoopbackClient } from '../bootstrap/client.ts';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout, refuse } from './refuse.ts';

const everyContainer = (pod: Pod) => [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? []), ...(pod.spec?.ephemeralContainers ?? [])] as Container[];

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', operations: [] };

export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  mutate(a) {
    throw refuse(a, 'admission control is denying all modifications');
  },
};

/** An image that is present may still not be everybody's to use: credentials are checked by pulling each time. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  operations: ['CREATE', 'UPDATE'],
  mutate(a) {
    if (!isAbout(a, 'pods') || (a.subresource && a.subresource !== 'ephemeralcontainers') || !a.object?.spec) return;
    for (const container of everyContainer(a.object)) container.imagePullPolicy = 'Always';
  },
};

export const namespaceExists: AdmissionPlugin = {
  name: 'NamespaceExists',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  async validate(a) {
    if (!a.namespace || isAbout(a, 'namespaces')) return;
    if (!(await a.read.get(namespaces, a.namespace))) throw notFoundError(namespaces, a.namespace);
  },
};

/** A namespace comes to be when the first object is made in it. */
export const namespaceAutoProvision = (client: LoopbackClient): AdmissionPlugin => ({
  name: 'NamespaceAutoProvision',
  operations: ['CREATE'],
  async mutate(a) {
    if (!a.namespace || a.dryRun || isAbout(a, 'namespaces') || (await a.read.get(namespaces, a.namespace))) return;
    await client.create(namespaces, { metadata: { name: a.namespace } });
  },
});

export const denyServiceExternalIPs: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  operations: ['CREATE', 'UPDATE'],
  validate(a) {
    if (!isAbout(a, 'services') || a.subresource) return;
    const held: string[] = a.old?.spec?.externalIPs ?? [];
    if ((a.object.spec?.externalIPs ?? []).some((ip: string) => !held.includes(ip))) throw refuse(a, 'Use of external IPs is denied by admission control.');
  },
};

/** Nodes with extended resources can be kept for pods that ask for them. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  operations: ['CREATE', 'UPDATE'],
  mutate(a) {
    if (!isAbout(a, 'pods') || a.subresource || !a.object?.spec) return;
    const names = new Set(everyContainer(a.object).flatMap((c) => Object.keys(c.resources?.requests ?? {})).filter((name) => name.includes('/') && !name.split('/')[0].endsWith('kubernetes.io')));
    for (const key of [...names].sort()) {
      const held = a.object.spec.tolerations ?? [];
      if (!held.some((t: { key?: string; operator?: string; effect?: string }) => t.key === key && t.operator === 'Exists' && !t.effect)) a.object.spec.tolerations = [...held, { key, operator: 'Exists' }];
    }
  },
};

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  operations: ['CREATE', 'UPDATE'],
  validate(a) {
    if (!isAbout(a, 'pods') || a.subresource) return;
    const terms: PodAffinityTerm[] = a.object?.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const other = terms.find((t) => t.topologyKey !== 'kubernetes.io/hostname');
    if (other) throw refuse(a, `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${other.topologyKey} but only key kubernetes.io/hostname is allowed`);
  },
};

/** Who makes an object hold up another's deletion must be allowed to change that other's finalizers. */
export const ownerReferencesPermissionEnforcement: AdmissionPlugin = {
  name: 'OwnerReferencesPermissionEnforcement',
  operations: ['CREATE', 'UPDATE'],
  async validate(a) {
    if (a.subresource && a.subresource !== 'status') return;
    const held = JSON.stringify(a.old?.metadata?.ownerReferences ?? []);
    const references: { apiVersion: string; kind: string; name: string; uid: string; blockOwnerDeletion?: boolean }[] = a.object?.metadata?.ownerReferences ?? [];
    if (JSON.stringify(references) === held) return;
    const { group, version, plural } = a.resource.type;
    const ask = (verb: string, to: { group: string; version: string; resource: string; subresource?: string; name: string }) => a.authorize({ user: a.user, verb, isResource: true, path: '', subresource: '', namespace: a.namespace, ...to });
    const may = await ask('delete', { group, version, resource: plural, name: a.name });
    if (a.operation === 'UPDATE' && may.decision !== 'allow') throw refuse(a, `cannot set an ownerRef on a resource you can't delete: ${may.reason ?? ''}, <nil>`);
    const before = new Set(((a.old?.metadata?.ownerReferences ?? []) as typeof references).filter((r) => r.blockOwnerDeletion).map((r) => r.uid));
    for (const reference of references) {
      if (!reference.blockOwnerDeletion || before.has(reference.uid)) continue;
      const [ownerGroup, ownerVersion] = reference.apiVersion.includes('/') ? reference.apiVersion.split('/') : ['', reference.apiVersion];
      const decision = await ask('update', { group: ownerGroup, version: ownerVersion, resource: pluralOf(reference.kind), subresource: 'finalizers', name: reference.name });
      if (decision.decision !== 'allow') throw refuse(a, `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${decision.reason ?? ''}, <nil>`);
    }
  },
};

/** Plural by the rule all built-in kinds and nearly all others follow. */
function pluralOf(kind: string): string {
  if (kind === 'Endpoints') return 'endpoints';
  const lower = kind.toLowerCase();
  if (/(s|x|ch|sh)$/.test(lower)) return `${lower}es`;
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}
