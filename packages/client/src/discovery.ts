/** Which resources an API server serves, its own, custom ones and those it passes on to others. */
import type { ResourceType } from '@pilothouse/apimachinery';
import { objectOf } from './answers.ts';
import type { Client } from './contract.ts';

export interface ServedResource {
  /** In the preferred of the versions that have it. */
  type: ResourceType<any>;
  verbs: readonly string[];
}

export interface Discovery {
  resources: ServedResource[];
  /** `group/version` of what is registered, but of which nobody could tell what it has. */
  stale: string[];
}

interface GroupDiscovery {
  metadata?: { name?: string };
  /** In the order of preference. */
  versions?: {
    version: string;
    freshness?: string;
    resources?: { resource: string; responseKind?: { group?: string; version?: string; kind: string }; scope: string; verbs?: string[] }[];
  }[];
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** Asks an API server of v1.30 or newer. @throws StatusError, and Error where it does not know aggregated discovery */
export async function discover(client: Client, options: { signal?: AbortSignal } = {}): Promise<Discovery> {
  const found: Discovery = { resources: [], stale: [] };
  for (const url of ['/api', '/apis']) {
    const sent = { method: 'GET', url };
    const list = (await objectOf(await client.raw({ ...sent, headers: { accept }, signal: options.signal }), sent)) as { kind?: string; items?: GroupDiscovery[] };
    if (list.kind !== 'APIGroupDiscoveryList') throw new Error(`${url} does not answer with aggregated discovery`);
    for (const group of list.items ?? []) readGroup(group, found);
  }
  return found;
}

function readGroup({ metadata, versions = [] }: GroupDiscovery, found: Discovery): void {
  const group = metadata?.name ?? '';
  const seen = new Set<string>();
  for (const { version, freshness, resources = [] } of versions) {
    if (freshness === 'Stale') found.stale.push(group ? `${group}/${version}` : version);
    for (const { resource, responseKind, scope, verbs = [] } of resources) {
      if (seen.has(resource)) continue;
      seen.add(resource);
      found.resources.push({ type: { group, version, plural: resource, kind: responseKind?.kind ?? '', namespaced: scope === 'Namespaced' }, verbs });
    }
  }
}

/** What client-go says where some groups could not be discovered. */
export const staleMessage = (stale: readonly string[]): string => `unable to retrieve the complete list of server APIs: ${[...stale].sort().map((version) => `${version}: stale GroupVersion discovery: ${version}`).join(', ')}`;
