/** What the API server counts of its requests, under kube-apiserver's names. */
import { builtinResources } from '@pilothouse/api-schemas';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { type Clock, exponentialBuckets, type Family, type Histogram, type MetricsRegistry, type Series } from '@pilothouse/base';
import { bareMediaType } from '../request/body.ts';
import type { RequestInfo } from '../request/info.ts';
import { validateDryRun } from '../request/write-options.ts';

/** Upper bounds in seconds of kube-apiserver's latency histograms. */
export const latencyBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** The series of requests that are alike but for the answer's code. */
interface RequestSeries {
  codes: Map<number, Series>;
  seconds: Histogram;
  /** Of reads. */
  bytes: Histogram | undefined;
  running: Series;
  /** Label values after verb and dry run. */
  labels: [group: string, version: string, resource: string, subresource: string, scope: string, component: string];
  verb: string;
  dryRun: string;
}

/** A request being counted. */
export interface Observed {
  /** The request was answered; of a watch: its answer has begun. */
  done(response: ApiResponse): void;
  /** Of a long-running request: it ended. Repeatable. */
  ended(code: number): void;
}

export interface RequestMetrics {
  /** `route`: the resource answers, or the path of the route that does; undefined: nobody. */
  begin(request: ApiRequest, info: RequestInfo, route: 'resource' | string | undefined, long: boolean): Observed;
  /** The counter of a resource's watch events. */
  watchEvents(group: string, version: string, resource: string): Series;
}

export function requestMetrics(registry: MetricsRegistry, clock: Pick<Clock, 'monotonic'>): RequestMetrics {
  const where = ['group', 'version', 'resource', 'subresource', 'scope', 'component'];
  const total = registry.counter('apiserver_request_total', '[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.', ['verb', 'dry_run', ...where, 'code']);
  const seconds = registry.histogram('apiserver_request_duration_seconds', '[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.', latencyBuckets, ['verb', 'dry_run', ...where]);
  const sizes = registry.histogram('apiserver_response_sizes', '[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.', exponentialBuckets(1000, 10, 7), ['verb', ...where]);
  const running: Family<Series> = registry.gauge('apiserver_longrunning_requests', '[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.', ['verb', ...where]);
  const events = registry.counter('apiserver_watch_events_total', '[BETA] Number of events sent in watch clients', ['group', 'version', 'resource']);
  const known = new Map<string, RequestSeries>();

  const seriesOf = (request: ApiRequest, info: RequestInfo, route: 'resource' | string | undefined): RequestSeries => {
    // A subresource that nobody has is whatever somebody asked for: it must not become a label.
    const own = route === 'resource' && (info.subresource === '' || subresources.has(info.subresource));
    const scope = scopeOf(info, own);
    const verb = reportedVerb(request, info, scope);
    const dryRun = info.query.size ? dryRunOf(info.query) : '';
    const subresource = own ? info.subresource : route === 'resource' ? '' : (route ?? '');
    const key = `${verb} ${dryRun} ${own ? `${info.group}/${info.version}/${info.resource}` : ''} ${subresource} ${scope}`;
    let found = known.get(key);
    if (!found) {
      const labels: RequestSeries['labels'] = own ? [info.group, info.version, info.resource, subresource, scope, 'apiserver'] : ['', '', '', subresource, scope, 'apiserver'];
      const reads = verb === 'GET' || verb === 'LIST';
      found = { codes: new Map(), seconds: seconds.with(verb, dryRun, ...labels), bytes: reads ? sizes.with(verb, ...labels) : undefined, running: unused, labels, verb, dryRun };
      known.set(key, found);
    }
    return found;
  };
  const count = (series: RequestSeries, code: number): void => {
    let counter = series.codes.get(code);
    if (!counter) series.codes.set(code, (counter = total.with(series.verb, series.dryRun, ...series.labels, String(code))));
    counter.value++;
  };

  return {
    begin(request, info, route, long) {
      const startMs = clock.monotonic();
      const series = seriesOf(request, info, route);
      let open = long;
      if (long) {
        if (series.running === unused) series.running = running.with(series.verb, ...series.labels);
        series.running.value++;
      }
      const end = (code: number): void => {
        count(series, code);
        series.seconds.observe((clock.monotonic() - startMs) / 1000);
      };
      const ended = (code: number): void => {
        if (!open) return;
        open = false;
        series.running.value--;
        end(code);
      };
      return {
        done(response) {
          if (long) return;
          end(response.status);
          series.bytes?.observe(bytesOf(response));
        },
        ended,
      };
    },
    watchEvents: (group, version, resource) => events.with(group, version, resource),
  };
}

/** Every subresource that some resource has; custom ones have no others. */
const subresources: ReadonlySet<string> = new Set(builtinResources.flatMap(({ name }) => (name.includes('/') ? [name.slice(name.indexOf('/') + 1)] : [])));

const unused: Series = { value: 0 };

/** `resource`, `namespace`, `cluster`; '' for what is no resource. */
function scopeOf(info: RequestInfo, own: boolean): string {
  if (!own) return '';
  if (info.parts[1] || info.verb === 'create') return 'resource';
  return info.namespace && info.resource !== 'namespaces' ? 'namespace' : 'cluster';
}

const connects = new Set(['log', 'exec', 'portforward', 'attach', 'proxy']);
const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

function reportedVerb({ method, headers }: ApiRequest, info: RequestInfo, scope: string): string {
  if (info.isResource && connects.has(info.subresource)) return 'CONNECT';
  if (info.verb === 'watch') return 'WATCH';
  if (method === 'GET' || method === 'HEAD') return scope === 'namespace' || scope === 'cluster' ? 'LIST' : 'GET';
  if (method === 'PATCH' && bareMediaType(headers['content-type']) === 'application/apply-patch+yaml') return 'APPLY';
  return methods.has(method) ? method : 'other';
}

function dryRunOf(query: URLSearchParams): string {
  const asked = query.getAll('dryRun');
  if (!asked.length) return '';
  return validateDryRun(asked).length ? 'invalid' : asked.join(',');
}

/** Bytes of the answer, as far as it is bytes. */
function bytesOf({ body, headers }: ApiResponse): number {
  if (body instanceof Uint8Array) return body.length;
  if (Array.isArray(body)) return body.reduce((sum, piece) => sum + piece.length, 0);
  return Number(headers['content-length'] ?? 0);
}
