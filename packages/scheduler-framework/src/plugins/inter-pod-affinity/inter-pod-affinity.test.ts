import type { Affinity, PodAffinityTerm } from '@pilothouse/api-schemas/types/core/v1';
import { describe, expect, test } from 'vitest';
import { PodInfo } from '../../pod/pod-info.ts';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';

const zone = 'topology.kubernetes.io/zone';
const nodes = [node('a1', { labels: { [zone]: 'a' } }), node('a2', { labels: { [zone]: 'a' } }), node('b1', { labels: { [zone]: 'b' } })];
const term = (app: string, topologyKey = zone): PodAffinityTerm => ({ topologyKey, labelSelector: { matchLabels: { app } } });
const wants = (affinity: Affinity) => ({ spec: { affinity } });
const toward = (app: string) => wants({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } });
const awayFrom = (app: string, key?: string) => wants({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app, key)] } });
const db = (more = {}) => pod('db', { labels: { app: 'db' }, ...more });
const noAffinity = ["node(s) didn't match pod affinity rules"];
const anti = ["node(s) didn't match pod anti-affinity rules"];
const existing = ["node(s) didn't satisfy existing pods anti-affinity rules"];

describe('InterPodAffinity', () => {
  test('required affinity draws to where such pods run', () => {
    expect(reasons(pluginBench(interPodAffinity, { nodes, placed: { a1: [db()] } }).filter(pod('p', toward('db'))))).toEqual({ b1: noAffinity });
  });

  test('the first pod of a group that wants its own company starts anywhere', () => {
    const bench = pluginBench(interPodAffinity, { nodes });
    expect(reasons(bench.filter(db(toward('db'))))).toEqual({});
    expect(reasons(bench.filter(pod('p', toward('db'))))).toEqual({ a1: noAffinity, a2: noAffinity, b1: noAffinity });
  });

  test('required anti-affinity keeps away, in both directions', () => {
    const bench = pluginBench(interPodAffinity, { nodes, placed: { a1: [db()], b1: [pod('hermit', { ...awayFrom('web') })] } });
    expect(reasons(bench.filter(pod('p', awayFrom('db'))))).toEqual({ a1: anti, a2: anti });
    expect(reasons(bench.filter(pod('p', awayFrom('db', 'kubernetes.io/hostname'))))).toEqual({ a1: anti });
    expect(reasons(bench.filter(pod('p', { labels: { app: 'web' } })))).toEqual({ b1: existing });
  });

  test('keeps count of pods that come and go', () => {
    const bench = pluginBench(interPodAffinity, { nodes });
    const p = pod('p', awayFrom('db'));
    expect(reasons(bench.filter(p))).toEqual({});
    const placed = new PodInfo(db());
    bench.snapshot.addPod(placed, 'b1');
    expect(reasons(bench.filter(p))).toEqual({ b1: anti });
    bench.snapshot.removePod(placed.uid, placed.namespace);
    expect(reasons(bench.filter(p))).toEqual({});
  });

  test('namespaces are those named, those selected, or the own one', () => {
    const objects = [{ kind: 'Namespace', metadata: { name: 'prod', labels: { team: 'x' } } }, { kind: 'Namespace', metadata: { name: 'default' } }];
    const bench = pluginBench(interPodAffinity, { nodes, objects, placed: { b1: [db({ meta: { namespace: 'prod' } })] } });
    const ask = (more: Partial<PodAffinityTerm>) => Object.keys(reasons(bench.filter(pod('p', wants({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term('db'), ...more }] } })))));
    expect(ask({})).toEqual([]);
    expect(ask({ namespaces: ['prod'] })).toEqual(['b1']);
    expect(ask({ namespaceSelector: { matchLabels: { team: 'x' } } })).toEqual(['b1']);
    expect(ask({ namespaceSelector: {} })).toEqual(['b1']);
    expect(ask({ namespaceSelector: { matchLabels: { team: 'y' } } })).toEqual([]);
  });

  test('preferred terms score, and required affinity of running pods pulls a little', () => {
    const preferred = wants({ podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term('db') }] } });
    expect(pluginBench(interPodAffinity, { nodes, placed: { a1: [db()] } }).score(pod('p', preferred))).toEqual({ a1: 100, a2: 100, b1: 0 });
    const pulling = pluginBench(interPodAffinity, { nodes, placed: { b1: [db(), pod('friend', toward('web'))] } });
    expect(pulling.score(pod('p', { labels: { app: 'web' } }))).toEqual({ a1: 0, a2: 0, b1: 100 });
    expect(pulling.score(pod('q'))).toMatchObject({ code: 'Skip' });
  });
});
