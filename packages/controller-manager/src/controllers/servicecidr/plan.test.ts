import { expect, test } from 'vitest';
import { contains, mayGo } from './plan.ts';

const cidr = (name: string, ...cidrs: string[]) => ({ metadata: { name }, spec: { cidrs } });
const address = (name: string) => ({ metadata: { name, labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } }, spec: { parentRef: { resource: 'services', name: 's' } } });

test.each([
  ['10.0.0.0/8', '10.96.0.0/12', true],
  ['10.96.0.0/12', '10.0.0.0/8', false],
  ['10.96.0.0/16', '10.97.0.1/32', false],
  ['fd00::/64', 'fd00::1/128', true],
  ['fd00::/64', '10.0.0.0/8', false],
])('%s contains %s: %s', (outer, inner, expected) => {
  expect(contains(outer, inner)).toBe(expected);
});

test('a range may go when no address is left without one', () => {
  const small = cidr('small', '10.96.0.0/24');
  expect(mayGo(small, [small], [])).toBe(true);
  expect(mayGo(small, [small], [address('10.96.0.7')])).toBe(false);
  expect(mayGo(small, [small], [address('10.97.0.7')])).toBe(true);
  expect(mayGo(small, [small, cidr('large', '10.96.0.0/16')], [address('10.96.0.7')])).toBe(true);
  expect(mayGo(small, [small, cidr('part', '10.96.0.0/28')], [address('10.96.0.7')])).toBe(true);
});
