/** How long the store takes, under the names that kube-apiserver has for etcd. */
import type { Clock, Histogram, MetricsRegistry, Series } from '@pilothouse/base';
import { RevisionConflict, type Store } from '@pilothouse/storage';
import { latencyBuckets } from './requests.ts';

interface OperationSeries {
  count: Series;
  errors: () => Series;
  seconds: Histogram;
}

/** `resourceOf`: the group and resource whose objects a key holds. The same store, counted. */
export function meteredStore(store: Store, registry: MetricsRegistry, clock: Pick<Clock, 'monotonic'>, resourceOf: (key: string) => { group: string; resource: string }): Store {
  const labels = ['operation', 'group', 'resource'];
  const seconds = registry.histogram('etcd_request_duration_seconds', '[ALPHA] Etcd request latency in seconds for each operation and object type.', latencyBuckets, labels);
  const counts = registry.counter('etcd_requests_total', '[ALPHA] Etcd request counts for each operation and object type.', labels);
  const errors = registry.counter('etcd_request_errors_total', '[ALPHA] Etcd failed request counts for each operation and object type.', labels);
  const known = new Map<string, Map<string, OperationSeries>>();

  const seriesOf = (operation: string, key: string): OperationSeries => {
    const { group, resource } = resourceOf(key);
    let operations = known.get(operation);
    if (!operations) known.set(operation, (operations = new Map()));
    const id = `${resource}.${group}`;
    let series = operations.get(id);
    if (!series) operations.set(id, (series = { count: counts.with(operation, group, resource), errors: () => errors.with(operation, group, resource), seconds: seconds.with(operation, group, resource) }));
    return series;
  };
  const timed = async <T>(operation: string, key: string, run: () => Promise<T>): Promise<T> => {
    const series = seriesOf(operation, key);
    const startMs = clock.monotonic();
    try {
      return await run();
    } catch (error) {
      // A precondition that failed is an answer, not an error.
      if (!(error instanceof RevisionConflict)) series.errors().value++;
      throw error;
    } finally {
      series.count.value++;
      series.seconds.observe((clock.monotonic() - startMs) / 1000);
    }
  };
  return {
    revision: () => store.revision(),
    get: (key, options) => timed('get', key, () => store.get(key, options)),
    range: (range, options) => timed('list', range.start, () => store.range(range, options)),
    put: (key, value, options) => timed(options?.ifRevision === 0 ? 'create' : 'update', key, () => store.put(key, value, options)),
    delete: (key, options) => timed('delete', key, () => store.delete(key, options)),
    watch: (range, options) => store.watch(range, options),
    requestProgress: () => store.requestProgress(),
    compact: (revision) => store.compact(revision),
    compactedRevision: () => store.compactedRevision(),
    size: () => store.size(),
    health: (signal) => store.health(signal),
    close: () => store.close(),
  };
}
