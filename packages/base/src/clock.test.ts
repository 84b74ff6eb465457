import { expect, test } from 'vitest';
import { fakeClock, formatMicroTime, formatTime } from './clock.ts';

test('timers fire in order of time, then of setting, and only once their time has come', () => {
  const clock = fakeClock();
  const fired: string[] = [];
  clock.after(10, () => fired.push('b'));
  clock.after(5, () => fired.push('a'));
  clock.after(10, () => fired.push('c'));
  clock.advance(9);
  expect(fired).toEqual(['a']);
  clock.advance(1);
  expect(fired).toEqual(['a', 'b', 'c']);
  expect(clock.pending()).toBe(0);
});

test('a timer set by a timer fires in the same advance when it falls due', () => {
  const clock = fakeClock();
  let at = 0;
  const start = clock.now();
  clock.after(5, () => clock.after(5, () => { at = clock.now() - start; }));
  clock.advance(20);
  expect(at).toBe(10);
});

test('a sleep rejects with the reason of the abort and leaves no timer', async () => {
  const clock = fakeClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(100, abort.signal);
  abort.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
  expect(clock.pending()).toBe(0);
});

test('times are written as Kubernetes writes them', () => {
  expect(formatTime(1_767_225_600_999)).toBe('2026-01-01T00:00:00Z');
  expect(formatMicroTime(1_767_225_600_123.456)).toBe('2026-01-01T00:00:00.123456Z');
});
