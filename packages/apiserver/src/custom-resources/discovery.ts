/** What discovery says of custom resources, beside the built-in ones. */
import { createHash } from 'node:crypto';
import { builtinGroups, builtinResources, type GroupFacts, type ResourceFacts } from '@pilothouse/api-schemas';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import type { ServedApi } from '../discovery/documents.ts';
import { isTrue } from './conditions.ts';
import { customVerbs } from './definition.ts';

const terminatingVerbs = ['delete', 'deletecollection', 'get', 'list', 'watch'];
const subresourceVerbs = ['get', 'patch', 'update'];

/** As upstream tells storage versions apart: eight bytes of a digest. */
const storageVersionHash = (group: string, version: string, kind: string): string => createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');

const stability = { alpha: 0, beta: 1, '': 2 } as const;

/** GA before beta before alpha, later before earlier, what is no Kubernetes version last, by name. */
export function compareVersions(a: string, b: string): number {
  const read = (text: string) => /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text);
  const [left, right] = [read(a), read(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  const rank = (match: RegExpExecArray): number[] => [stability[(match[2] ?? '') as keyof typeof stability], Number(match[1]), Number(match[3] ?? 0)];
  const [x, y] = [rank(left), rank(right)];
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return y[i] - x[i];
  return 0;
}

/** The resources of one definition in one version. */
function resourcesOf(crd: CustomResourceDefinition, version: string): ResourceFacts[] {
  const { spec } = crd;
  const names = crd.status?.acceptedNames;
  const served = spec.versions.find((one) => one.name === version && one.served);
  if (!served || !names) return [];
  const storage = spec.versions.find((one) => one.storage && one.served);
  const facts = { group: spec.group, version, namespaced: spec.scope === 'Namespaced', kind: names.kind };
  const { status, scale } = served.subresources ?? {};
  return [
    {
      ...facts, name: names.plural, singularName: names.singular ?? '', verbs: isTrue(crd, 'Terminating') ? terminatingVerbs : customVerbs,
      ...(names.shortNames?.length && { shortNames: names.shortNames }),
      ...(names.categories?.length && { categories: names.categories }),
      ...(storage && { storageVersionHash: storageVersionHash(spec.group, storage.name, spec.names.kind) }),
    },
    ...(status ? [{ ...facts, name: `${names.plural}/status`, singularName: '', verbs: subresourceVerbs }] : []),
    ...(scale ? [{ ...facts, name: `${names.plural}/scale`, singularName: '', kind: 'Scale', verbs: subresourceVerbs, bodyGroup: 'autoscaling', bodyVersion: 'v1' }] : []),
  ];
}

interface Served {
  groups: readonly GroupFacts[];
  /** By group. */
  definitions: ReadonlyMap<string, readonly CustomResourceDefinition[]>;
}

function servedOf(established: Iterable<CustomResourceDefinition>): Served {
  const definitions = Map.groupBy(established, ({ spec }) => spec.group);
  const versionsOf = (group: string): string[] => [...new Set((definitions.get(group) ?? []).flatMap(({ spec }) => spec.versions.filter(({ served }) => served).map(({ name }) => name)))].sort(compareVersions);
  const builtin = builtinGroups.map((group) => {
    const added = versionsOf(group.name).filter((version) => !group.versions.includes(version));
    return added.length ? { ...group, versions: [...group.versions, ...added] } : group;
  });
  const isBuiltin = new Set(builtin.map(({ name }) => name));
  // Custom groups have one priority; the names of their API services decide between them.
  const first = ({ name, versions }: GroupFacts): string => `${[...versions].sort()[0]}.${name}`;
  const custom = [...definitions.keys()]
    .filter((name) => !isBuiltin.has(name))
    .map((name) => ({ name, versions: versionsOf(name) }))
    .filter(({ versions }) => versions.length)
    .map((group) => ({ ...group, preferredVersion: group.versions[0] }))
    .sort((a, b) => (first(a) < first(b) ? -1 : 1));
  return { groups: [...builtin, ...custom], definitions };
}

/** Built-in and custom groups. `established`: the definitions in force, by name; the same list as long as nothing changes. */
export function customApi(established: () => readonly CustomResourceDefinition[]): ServedApi {
  let made: { from: readonly CustomResourceDefinition[]; served: Served } | undefined;
  const served = (): Served => {
    const from = established();
    if (made?.from !== from) made = { from, served: servedOf(from) };
    return made.served;
  };
  return {
    groups: () => served().groups,
    resources(group, version) {
      const own = builtinResources.filter((r) => r.group === group && r.version === version);
      const custom = served().definitions.get(group);
      return custom ? [...own, ...custom.flatMap((crd) => resourcesOf(crd, version))] : own;
    },
    isCustom: (group) => !builtinGroups.some((one) => one.name === group),
  };
}
