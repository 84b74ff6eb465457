import { describe, expect, test } from 'vitest';
import { node, pluginBench, pod, reasons } from '../../testing/bench.ts';
import { nodeAffinity } from './node-affinity.ts';

const nodes = [node('n1', { labels: { zone: 'a', cores: '4' } }), node('n2', { labels: { zone: 'b', cores: '16' } }), node('n3')];
const required = (...terms: object[]) => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms as never[] } } } });
const where = (key: string, operator: string, ...values: string[]) => ({ key, operator, ...(values.length && { values }) });

describe('NodeAffinity', () => {
  test.each([
    ['nodeSelector', { nodeSelector: { zone: 'a' } }, ['n1']],
    ['In', required({ matchExpressions: [where('zone', 'In', 'a', 'b')] }), ['n1', 'n2']],
    ['NotIn takes nodes without the label', required({ matchExpressions: [where('zone', 'NotIn', 'a')] }), ['n2', 'n3']],
    ['Gt compares numbers', required({ matchExpressions: [where('cores', 'Gt', '8')] }), ['n2']],
    ['DoesNotExist', required({ matchExpressions: [where('zone', 'DoesNotExist')] }), ['n3']],
    ['terms are ORed', required({ matchExpressions: [where('zone', 'In', 'a')] }, { matchExpressions: [where('cores', 'Gt', '8')] }), ['n1', 'n2']],
    ['expressions are ANDed', required({ matchExpressions: [where('zone', 'Exists'), where('cores', 'Lt', '8')] }), ['n1']],
    ['an empty term matches nothing', required({}), []],
    ['a node by name', required({ matchFields: [where('metadata.name', 'In', 'n3')] }), ['n3']],
  ])('%s', (_about, spec, fitting) => {
    const lacking = reasons(pluginBench(nodeAffinity, { nodes }).filter(pod('p', { spec })));
    expect(['n1', 'n2', 'n3'].filter((n) => !lacking[n])).toEqual(fitting);
    for (const why of Object.values(lacking)) expect(why).toEqual(["node(s) didn't match Pod's node affinity/selector"]);
  });

  test('names in all terms narrow the search to these nodes', () => {
    const { plugin } = pluginBench(nodeAffinity, { nodes });
    const ask = (...terms: object[]) => plugin.preFilter!({ spec: required(...terms), requiredAffinity: undefined } as never) as { nodes?: Set<string> };
    expect([...(ask({ matchFields: [where('metadata.name', 'In', 'n1')] }, { matchFields: [where('metadata.name', 'In', 'n2')] }).nodes ?? [])]).toEqual(['n1', 'n2']);
    expect(ask({ matchFields: [where('metadata.name', 'In', 'n1')] }, { matchExpressions: [where('zone', 'Exists')] }).nodes).toBeUndefined();
    expect(ask({ matchFields: [where('metadata.name', 'In', 'n1'), where('metadata.name', 'In', 'n2')] })).toMatchObject({ code: 'UnschedulableAndUnresolvable', reasons: ['pod affinity terms conflict'] });
  });

  test('preferred terms add their weights', () => {
    const preferred = [{ weight: 10, preference: { matchExpressions: [where('zone', 'Exists')] } }, { weight: 30, preference: { matchExpressions: [where('cores', 'Gt', '8')] } }];
    expect(pluginBench(nodeAffinity, { nodes }).score(pod('p', { spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } } }))).toEqual({ n1: 25, n2: 100, n3: 0 });
  });

  test("a profile's added affinity counts for every pod", () => {
    const bench = pluginBench(nodeAffinity, { nodes, args: { addedAffinity: required({ matchExpressions: [where('zone', 'In', 'b')] }).affinity.nodeAffinity } });
    expect(reasons(bench.filter(pod('p')))).toEqual({ n1: ["node(s) didn't match scheduler-enforced node affinity"], n3: ["node(s) didn't match scheduler-enforced node affinity"] });
  });
});
