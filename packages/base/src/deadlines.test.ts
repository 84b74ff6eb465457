import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { Deadlines } from './deadlines.ts';

test('what is not cancelled expires, in the order in which it was set, and once', () => {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock, 800);
  const seen: string[] = [];
  const set = (name: string) => deadlines.start(() => seen.push(`${name} at ${clock.monotonic()}`));
  set('a');
  clock.advance(10);
  const b = set('b');
  clock.advance(390);
  set('c');
  b.cancel();
  b.cancel();
  clock.advance(10_000);
  expect(seen).toEqual(['a at 800', 'c at 1200']);
});

test('one timer of the clock serves all, and none is left when nothing is pending', () => {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock, 800);
  const all = Array.from({ length: 50 }, () => deadlines.start(() => {}));
  expect(clock.pending()).toBe(1);
  for (const one of all) one.cancel();
  clock.advance(800);
  expect(clock.pending()).toBe(0);
});
