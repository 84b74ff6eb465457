import { expect, test } from 'vitest';
import { RecentValues } from './recent-values.ts';

test('the newest values are kept, as many bytes as there is room for', () => {
  const recent = new RecentValues(10);
  for (let revision = 1; revision <= 4; revision++) recent.add(revision, new Uint8Array(4));
  expect([1, 2, 3, 4].map((revision) => recent.get(revision)?.length)).toEqual([undefined, undefined, 4, 4]);
  recent.add(5, new Uint8Array(11));
  expect([3, 4, 5].map((revision) => recent.get(revision)?.length)).toEqual([undefined, undefined, undefined]);
  recent.add(6, new Uint8Array(3));
  expect(recent.get(6)?.length).toBe(3);
});
