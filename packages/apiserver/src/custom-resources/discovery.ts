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

/** Built-in and custom groups. `definitions` are asked anew at every request. */
export function customApi(definitions: () => Iterable<CustomResourceDefinition>): ServedApi {
  const established = (): CustomResourceDefinition[] => [...definitions()].filter((crd) => isTrue(crd, 'Established'));
  const customVersions = (): Map<string, string[]> => {
    const groups = new Map<string, Set<string>>();
    for (const { spec } of established()) {
      for (const version of spec.versions) if (version.served) groups.set(spec.group, (groups.get(spec.group) ?? new Set()).add(version.name));
    }
    return new Map([...groups].map(([group, versions]) => [group, [...versions].sort(compareVersions)]));
  };
  return {
    groups() {
      const custom = customVersions();
      const groups: GroupFacts[] = builtinGroups.map((group) => {
        const added = (custom.get(group.name) ?? []).filter((version) => !group.versions.includes(version));
        custom.delete(group.name);
        return added.length ? { ...group, versions: [...group.versions, ...added] } : group;
      });
      const first = ([name, versions]: [string, string[]]): string => `${[...versions].sort()[0]}.${name}`;
      const sorted = [...custom].sort((a, b) => (first(a) < first(b) ? -1 : 1));
      return [...groups, ...sorted.map(([name, versions]) => ({ name, versions, preferredVersion: versions[0] }))];
    },
    resources(group, version) {
      const own = builtinResources.filter((r) => r.group === group && r.version === version);
      return [...own, ...established().filter(({ spec }) => spec.group === group).sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1)).flatMap((crd) => resourcesOf(crd, version))];
    },
    isCustom: (group) => !builtinGroups.some((one) => one.name === group),
  };
}
