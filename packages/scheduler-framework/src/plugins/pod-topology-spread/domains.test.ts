import { expect, test } from 'vitest';
import { Domains, noDomain } from './domains.ts';

test('a domain may hold fewer than no pods, for a pod that is ending is taken away without having been counted', () => {
  const domains = Domains.of(Int32Array.of(noDomain, 0, 2));
  domains.add(1, -1);
  expect([domains.size, domains.least, domains.get(1), domains.get(0)]).toEqual([2, -1, -1, 0]);
  domains.add(1, 1);
  expect([domains.size, domains.least, domains.get(1)]).toEqual([2, 0, 0]);
});

test('the least is kept through every change', () => {
  const domains = Domains.of(Int32Array.of(1, 1, 3));
  domains.add(0, 2);
  expect(domains.least).toBe(1);
  domains.add(1, 4);
  expect(domains.least).toBe(3);
  domains.add(4, 1);
  expect([domains.least, domains.size]).toEqual([1, 4]);
});
