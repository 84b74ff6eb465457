/** Discovery of everything under this server's paths: its own group versions and those that other servers serve. */
import type { GroupFacts } from '@pilothouse/api-schemas';
import { compareVersions } from '../custom-resources/discovery.ts';
import type { ServedApi } from '../discovery/documents.ts';
import type { Aggregator } from './aggregator.ts';
import type { RemoteDiscovery } from './remote-discovery.ts';

const nameOf = (group: string, version: string): string => `${version}.${group}`;
/** Groups of custom resources have it until their APIService says otherwise. */
const customPriority = { group: 1_000, version: 100 };
/** Nobody registers it, so that it is always first. */
const firstGroup = 'apiregistration.k8s.io';

/** `own`: what this server serves itself. Where no other server serves anything, the answer is `own`'s. */
export function aggregatedApi(own: ServedApi, { services, remotes }: Pick<Aggregator, 'services' | 'remotes'>, discovery: RemoteDiscovery): ServedApi {
  const priority = (group: string, version: string) => {
    const spec = services.get(nameOf(group, version))?.spec;
    return spec ? { group: spec.groupPriorityMinimum ?? 0, version: spec.versionPriority ?? 0 } : customPriority;
  };

  function merged(): GroupFacts[] {
    const versions = new Map(own.groups().map(({ name, versions: ownVersions }) => [name, new Set(ownVersions)]));
    for (const { spec } of remotes.values()) versions.set(spec!.group ?? '', (versions.get(spec!.group ?? '') ?? new Set()).add(spec!.version!));
    const groups = [...versions].map(([name, found]) => {
      const sorted = [...found].sort((a, b) => priority(name, b).version - priority(name, a).version || compareVersions(a, b));
      // The APIService that comes first decides where the whole group stands.
      const [first] = sorted.map((version) => ({ name: nameOf(name, version), priority: name === firstGroup ? Infinity : priority(name, version).group })).sort(byPriority);
      return { group: { name, versions: sorted, preferredVersion: sorted[0] }, ...first };
    });
    return groups.sort(byPriority).map(({ group }) => group);
  }

  const remote = (group: string, version: string): boolean => remotes.has(nameOf(group, version));
  return {
    groups: () => (remotes.size ? merged() : own.groups()),
    resources: (group, version) => (remote(group, version) ? [] : own.resources(group, version)),
    discovered(group, version) {
      if (!remote(group, version)) return undefined;
      const { discovery: { resources } = {}, freshness = 'Stale' } = discovery.of(nameOf(group, version)) ?? {};
      return { ...(resources && { resources }), freshness };
    },
    isCustom: (group) => own.isCustom?.(group) ?? false,
  };
}

const byPriority = (a: { priority: number; name: string }, b: { priority: number; name: string }): number => (a.priority === b.priority ? (a.name < b.name ? -1 : 1) : b.priority > a.priority ? 1 : -1);
