import { expect, test } from 'vitest';
import { rulesOf } from '../testing.ts';

const { create, update, updateStatus } = rulesOf('policy', 'poddisruptionbudgets');

test.each([
  [{ metadata: { name: 'A_b', finalizers: ['x'] } }, []],
  [{ spec: { minAvailable: 1, maxUnavailable: 1 } }, ['spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set']],
  [{ spec: { minAvailable: -1 } }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
  [{ spec: { maxUnavailable: '101%' } }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
  [{ spec: { unhealthyPodEvictionPolicy: 'x' } }, ['spec.unhealthyPodEvictionPolicy: Unsupported value: "x": supported values: "AlwaysAllow", "IfHealthyBudget"']],
])('%j: %j', (body, findings) => expect(create({ spec: {}, ...body })).toEqual(findings));

test('a label value that was accepted once stays', () => {
  const body = (value: string) => ({ spec: { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: [value] }] } } });
  expect(update(body('not a value'), body('nor this'))).toEqual([]);
});

test('numbers of the status are not negative', () =>
  expect(updateStatus({ spec: {} }, { status: { disruptionsAllowed: -1, currentHealthy: -1, desiredHealthy: -1, expectedPods: -1 } })).toEqual(['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'].map((field) => `status.${field}: Invalid value: -1: must be greater than or equal to 0`)));
