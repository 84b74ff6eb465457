import { describe, expect, test } from 'vitest';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { taintToleration } from './taint-toleration.ts';

const tainted = (effect: string, value?: string) => node('n1', { spec: { taints: [{ key: 'dedicated', value, effect }] } });
const untolerated = { n1: ['node(s) had untolerated taint(s)'] };

describe('TaintToleration', () => {
  test.each([
    ['NoSchedule repels', 'NoSchedule', [], untolerated],
    ['NoExecute repels', 'NoExecute', [], untolerated],
    ['PreferNoSchedule does not', 'PreferNoSchedule', [], {}],
    ['an equal toleration admits', 'NoSchedule', [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }], {}],
    ['another value does not', 'NoSchedule', [{ key: 'dedicated', value: 'web' }], untolerated],
    ['existence is enough', 'NoSchedule', [{ key: 'dedicated', operator: 'Exists' }], {}],
    ['a toleration of everything admits', 'NoExecute', [{ operator: 'Exists' }], {}],
    ['another effect does not', 'NoExecute', [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }], untolerated],
  ])('%s', (_about, effect, tolerations, wanted) => {
    const bench = pluginBench(taintToleration, { nodes: [tainted(effect, 'db')] });
    expect(reasons(bench.filter(pod('p', { spec: { tolerations } })))).toEqual(wanted);
  });

  test('nodes with fewer untolerated soft taints score higher', () => {
    const soft = (name: string, count: number) => node(name, { spec: { taints: Array.from({ length: count }, (_, i) => ({ key: `k${i}`, effect: 'PreferNoSchedule' })) } });
    expect(pluginBench(taintToleration, { nodes: [soft('n0', 0), soft('n1', 1), soft('n4', 4)] }).score(pod('p'))).toEqual({ n0: 100, n1: 75, n4: 0 });
  });
});
