/** How much the server holds, read when somebody asks. */
import type { MetricsRegistry } from '@pilothouse/base';
import type { ResourceRegistry, StoredResource } from '../registry.ts';
import type { Admission } from '../request/in-flight.ts';

export function collectServer(metrics: MetricsRegistry, registry: ResourceRegistry, inFlight: Pick<Admission, 'reads' | 'writes'>): void {
  const stored = (): StoredResource[] => [...new Set(registry.all().flatMap((served) => served.stored ?? []))];
  metrics.collect('gauge', 'apiserver_current_inflight_requests', '[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in last second.', ['request_kind'], () => [[['readOnly'], inFlight.reads], [['mutating'], inFlight.writes]]);
  metrics.collect('gauge', 'apiserver_storage_objects', '[STABLE] [DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.', ['resource'], () => stored().map(({ definition: { type }, cache }) => [[type.group ? `${type.plural}.${type.group}` : type.plural], cache.size] as const));
  metrics.collect('gauge', 'apiserver_resource_objects', '[ALPHA] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.', ['group', 'resource'], () => stored().map(({ definition: { type }, cache }) => [[type.group, type.plural], cache.size] as const));
}

/** The group and resource of a key, by the prefix under which the resource keeps its objects. */
export function keyResources(registry: ResourceRegistry): (key: string) => { group: string; resource: string } {
  let byPrefix = new Map<string, { group: string; resource: string }>();
  const none = { group: '', resource: '' };
  registry.onChange(() => {
    byPrefix = new Map();
    for (const { stored } of registry.all()) if (stored) byPrefix.set(stored.cache.prefix, { group: stored.definition.type.group, resource: stored.definition.type.plural });
  });
  return (key) => {
    // `/registry/pods/…`, `/registry/services/specs/…`
    for (let slash = key.indexOf('/', 10), depth = 0; slash > 0 && depth < 3; slash = key.indexOf('/', slash + 1), depth++) {
      const found = byPrefix.get(key.slice(0, slash + 1));
      if (found) return found;
    }
    return none;
  };
}
