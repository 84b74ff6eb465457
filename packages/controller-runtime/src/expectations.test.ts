import { fakeClock } from '@pilothouse/base';
import { describe, expect, test } from 'vitest';
import { createExpectations, expectationsTimeoutMs } from './expectations.ts';
import { slowStartBatch } from './slow-start.ts';
import { canonicalJson, scaledValue, semanticallyEqual } from './values.ts';
import { tolerates } from './taints.ts';
import { matchesTerm } from './node-selector.ts';

describe('expectations', () => {
  test('hold until every creation and each deletion was seen, each deletion counted once', () => {
    const e = createExpectations(fakeClock());
    e.expectCreations('o', 2);
    e.raise('o', { deletions: ['x', 'y'] });
    e.creationObserved('o');
    e.deletionObserved('o', 'x');
    e.deletionObserved('o', 'x');
    e.creationObserved('o');
    expect(e.satisfied('o')).toBe(false);
    e.deletionObserved('o', 'y');
    expect(e.satisfied('o')).toBe(true);
    expect(e.satisfied('other')).toBe(true);
  });

  test('are given up after five minutes', () => {
    const clock = fakeClock();
    const e = createExpectations(clock);
    e.expectDeletions('o', ['x']);
    clock.advance(expectationsTimeoutMs - 1);
    expect(e.satisfied('o')).toBe(false);
    clock.advance(1);
    expect(e.satisfied('o')).toBe(true);
  });
});

test('a batch starts slowly and stops after the round in which something failed', async () => {
  const tried: number[] = [];
  const result = await slowStartBatch(20, async (i) => {
    tried.push(i);
    if (i === 4) throw new Error('full');
  });
  expect(tried).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect([result.succeeded, (result.error as Error).message]).toEqual([6, 'full']);
  expect(await slowStartBatch(0, async () => {})).toEqual({ succeeded: 0 });
});

test.each([
  [3, 10, 'up', 3],
  ['25%', 10, 'up', 3],
  ['25%', 10, 'down', 2],
  ['x', 10, 'up', 0],
  [undefined, 10, 'up', 0],
] as const)('%s of %i rounded %s is %i', (value, total, round, expected) => {
  expect(scaledValue(value, total, round)).toBe(expected);
});

test('what is absent, null or empty is equal', () => {
  const a = { x: 1, y: [], z: { w: {} } };
  const b = { x: 1, z: null };
  expect(semanticallyEqual(a, { ...b, z: { w: undefined } })).toBe(true);
  expect(semanticallyEqual({ x: [1, 2] }, { x: [2, 1] })).toBe(false);
  expect(canonicalJson({ b: 1, a: { c: [] } })).toBe('{"a":{},"b":1}');
});

test.each([
  [{ operator: 'Exists' }, true],
  [{ key: 'k', value: 'v' }, true],
  [{ key: 'k', operator: 'Equal', value: 'w' }, false],
  [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: 'k', operator: 'Gt', value: '1' }, false],
])('toleration %j tolerates k=v:NoSchedule: %s', (toleration, expected) => {
  expect(tolerates(toleration, { key: 'k', value: 'v', effect: 'NoSchedule' })).toBe(expected);
});

test.each([
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['0'] }, { key: 'b', operator: 'DoesNotExist' }] }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, false],
  [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }, true],
  [{}, false],
])('term %j takes a node n with a=1: %s', (term, expected) => {
  expect(matchesTerm(term, { metadata: { name: 'n', labels: { a: '1' } } })).toBe(expected);
});
