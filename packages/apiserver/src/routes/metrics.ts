import type { MetricsRegistry } from '@pilothouse/base';
import type { NonResourceRoute } from '../options.ts';

/** What Prometheus expects of an answer in its text format. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

/** `/metrics`, or another path where a part of the measures stands. */
export const metricsRoute = (registry: MetricsRegistry, path = '/metrics'): NonResourceRoute => ({
  path,
  exact: true,
  handle: () => ({ status: 200, headers: { 'content-type': metricsType, 'cache-control': 'no-cache, private' }, body: Buffer.from(registry.text()) }),
});
