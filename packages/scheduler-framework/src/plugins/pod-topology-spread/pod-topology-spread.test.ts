import type { TopologySpreadConstraint } from '@pilothouse/api-schemas/types/core/v1';
import { describe, expect, test } from 'vitest';
import { PodInfo } from '../../pod/pod-info.ts';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

const zone = 'topology.kubernetes.io/zone';
const nodes = [node('a1', { labels: { [zone]: 'a' } }), node('a2', { labels: { [zone]: 'a' } }), node('b1', { labels: { [zone]: 'b' } }), node('none')];
const web = (name: string, more = {}) => pod(name, { labels: { app: 'web' }, ...more });
const hard = (more: Partial<TopologySpreadConstraint> = {}) => ({ spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } }, ...more }] } });
const missing = ["node(s) didn't match pod topology spread constraints (missing required label)"];
const skewed = ["node(s) didn't match pod topology spread constraints"];

describe('PodTopologySpread', () => {
  test('keeps the skew, and off nodes without the key', () => {
    const bench = pluginBench(podTopologySpread, { nodes, placed: { a1: [web('1')] } });
    expect(reasons(bench.filter(web('p', hard())))).toEqual({ a1: skewed, a2: skewed, none: missing });
    expect(reasons(bench.filter(web('p', hard({ maxSkew: 2 }))))).toEqual({ none: missing });
  });

  test('fewer domains than minDomains count as an empty one', () => {
    const bench = pluginBench(podTopologySpread, { nodes, placed: { a1: [web('1')], b1: [web('2')] } });
    expect(reasons(bench.filter(web('p', hard({ minDomains: 3 }))))).toEqual({ a1: skewed, a2: skewed, b1: skewed, none: missing });
    expect(reasons(bench.filter(web('p', hard({ minDomains: 2 }))))).toEqual({ none: missing });
  });

  test('counts pods as they come and go, only of its namespace, and none that is being deleted', () => {
    const bench = pluginBench(podTopologySpread, { nodes, placed: { a1: [web('other', { meta: { namespace: 'elsewhere' } }), web('ending', { meta: { deletionTimestamp: '2026-01-01T00:00:00Z' } })] } });
    const p = web('p', hard());
    expect(reasons(bench.filter(p))).toEqual({ none: missing });
    const placed = new PodInfo(web('new'));
    bench.snapshot.addPod(placed, 'a2');
    expect(reasons(bench.filter(p))).toEqual({ a1: skewed, a2: skewed, none: missing });
    bench.snapshot.removePod(placed.uid, placed.namespace);
    expect(reasons(bench.filter(p))).toEqual({ none: missing });
  });

  test('by default spreads the pods of a service softly over zones and hosts', () => {
    const service = { kind: 'Service', metadata: { name: 's', namespace: 'default' }, spec: { selector: { app: 'web' } } };
    const bench = pluginBench(podTopologySpread, { nodes: nodes.slice(0, 3), placed: { a1: [web('1')] }, objects: [service] });
    expect(bench.filter(web('p'))).toMatchObject({ code: 'Skip' });
    expect(bench.score(web('p'))).toEqual({ a1: 66, a2: 88, b1: 100 });
    expect(bench.score(pod('q'))).toMatchObject({ code: 'Skip' });
  });
});
