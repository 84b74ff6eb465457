/** Which resources there are, for controllers that deal with all of them: the built-in ones and those CRDs define. */
import { builtinGroups, builtinResources } from '@pilothouse/api-schemas';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { apiServices, apiVersionOf, customResourceDefinitions, type ResourceType } from '@pilothouse/apimachinery';
import type { Lister } from '@pilothouse/client';

export interface CatalogEntry {
  type: ResourceType<any>;
  verbs: readonly string[];
  custom: boolean;
}

const customVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Each built-in resource once, in its group's preferred version. */
export const builtinEntries: readonly CatalogEntry[] = builtinResources
  .filter((facts) => !facts.name.includes('/') && builtinGroups.find((group) => group.name === facts.group)?.preferredVersion === facts.version)
  .map((facts) => ({ type: { group: facts.group, version: facts.version, plural: facts.name, kind: facts.kind, namespaced: facts.namespaced }, verbs: facts.verbs, custom: false }));

/** The resource a CRD defines, in its first served version; undefined until it is established. */
export function customEntry(crd: CustomResourceDefinition): CatalogEntry | undefined {
  const { spec, status } = crd;
  const version = spec.versions.find((v) => v.served)?.name;
  if (!version || !status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True')) return undefined;
  return { type: { group: spec.group, version, plural: spec.names.plural, kind: spec.names.kind, namespaced: spec.scope === 'Namespaced' }, verbs: customVerbs, custom: true };
}

export interface ResourceCatalog {
  entries(): CatalogEntry[];
  /** By kind; any version of the group will do. */
  find(apiVersion: string, kind: string): CatalogEntry | undefined;
}

export function resourceCatalog(crds: Lister<CustomResourceDefinition>): ResourceCatalog {
  const byKind = new Map(builtinEntries.map((entry) => [`${entry.type.group}/${entry.type.kind}`, entry]));
  return {
    entries: () => [...builtinEntries, ...crds.list().flatMap((crd) => customEntry(crd) ?? [])],
    find(apiVersion, kind) {
      const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
      const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
      const known = byKind.get(`${group}/${kind}`);
      if (known) return builtinGroups.find((g) => g.name === group)?.versions.includes(version) ? known : undefined;
      const crd = crds.list().find(({ spec }) => spec.group === group && spec.names.kind === kind && spec.versions.some((v) => v.served && v.name === version));
      return crd && customEntry(crd);
    },
  };
}

/** `apps/v1`. */
export const apiVersionOfType = (type: ResourceType): string => apiVersionOf(type.group, type.version);

export const crdType = customResourceDefinitions;
export const apiServiceType = apiServices;
