import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

test.each([
  ['1h', 3_600_000],
  ['5m0s', 300_000],
  ['1.5h', 5_400_000],
  ['300ms', 300],
  ['1h30m', 5_400_000],
  ['0', 0],
  ['10', undefined],
  ['', undefined],
  ['-1h', undefined],
  ['1h x', undefined],
])('%s is %s ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([[0, '0s'], [300, '300ms'], [1_500, '1.5s'], [90_000, '1m30s'], [300_000, '5m0s'], [3_600_000, '1h0m0s']])('%d ms are written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
