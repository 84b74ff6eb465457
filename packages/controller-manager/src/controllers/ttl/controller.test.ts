import { expect, test } from 'vitest';
import { boundaryStep } from './controller.ts';

test.each([
  [1, 0, 0],
  [100, 0, 0],
  [101, 0, 1],
  [95, 1, 1],
  [89, 1, 0],
  [5000, 0, 4],
])('with %i nodes, step %i becomes %i', (count, step, expected) => {
  expect(boundaryStep(count, step)).toBe(expected);
});
