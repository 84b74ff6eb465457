import { describe, expect, test } from 'vitest';
import { node, pod } from '../testing/bench.ts';
import { parseCase } from './parse-case.ts';
import { runCase } from './run-case.ts';
import type { SchedulerCase } from './types.ts';

const small: SchedulerCase = { name: 'small', mode: 'each', config: null, objects: [{ kind: 'Node', ...node('n1') }, { kind: 'Node', ...node('n2', { allocatable: { cpu: '1' } }) }], pods: [pod('p', { requests: { cpu: '2' } })] };
const changed = (change: object) => JSON.stringify({ ...small, ...change });

describe('a case', () => {
  test.each([
    ['{"name"', 'not JSON: '],
    ['[]', 'a case is an object'],
    [changed({ name: '' }), 'name: required'],
    [changed({ mode: 'all' }), 'mode: "all" is none of each, sequence, sequence-preempt, hints'],
    [changed({ config: [] }), 'config: an object is needed'],
    [changed({ objects: {} }), 'objects: a list is needed'],
    [changed({ objects: [{ metadata: { name: 'n' } }] }), 'objects[0].kind: required'],
    [changed({ objects: [{ kind: 'Node' }] }), 'objects[0].metadata.name: required'],
    [changed({ pods: [null] }), 'pods[0]: an object is needed'],
    [changed({ pods: [{ metadata: { name: 'p', namespace: 'd' } }] }), 'pods[0].spec: an object is needed'],
    [changed({ mode: 'hints' }), 'hints: a list is needed'],
    [changed({ mode: 'hints', hints: [{ pod: 'default/q', resource: 'Node', action: 'Add' }] }), 'hints[0].pod: no pod default/q in the case'],
  ])('is refused: %s', (text, message) => {
    expect(() => parseCase(text)).toThrow(message);
  });

  test('is run, and written down in the form of its expectation', () => {
    const [attempt] = runCase(parseCase(JSON.stringify(small))).attempts;
    expect(attempt).toMatchObject({ pod: 'default/p', feasible: ['n1'], choice: ['n1'], filters: { n2: { first: { plugin: 'NodeResourcesFit', code: 'UnschedulableAndUnresolvable', reasons: ['Insufficient cpu'] } } } });
  });

  test('of a random sequence is written down in brief', () => {
    const [attempt] = runCase({ ...small, name: 'random-1-sequence', mode: 'sequence' }).attempts;
    expect(attempt).toEqual({ pod: 'default/p', feasible: null, feasibleCount: 1, choice: ['n1'], picked: 'n1' });
  });
});
