/** The group `metrics.k8s.io/v1beta1` as answers: nodes and pods, get and list. @see https://github.com/kubernetes/metrics */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { addQuantities, badRequestError, formatQuantity, type KubeObject, methodNotSupportedError, notFoundError, parseFieldSelector, parseLabelSelector } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import type { Usage, UsageStore } from './usage-store.ts';

export const group = 'metrics.k8s.io';
export const version = 'v1beta1';
const apiVersion = `${group}/${version}`;

/** As discovery states them. */
export const resources = [
  { group, version, name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { group, version, name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
];

export interface Asked {
  verb: string;
  /** `nodes` or `pods`. */
  resource: string;
  namespace?: string;
  name?: string;
  query: URLSearchParams;
}

export interface MetricsView {
  store: UsageStore;
  node(name: string): Node | undefined;
  nodes(): readonly Node[];
  pod(namespace: string, name: string): Pod | undefined;
  pods(namespace: string | undefined): readonly Pod[];
  nowMs: number;
}

type Metrics = KubeObject & { timestamp: string; window: string; usage?: Record<string, string>; containers?: { name: string; usage: Record<string, string> }[] };

const usageText = ({ cpuNano, memoryBytes }: Pick<Usage, 'cpuNano' | 'memoryBytes'>) => ({ cpu: formatQuantity({ units: cpuNano, scale: -9, format: 'DecimalSI' }), memory: formatQuantity({ units: memoryBytes, scale: 0, format: 'BinarySI' }) });

/** A Go duration: `15.5s`, `1m0s`. */
export function goDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  if (ms < 1000) return ms ? `${ms}ms` : '0s';
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`;
}

const metadataOf = ({ metadata }: KubeObject, nowMs: number) => ({ name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }), creationTimestamp: formatTime(nowMs), ...(metadata.labels && { labels: metadata.labels }) });

function nodeMetrics(node: Node, { store, nowMs }: MetricsView): Metrics | undefined {
  const usage = store.node(node.metadata.name!);
  return usage && { kind: 'NodeMetrics', apiVersion, metadata: metadataOf(node, nowMs), timestamp: formatTime(usage.atMs), window: goDuration(usage.windowMs), usage: usageText(usage) };
}

function podMetrics(pod: Pod, { store, nowMs }: MetricsView): Metrics | undefined {
  const containers = store.pod(pod.metadata.namespace!, pod.metadata.name!);
  if (!containers) return undefined;
  const earliest = [...containers.values()].reduce((a, b) => (b.atMs < a.atMs ? b : a));
  return { kind: 'PodMetrics', apiVersion, metadata: metadataOf(pod, nowMs), timestamp: formatTime(earliest.atMs), window: goDuration(earliest.windowMs), containers: [...containers].map(([name, usage]) => ({ name, usage: usageText(usage) })) };
}

/** @throws StatusError for what is not there, or not done */
export function metricsAnswer({ verb, resource, namespace, name, query }: Asked, view: MetricsView): object {
  const isNodes = resource === 'nodes';
  if (verb === 'get') {
    const object = isNodes ? view.node(name!) : view.pod(namespace!, name!);
    const metrics = object && (isNodes ? nodeMetrics(object as Node, view) : podMetrics(object as Pod, view));
    if (!metrics) throw notFoundError({ group, plural: isNodes ? 'nodemetrics' : 'podmetrics' }, isNodes ? name! : `${namespace}/${name}`);
    return metrics;
  }
  if (verb !== 'list') throw methodNotSupportedError({ group, plural: resource }, verb);
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = fieldMatcher(query.get('fieldSelector') ?? '');
  const chosen = (isNodes ? view.nodes() : view.pods(namespace)).filter((object) => labels.matches(object.metadata.labels) && fields(object));
  const items = chosen.flatMap((object) => (isNodes ? nodeMetrics(object as Node, view) : podMetrics(object as Pod, view)) ?? []);
  items.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  return { kind: isNodes ? 'NodeMetricsList' : 'PodMetricsList', apiVersion, metadata: {}, items };
}

const sortKey = ({ metadata }: Metrics): string => `${metadata.namespace ?? ''}/${metadata.name}`;

function fieldMatcher(text: string): (object: KubeObject) => boolean {
  if (!text) return () => true;
  const matcher = parseFieldSelector(text, (field, value) => {
    if (field !== 'metadata.name' && field !== 'metadata.namespace') throw badRequestError(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
    return { field, value };
  });
  return ({ metadata }) => matcher.matches((field) => (field === 'metadata.name' ? metadata.name : metadata.namespace) ?? '');
}

/** The Table that `kubectl get` shows: a column for each resource, and the window. */
export function asTable(answer: object): object {
  const metrics = ('items' in answer ? answer.items : [answer]) as Metrics[];
  const total = (one: Metrics): Record<string, string> => one.usage ?? addUp(one.containers!.map((c) => c.usage));
  const rows = metrics.map((one) => ({ cells: [one.metadata.name, total(one).cpu, total(one).memory, one.window], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: one.metadata } }));
  const column = (name: string, format: string, description = '') => ({ name, type: 'string', format, description, priority: 0 });
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: {}, columnDefinitions: [column('Name', 'name', 'Name of the resource'), column('cpu', 'quantity'), column('memory', 'quantity'), column('Window', 'duration')], rows };
}

const addUp = (usages: readonly Record<string, string>[]): Record<string, string> => usages.reduce((a, b) => ({ cpu: formatQuantity(addQuantities(a.cpu, b.cpu)), memory: formatQuantity(addQuantities(a.memory, b.memory)) }));
