import { expect, test } from 'vitest';
import { seededRandom } from './random.ts';

test('the same seed gives the same numbers, names and uuids', () => {
  const a = seededRandom(7);
  const b = seededRandom(7);
  expect([a.next(), a.uuid(), a.suffix(5)]).toEqual([b.next(), b.uuid(), b.suffix(5)]);
  expect(seededRandom(8).uuid()).not.toBe(seededRandom(7).uuid());
});

test('a fork does not depend on how often its origin was used', () => {
  const a = seededRandom('seed');
  a.next();
  expect(a.fork('x').next()).toBe(seededRandom('seed').fork('x').next());
});
