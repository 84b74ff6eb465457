/** Where autoscalers learn how busy pods are: the metrics APIs, which add-ons serve. */
import { messageOf, parseTime } from '@pilothouse/base';
import type { CrossVersionObjectReference } from '@pilothouse/api-schemas/types/autoscaling/v2';
import { isNotFound, type LabelMatcher, milliValue, parseApiVersion } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { objectOf } from '@pilothouse/client/answers';

/** What one pod was measured to use, in thousandths. */
export interface PodMetric {
  value: number;
  /** When it was measured, over how long before. */
  timestampMs: number;
  windowMs: number;
}
export type PodMetrics = Map<string, PodMetric>;

export interface MetricsSource {
  /** Use of processor time, memory and so on by pods, or by one container of each. */
  resource(name: string, namespace: string, pods: LabelMatcher, container?: string): Promise<PodMetrics>;
  /** A metric that pods report. */
  pods(metric: string, namespace: string, pods: LabelMatcher, metricSelector: LabelMatcher): Promise<PodMetrics>;
  /** A metric of one object, in thousandths. `resource`: `ingresses.networking.k8s.io`. */
  object(metric: string, namespace: string, object: CrossVersionObjectReference & { resource: string }, metricSelector: LabelMatcher): Promise<number>;
  /** A metric from outside the cluster: all its series, in thousandths. */
  external(metric: string, namespace: string, metricSelector: LabelMatcher): Promise<number[]>;
}

interface ResourceMetrics {
  metadata: { name: string };
  timestamp: string;
  window: string;
  containers?: { name: string; usage?: Record<string, string> }[];
}
interface MetricValue {
  describedObject: { name: string };
  timestamp: string;
  windowSeconds?: number;
  window?: number;
  value: string;
}

const defaultWindowMs = 60_000;
const notServed = 'the server could not find the requested resource';
const customGroup = 'custom.metrics.k8s.io';

export function metricsOf(client: Client, signal: AbortSignal): MetricsSource {
  const get = async (url: string, query: Record<string, string> = {}): Promise<any> => {
    const full = Object.keys(query).length ? `${url}?${new URLSearchParams(query)}` : url;
    return objectOf(await client.raw({ method: 'GET', url: full, headers: { accept: 'application/json' }, signal }), { method: 'GET', url: full });
  };
  /** As client-go words it where nothing serves the path, which says what was asked for. */
  const fetched = async <T>(api: string, asked: string, request: Promise<T>): Promise<T> => {
    try {
      return await request;
    } catch (error) {
      if (signal.aborted) throw error;
      const text = messageOf(error);
      throw new Error(`unable to fetch metrics from ${api} metrics API: ${isNotFound(error) && text === notServed && asked ? `${text} (get ${asked})` : text}`, { cause: error });
    }
  };
  const some = <T>(api: string, list: { items?: T[] }): T[] => {
    if (!list.items?.length) throw new Error(`no metrics returned from ${api} metrics API`);
    return list.items;
  };
  const customBase = async (): Promise<string> => {
    const groups: { groups?: { name: string; versions: { version: string }[] }[] } = await get('/apis');
    const versions = groups.groups?.find((group) => group.name === customGroup)?.versions.map(({ version }) => version) ?? [];
    const version = ['v1beta2', 'v1beta1'].find((v) => versions.includes(v));
    if (!version) throw new Error(`no custom metrics API (${customGroup}) registered`);
    return `/apis/${customGroup}/${version}`;
  };
  const selecting = (selector: LabelMatcher): Record<string, string> => (selector.everything || selector.nothing ? {} : { metricLabelSelector: selector.toString() });

  return {
    async resource(name, namespace, pods, container) {
      const list = await fetched('resource', 'pods.metrics.k8s.io', get(`/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`, { labelSelector: pods.toString() }));
      return resourceUse(some<ResourceMetrics>('resource', list), name, container);
    },
    async pods(metric, namespace, pods, metricSelector) {
      const request = async () => get(`${await customBase()}/namespaces/${namespace}/pods/*/${encodeURIComponent(metric)}`, { labelSelector: pods.toString(), ...selecting(metricSelector) });
      const items = some<MetricValue>('custom', await fetched('custom', '', request()));
      return new Map(items.map((item) => {
        const seconds = item.windowSeconds ?? item.window;
        return [item.describedObject.name, { value: milliValue(item.value), timestampMs: parseTime(item.timestamp), windowMs: seconds === undefined ? defaultWindowMs : seconds * 1000 }];
      }));
    },
    async object(metric, namespace, object, metricSelector) {
      const ofNamespace = object.kind === 'Namespace' && parseApiVersion(object.apiVersion ?? '').group === '';
      const path = ofNamespace ? `namespaces/${namespace}/metrics` : `namespaces/${namespace}/${object.resource}/${encodeURIComponent(object.name)}`;
      const request = async () => {
        const { items = [] } = await get(`${await customBase()}/${path}/${encodeURIComponent(metric)}`, selecting(metricSelector));
        if (items.length !== 1) throw new Error(`the custom metrics API server returned ${items.length} results when we asked for exactly one`);
        return items[0] as MetricValue;
      };
      return milliValue((await fetched('custom', '', request())).value);
    },
    async external(metric, namespace, metricSelector) {
      const query = metricSelector.everything || metricSelector.nothing ? undefined : { labelSelector: metricSelector.toString() };
      const list = await fetched('external', `${metric}.external.metrics.k8s.io`, get(`/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${encodeURIComponent(metric)}`, query));
      return some<{ value: string }>('external', list).map(({ value }) => milliValue(value));
    },
  };
}

/** A pod of which any container goes unmeasured is left out. */
export function resourceUse(items: readonly ResourceMetrics[], resource: string, container?: string): PodMetrics {
  const result: PodMetrics = new Map();
  for (const { metadata, timestamp, window, containers = [] } of items) {
    const asked = container === undefined ? containers : containers.filter(({ name }) => name === container).slice(0, 1);
    const amounts = asked.map(({ usage }) => usage?.[resource]);
    if (!amounts.length || amounts.includes(undefined)) continue;
    result.set(metadata.name, { value: amounts.reduce((sum, amount) => sum + milliValue(amount!), 0), timestampMs: parseTime(timestamp), windowMs: windowOf(window) });
  }
  return result;
}

/** A window is written as a Go duration, such as `1m0s` or `15.4s`. */
function windowOf(text: string | undefined): number {
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  let total = 0;
  for (const [, amount, unit] of (text ?? '').matchAll(/([0-9.]+)(ms|h|m|s)/g)) total += Number(amount) * units[unit];
  return total || defaultWindowMs;
}
