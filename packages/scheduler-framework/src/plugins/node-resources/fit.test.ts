import { describe, expect, test } from 'vitest';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { nodeResourcesFit } from './fit.ts';

const cases: [about: string, requests: Record<string, string>, used: Record<string, string> | undefined, wanted: { code: string; reasons: string[] } | undefined][] = [
  ['fits what is free', { cpu: '4', memory: '8Gi' }, undefined, undefined],
  ['misses what other pods use', { cpu: '2' }, { cpu: '3' }, { code: 'Unschedulable', reasons: ['Insufficient cpu'] }],
  ['cannot be helped where the node is too small when empty', { cpu: '5', memory: '9Gi' }, undefined, { code: 'UnschedulableAndUnresolvable', reasons: ['Insufficient cpu', 'Insufficient memory'] }],
  ['counts extended resources', { 'example.com/gpu': '1' }, undefined, { code: 'UnschedulableAndUnresolvable', reasons: ['Insufficient example.com/gpu'] }],
  ['asks nothing for nothing', { 'example.com/gpu': '0' }, { cpu: '9' }, undefined],
];

describe('NodeResourcesFit', () => {
  test.each(cases)('%s', (_about, requests, used, wanted) => {
    const bench = pluginBench(nodeResourcesFit, { nodes: [node('n1')], placed: used ? { n1: [pod('there', { requests: used })] } : {} });
    const verdict = (bench.filter(pod('p', { requests })) as Record<string, unknown>).n1;
    if (wanted) expect(verdict).toMatchObject(wanted);
    else expect(verdict).toBeUndefined();
  });

  test('the number of pods is limited too', () => {
    const bench = pluginBench(nodeResourcesFit, { nodes: [node('n1', { allocatable: { pods: '1' } })], placed: { n1: [pod('there')] } });
    expect(reasons(bench.filter(pod('p')))).toEqual({ n1: ['Too many pods'] });
  });

  test('sidecars add to containers, other init containers only set a minimum, overhead comes on top', () => {
    const bench = pluginBench(nodeResourcesFit, { nodes: [node('n1')] });
    const init = (cpu: string, restartPolicy?: string) => ({ name: `i${cpu}${restartPolicy ?? ''}`, image: 'i', restartPolicy, resources: { requests: { cpu } } });
    const ask = (spec: object) => reasons(bench.filter(pod('p', { requests: { cpu: '2' }, spec: { containers: [{ name: 'c', image: 'c', resources: { requests: { cpu: '2' } } }], ...spec } })));
    expect(ask({ initContainers: [init('4')] })).toEqual({});
    expect(ask({ initContainers: [init('2', 'Always')] })).toEqual({});
    expect(ask({ initContainers: [init('1', 'Always'), init('4')] })).toEqual({ n1: ['Insufficient cpu'] });
    expect(ask({ initContainers: [init('2', 'Always')], overhead: { cpu: '1m' } })).toEqual({ n1: ['Insufficient cpu'] });
  });

  test.each([
    ['LeastAllocated', {}, { n1: 25, n2: 75 }],
    ['MostAllocated', {}, { n1: 75, n2: 25 }],
    ['RequestedToCapacityRatio', { requestedToCapacityRatio: { shape: [{ utilization: 0, score: 0 }, { utilization: 100, score: 10 }] } }, { n1: 75, n2: 25 }],
  ])('scores by %s', (type, more, wanted) => {
    const bench = pluginBench(nodeResourcesFit, { placed: { n1: [pod('there', { requests: { cpu: '2' } })] }, args: { scoringStrategy: { type, resources: [{ name: 'cpu', weight: 1 }], ...more } } });
    expect(bench.score(pod('p', { requests: { cpu: '1' } }))).toEqual(wanted);
  });

  test('a node that grew in what the pod needs is a reason to try again', () => {
    const { plugin } = pluginBench(nodeResourcesFit);
    const [, onNode] = plugin.events!;
    const info = { pod: pod('p', { requests: { cpu: '2' } }) } as never;
    const with_ = (cpu: string, memory = '8Gi') => node('n', { allocatable: { cpu, memory } });
    expect(onNode.hint!(info, with_('1'), with_('2'))).toBe(true);
    expect(onNode.hint!(info, with_('2'), with_('2', '9Gi'))).toBe(false);
    expect(onNode.hint!(info, undefined, with_('1'))).toBe(false);
  });
});
