/** What the servers behind APIServices serve: asked when an APIService comes or changes, and again every minute. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import type { Aggregator } from './aggregator.ts';
import { aggregatorUser, type Ask } from './ask.ts';
import { retryingTasks } from './retrying-tasks.ts';
import { fromAggregated, fromLegacy, type VersionDiscovery } from './version-discovery.ts';

export interface RemoteDiscovery {
  /** By name of the APIService: what was asked last, and whether that could be asked. Absent: not asked yet. */
  of(name: string): { discovery: VersionDiscovery; freshness: 'Current' | 'Stale' } | undefined;
}

const timeoutMs = 5_000;
const forms = ['v2', 'v2beta1'].map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
const isAggregated = (type: unknown): boolean => /g=apidiscovery\.k8s\.io/.test(String(type)) && /as=APIGroupDiscoveryList/.test(String(type));

/** @throws Error where the server cannot be asked */
async function fetchDiscovery(ask: Ask, service: APIService): Promise<VersionDiscovery> {
  const { group = '', version = '' } = service.spec!;
  const all = await ask(service, '/apis', { user: aggregatorUser, accept: forms.join(','), timeoutMs });
  if (all.status === 503) throw new Error(all.body.toString().trim());
  if (all.status === 200 && isAggregated(all.headers['content-type'])) return fromAggregated(JSON.parse(all.body.toString()), group, version) ?? { version };
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const legacy = await ask(service, path, { user: { name: aggregatorUser.name, groups: [] }, accept: 'application/json', timeoutMs });
  if (legacy.status !== 200) throw new Error(`failed to download legacy discovery for ${path}: ${legacy.status}`);
  return fromLegacy(JSON.parse(legacy.body.toString()), version);
}

/** Keeps it until the scope closes. */
export function remoteDiscovery({ clock, log }: Runtime, scope: Scope, aggregator: Aggregator, ask: Ask): RemoteDiscovery {
  const known = new Map<string, { discovery: VersionDiscovery; freshness: 'Current' | 'Stale' }>();
  const tasks = retryingTasks(clock, scope, { firstRetryMs: 500, againMs: 60_000 }, async (name) => {
    const service = aggregator.remotes.get(name);
    if (!service) {
      known.delete(name);
      return false;
    }
    try {
      known.set(name, { discovery: await fetchDiscovery(ask, service), freshness: 'Current' });
    } catch (error) {
      known.set(name, { discovery: { version: service.spec!.version! }, freshness: 'Stale' });
      log.debug('Cannot ask an extension server for its resources', { apiService: name, err: messageOf(error) });
      throw error;
    }
    return true;
  });
  scope.defer(aggregator.onChange((name) => tasks.run(name)));
  for (const name of aggregator.remotes.keys()) tasks.run(name);
  return { of: (name) => known.get(name) };
}
