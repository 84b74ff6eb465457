import { expect, test } from 'vitest';
import { parseSchedule } from './schedule.ts';

const iso = (ms: number | undefined) => ms !== undefined && new Date(ms).toISOString().replace('.000Z', 'Z');

test.each([
  ['* * * * *', 'UTC', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z'],
  ['0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['*/15 9-17 * * mon-fri', 'UTC', '2026-01-02T17:50:00Z', '2026-01-05T09:00:00Z'],
  ['0 0 13 * fri', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['0 0 29 feb *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
  ['@hourly', 'UTC', '2026-01-01T00:10:00Z', '2026-01-01T01:00:00Z'],
  ['@every 1m30s', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T00:01:30Z'],
  ['30 2 * * *', 'America/New_York', '2026-03-08T05:00:00Z', '2026-03-09T06:30:00Z'],
  ['30 1 * * *', 'America/New_York', '2026-11-01T04:00:00Z', '2026-11-01T05:30:00Z'],
  ['TZ=Asia/Kolkata 0 6 * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T00:30:00Z'],
])('%s in %s after %s comes at %s', (text, zone, from, expected) => {
  expect(iso(parseSchedule(text, zone).next(Date.parse(from)))).toBe(expected);
});

test.each([
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['TZ=Moon/Base * * * * *', 'provided bad location Moon/Base: unknown time zone Moon/Base'],
  ['@fortnightly', 'unrecognized descriptor: @fortnightly'],
])('%j is refused', (text, words) => {
  expect(() => parseSchedule(text, 'UTC')).toThrow(words);
});

test('a day that never comes has no next time', () => {
  expect(parseSchedule('0 0 31 2 *', 'UTC').next(0)).toBeUndefined();
});
