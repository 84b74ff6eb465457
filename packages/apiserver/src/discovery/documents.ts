/** Discovery: which groups, versions and resources are served. The legacy documents and the aggregated one (KEP-3352). */
import type { GroupFacts, ResourceFacts } from '@pilothouse/api-schemas';

/** What is served now. Built-in groups are constant; custom resources may add to it. */
export interface ServedApi {
  /** In order of priority; the core group is ''. */
  groups(): readonly GroupFacts[];
  resources(group: string, version: string): readonly ResourceFacts[];
  /** What another server says of the version it serves; undefined: it is served here. */
  discovered?(group: string, version: string): { resources?: readonly unknown[]; freshness: 'Current' | 'Stale' } | undefined;
  /** Whether the group has nothing built in: paths of it that lead nowhere are answered without a Status. */
  isCustom?(group: string): boolean;
}

const groupVersionOf = (group: string, version: string) => (group ? `${group}/${version}` : version);
const versionEntry = (group: string, version: string) => ({ groupVersion: groupVersionOf(group, version), version });

/** `/api`. `serverAddress` is `host:port` as clients in the cluster reach it. */
export const apiVersions = (serverAddress: string) => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] });

const groupEntry = (group: GroupFacts) => ({ name: group.name, versions: group.versions.map((v) => versionEntry(group.name, v)), preferredVersion: versionEntry(group.name, group.preferredVersion) });

/** `/apis`. */
export const apiGroupList = (api: ServedApi) => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: api.groups().filter((g) => g.name).map(groupEntry) });

/** `/apis/<group>`; undefined when not served. */
export function apiGroup(api: ServedApi, name: string) {
  const group = api.groups().find((g) => g.name === name);
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
}

/** `/api/v1`, `/apis/<group>/<version>`; undefined when not served. */
export function apiResourceList(api: ServedApi, group: string, version: string) {
  if (!api.groups().find((g) => g.name === group)?.versions.includes(version)) return undefined;
  const resources = api.resources(group, version).map((r) => ({
    name: r.name,
    singularName: r.singularName,
    namespaced: r.namespaced,
    ...(r.bodyGroup && { group: r.bodyGroup }),
    ...(r.bodyVersion && { version: r.bodyVersion }),
    kind: r.kind,
    verbs: r.verbs,
    ...(r.shortNames && { shortNames: r.shortNames }),
    ...(r.categories && { categories: r.categories }),
    ...(r.storageVersionHash && { storageVersionHash: r.storageVersionHash }),
  }));
  return { kind: 'APIResourceList', ...(group && { apiVersion: 'v1' }), groupVersion: groupVersionOf(group, version), resources };
}

/** The aggregated document: of the core group at `/api`, of all named groups at `/apis`. */
export function aggregatedDiscovery(api: ServedApi, which: 'core' | 'groups') {
  const groups = api.groups().filter((g) => (which === 'core' ? !g.name : g.name));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group.name && { name: group.name }) },
      versions: group.versions.map((version) => ({ version, ...(api.discovered?.(group.name, version) ?? { resources: aggregatedResources(api.resources(group.name, version), api.isCustom?.(group.name) ?? false), freshness: 'Current' }) })),
    })),
  };
}

/** Of custom resources the whole kind is told. */
function aggregatedResources(facts: readonly ResourceFacts[], custom: boolean) {
  const responseKind = (r: ResourceFacts) => ({ group: r.bodyGroup ?? (custom ? r.group : ''), version: r.bodyVersion ?? (custom ? r.version : ''), kind: r.kind });
  return facts.filter((f) => !f.name.includes('/')).map((r) => {
    const subresources = facts.filter((f) => f.name.startsWith(`${r.name}/`)).map((s) => ({ subresource: s.name.slice(r.name.length + 1), responseKind: responseKind(s), verbs: s.verbs }));
    return {
      resource: r.name,
      responseKind: responseKind(r),
      scope: r.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: r.singularName,
      verbs: r.verbs,
      ...(r.shortNames && { shortNames: r.shortNames }),
      ...(r.categories && { categories: r.categories }),
      ...(subresources.length && { subresources }),
    };
  });
}
