import { expect, test } from 'vitest';
import { compareKeys, inRange, prefixRange } from './keys.ts';

const samples = ['', '\0', 'a', 'a\0', 'aa', 'b', '/registry/pods/', '/registry/pods0', '\x7f', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u{10ffff}a', 'a\u{10ffff}'];

test('keys compare as their UTF-8 bytes do', () => {
  for (const a of samples) for (const b of samples) expect(Math.sign(compareKeys(a, b)), JSON.stringify([a, b])).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
});

test('the range of a prefix holds the keys that begin with it and no others', () => {
  for (const prefix of samples) for (const key of samples) expect(inRange(prefixRange(prefix), key), JSON.stringify([prefix, key])).toBe(key.startsWith(prefix));
});

test.each([
  ['/registry/pods/', '/registry/pods0'],
  ['a\u{10ffff}', 'b'],
  ['\ud7ff', '\ue000'],
  ['\u{10ffff}', ''],
  ['', ''],
])('the range of prefix %j ends at %j', (prefix, end) => {
  expect(prefixRange(prefix).end).toBe(end);
});
