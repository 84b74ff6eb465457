/** The resources of a group version, as the aggregated discovery document tells them, out of what a server answers. Pure. */

/** An `APIVersionDiscovery` without its freshness. */
export interface VersionDiscovery {
  version: string;
  resources?: readonly unknown[];
}

interface ResponseKind {
  group: string;
  version: string;
  kind: string;
}

interface Discovered {
  resource: string;
  responseKind?: Partial<ResponseKind>;
  subresources?: { subresource: string; responseKind?: Partial<ResponseKind> }[];
}

interface GroupList {
  items?: { metadata?: { name?: string }; versions?: { version: string; resources?: Discovered[]; freshness?: string }[] }[];
}

const kindOf = (kind: Partial<ResponseKind> = {}): ResponseKind => ({ group: kind.group ?? '', version: kind.version ?? '', kind: kind.kind ?? '' });

/** One version out of an APIGroupDiscoveryList; undefined: the server does not serve it. */
export function fromAggregated({ items = [] }: GroupList, group: string, version: string): VersionDiscovery | undefined {
  const found = items.findLast(({ metadata }) => (metadata?.name ?? '') === group)?.versions?.find((one) => one.version === version);
  if (!found) return undefined;
  const { freshness: _, ...rest } = found;
  return {
    ...rest,
    ...(found.resources && { resources: found.resources.map((one) => ({ ...one, responseKind: kindOf(one.responseKind), ...(one.subresources && { subresources: one.subresources.map((sub) => ({ ...sub, responseKind: kindOf(sub.responseKind) })) }) })) }),
  };
}

interface Resource {
  name: string;
  singularName?: string;
  namespaced?: boolean;
  group?: string;
  version?: string;
  kind?: string;
  verbs?: string[];
  shortNames?: string[];
  categories?: string[];
}

/** The same out of an APIResourceList, for servers that know no aggregated discovery. A subresource without its resource brings one. */
export function fromLegacy({ resources = [] }: { resources?: Resource[] }, version: string): VersionDiscovery {
  const scope = ({ namespaced }: Resource): string => (namespaced ? 'Namespaced' : 'Cluster');
  const parents = new Map<string, Record<string, unknown>>();
  for (const one of resources) {
    if (one.name.includes('/')) continue;
    parents.set(one.name, {
      resource: one.name, responseKind: kindOf(one), scope: scope(one), singularResource: one.singularName ?? '', verbs: one.verbs ?? [],
      ...(one.shortNames?.length && { shortNames: one.shortNames }), ...(one.categories?.length && { categories: one.categories }),
    });
  }
  for (const one of resources) {
    const slash = one.name.indexOf('/');
    if (slash < 0) continue;
    const name = one.name.slice(0, slash);
    const parent = parents.get(name) ?? { resource: name, responseKind: kindOf(), scope: scope(one), singularResource: '', verbs: [] };
    parents.set(name, parent);
    parent.subresources = [...((parent.subresources as unknown[]) ?? []), { subresource: one.name.slice(slash + 1), responseKind: kindOf(one), verbs: one.verbs ?? [] }];
  }
  return { version, ...(parents.size && { resources: [...parents.values()] }) };
}
