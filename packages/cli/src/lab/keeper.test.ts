import { expect, test } from 'vitest';
import { expiryOf } from './keeper.ts';

const namespace = { metadata: { name: 'lab-a', creationTimestamp: '2026-01-01T00:00:00Z' } };

test('a lesson ends when its lease does; without one a quarter of an hour after its beginning', () => {
  expect(expiryOf(namespace, undefined)).toBe(Date.parse('2026-01-01T00:15:00Z'));
  expect(expiryOf(namespace, { metadata: {}, spec: { renewTime: '2026-01-01T08:00:00.000000Z', leaseDurationSeconds: 900 } })).toBe(Date.parse('2026-01-01T08:15:00Z'));
  expect(expiryOf(namespace, { metadata: {}, spec: {} })).toBe(Date.parse('2026-01-01T00:15:00Z'));
});
