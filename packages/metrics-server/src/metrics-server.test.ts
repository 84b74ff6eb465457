import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { asTable, goDuration, type MetricsView, metricsAnswer } from './api.ts';
import { type Measurements, parseMeasurements } from './parse.ts';
import { kubeletOrigin } from './scrape.ts';
import { createUsageStore } from './usage-store.ts';

const text = (atMs: number, cpu: number, more = '') => `# HELP node_cpu_usage_seconds_total x
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total ${cpu * 2} ${atMs}
node_memory_working_set_bytes 1048576 ${atMs}
container_cpu_usage_seconds_total{container="c",namespace="ns",pod="p"} ${cpu} ${atMs}
container_memory_working_set_bytes{container="c",namespace="ns",pod="p"} 65536 ${atMs}
container_start_time_seconds{container="c",namespace="ns",pod="p"} 1000 ${atMs}
pod_cpu_usage_seconds_total{namespace="ns",pod="p"} ${cpu} ${atMs}
${more}`;
const round = (atMs: number, cpu: number, more?: string): Measurements => parseMeasurements(text(atMs, cpu, more), 0);

test('the kubelet\'s text is read: nodes with and without a name, containers by pod', () => {
  const { nodes, pods } = round(5000, 1.5, 'node_cpu_usage_seconds_total{node="h"} 3 1\nnode_memory_working_set_bytes{node="h"} 4 1\ncontainer_cpu_usage_seconds_total{container="half",namespace="ns",pod="q"} 1 1\nresource_scrape_error 0');
  expect([...nodes]).toEqual([['', { atMs: 5000, cpuSeconds: 3, memoryBytes: 1048576, startMs: 0 }], ['h', { atMs: 1, cpuSeconds: 3, memoryBytes: 4, startMs: 0 }]]);
  expect([...pods.keys()]).toEqual(['ns/p']);
  expect(pods.get('ns/p')?.get('c')).toEqual({ atMs: 5000, cpuSeconds: 1.5, memoryBytes: 65536, startMs: 1_000_000 });
});

const t0 = 2_000_000;
test.each<[string, Measurements[], object | undefined]>([
  ['one look says nothing', [round(t0, 1)], undefined],
  ['two looks make a rate', [round(t0, 1), round(t0 + 15_000, 4)], { atMs: t0 + 15_000, windowMs: 15_000, cpuNano: 200_000_000, memoryBytes: 65536 }],
  ['a look that took nothing new leaves it', [round(t0, 1), round(t0 + 15_000, 4), round(t0 + 15_000, 4)], { atMs: t0 + 15_000, windowMs: 15_000, cpuNano: 200_000_000, memoryBytes: 65536 }],
  ['a container that started since is counted from its start', [round(1_012_000, 3)], { atMs: 1_012_000, windowMs: 12_000, cpuNano: 250_000_000, memoryBytes: 65536 }],
  ['one that began anew says nothing', [round(t0, 5), round(t0 + 15_000, 1)], undefined],
  ['one that is gone is forgotten', [round(t0, 1), round(t0 + 15_000, 4), parseMeasurements('', 0)], undefined],
])('%s', (_, rounds, expected) => {
  const store = createUsageStore(15_000);
  for (const one of rounds) store.add(one);
  expect(store.pod('ns', 'p')?.get('c')).toEqual(expected);
});

const pod: Pod = { metadata: { name: 'p', namespace: 'ns', labels: { app: 'web' } } };
function view(): MetricsView {
  const store = createUsageStore(15_000);
  store.add(round(t0, 1));
  store.add({ ...round(t0 + 15_000, 4), nodes: new Map() });
  const node: Node = { metadata: { name: '' } };
  return { store, nowMs: t0 + 20_000, node: () => node, nodes: () => [node], pod: (_, name) => (name === 'p' ? pod : undefined), pods: () => [pod] };
}
const ask = (more: object, query = '') => metricsAnswer({ verb: 'list', resource: 'pods', query: new URLSearchParams(query), ...more }, view());

test('pods are listed with what their containers use', () => {
  expect(ask({})).toEqual({
    kind: 'PodMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {},
    items: [{ kind: 'PodMetrics', apiVersion: 'metrics.k8s.io/v1beta1', metadata: { name: 'p', namespace: 'ns', creationTimestamp: '1970-01-01T00:33:40Z', labels: { app: 'web' } }, timestamp: '1970-01-01T00:33:35Z', window: '15s', containers: [{ name: 'c', usage: { cpu: '200m', memory: '64Ki' } }] }],
  });
  expect(ask({}, 'labelSelector=app%3Dother')).toMatchObject({ items: [] });
  expect(ask({}, 'fieldSelector=metadata.name%3Dp')).toMatchObject({ items: [{}] });
  expect(ask({ resource: 'nodes' })).toMatchObject({ kind: 'NodeMetricsList', items: [] });
  expect(asTable(ask({}))).toMatchObject({ kind: 'Table', rows: [{ cells: ['p', '200m', '64Ki', '15s'] }] });
});

test('what is not measured is not found; what is not done is refused', () => {
  expect(() => ask({ verb: 'get', namespace: 'ns', name: 'x' })).toThrow('podmetrics.metrics.k8s.io "ns/x" not found');
  expect(() => ask({ verb: 'get', resource: 'nodes', name: 'n' })).toThrow('nodemetrics.metrics.k8s.io "n" not found');
  expect(() => ask({ verb: 'delete' })).toThrow('delete is not supported');
  expect(() => ask({}, 'fieldSelector=spec.nodeName%3Dn')).toThrow('is not a known field selector');
});

test('a kubelet listens where its node says', () => {
  expect(kubeletOrigin({ metadata: {}, status: { addresses: [{ type: 'Hostname', address: 'h' }, { type: 'InternalIP', address: '10.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } } })).toBe('https://10.0.0.1:10250');
  expect(kubeletOrigin({ metadata: {}, status: {} })).toBeUndefined();
});

test.each([[15_000, '15s'], [15_250, '15.25s'], [60_000, '1m0s'], [3_600_000, '1h0m0s'], [500, '500ms']])('%i ms are %s', (ms, expected) => {
  expect(goDuration(ms)).toBe(expected);
});
