import { fakeClock } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { DeliveryRounds } from './delivery-rounds.ts';

test('a round begins when the loop is free, the next not sooner than the last one took', () => {
  const clock = fakeClock();
  let nowMs = 0;
  const rounds = new DeliveryRounds({ monotonic: () => nowMs, soon: (fn) => clock.soon(fn), after: (ms, fn) => clock.after(ms, fn) });
  const seen: string[] = [];
  rounds.add(() => {
    seen.push('a');
    nowMs += 30;
  });
  rounds.add(() => seen.push('b'));
  expect(seen).toEqual([]);
  clock.advance(0);
  expect(seen).toEqual(['a', 'b']);
  rounds.add(() => seen.push('c'));
  clock.advance(29);
  expect(seen).toEqual(['a', 'b']);
  clock.advance(1);
  expect(seen).toEqual(['a', 'b', 'c']);
});

test('between the slices of a long round others run; it is one round all the same', () => {
  const clock = fakeClock();
  let nowMs = 0;
  const rounds = new DeliveryRounds({ monotonic: () => nowMs, soon: (fn) => clock.soon(fn), after: (ms, fn) => clock.after(ms, fn) });
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    rounds.add(() => {
      seen.push(name);
      nowMs += 1.5;
      if (name === 'b') clock.soon(() => seen.push('a request'));
    });
  }
  clock.advance(0);
  expect(seen).toEqual(['a', 'b', 'a request', 'c']);
  rounds.add(() => seen.push('the next round'));
  clock.advance(4);
  expect(seen.at(-1)).toBe('c');
  clock.advance(1);
  expect(seen.at(-1)).toBe('the next round');
});
