import { expect, test } from 'vitest';
import { compileKubernetes } from '../kubernetes.ts';
import { intType, listOf, stringType } from '../types.ts';
import { kubernetesEnvironment } from '../kubernetes.ts';
import { estimateCost } from './estimate.ts';

const env = kubernetesEnvironment.extend({ n: listOf(intType), s: listOf(stringType) });

/** Costs of upstream's cost tests, and of cel-go's lists. */
test.each([
  ['sets.contains([1], [1, 1])', 23, 23],
  ['sets.contains([1, 2, 3, 4], [2, 3])', 29, 29],
  ['sets.equivalent([1], [1, 1])', 25, 25],
  ['!sets.intersects([1], [2])', 23, 23],
  ['[1, 2, 3].reverse()', 24, 24],
  ['[1, 2, 3].slice(1, 3)', 23, 23],
  ['lists.range(5)', 16, 16],
  ['[3, 1, 2].distinct()', 39, 39],
  ['[3, 1, 2].sort()', 39, 39],
  ["['b', 'a'].sort()", 29, 30],
  ['[[1], [2, 3]].flatten()', 43, 43],
])('%s costs %d when it runs, and is said to cost at most %d', (source, cost, most) => {
  const { program, issues } = compileKubernetes(source, env);
  expect(issues).toBeUndefined();
  expect(program!.run({}).cost).toBe(cost);
  expect(estimateCost(program!.expr, () => undefined).max).toBe(BigInt(most));
});

test('what is declared of a list bounds the estimate', () => {
  const most = (source: string) => estimateCost(compileKubernetes(source, env).program!.expr, ([name]) => (name === 'n' || name === 's' ? { min: 0n, max: 10n } : undefined)).max;
  expect(most('sets.equivalent(n, n)')).toBe(203n);
  expect(most('n.distinct()')).toBe(212n);
  expect(most('s.sort()')).toBe(222n);
});

test.each([['isSemver(" 1.0.0", true)', false], ['isSemver("v01.2", true)', true], ['isSemver("1.0-rc", true)', false], ['semver("v001.2.03-a.b", true) == semver("1.2.3-a.b")', true], ['isSemver("1..0", true)', false]])('%s is %s', (source, expected) => {
  expect(compileKubernetes(source, env).program!.run({}).value).toBe(expected);
});
