import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { findVolume, mismatch } from './match.ts';

const volume = (name: string, storage: string, fields: Partial<PersistentVolume['spec']> = {}): PersistentVolume => ({ metadata: { name, labels: { name } }, spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], storageClassName: 'm', ...fields }, status: { phase: 'Available' } });
const claim = (storage: string, fields: Partial<PersistentVolumeClaim['spec']> = {}): PersistentVolumeClaim => ({ metadata: { name: 'c', namespace: 'ns', uid: 'u' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'm', resources: { requests: { storage } }, ...fields } });

const volumes = [
  volume('large', '9Gi'), volume('wide', '3Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }), volume('mid', '5Gi'), volume('small', '1Gi'), volume('other', '5Gi', { storageClassName: 'x' }),
  volume('block', '5Gi', { volumeMode: 'Block' }), volume('taken', '4Gi', { claimRef: { namespace: 'ns', name: 'd', uid: 'v' } }),
];

test.each<[string, PersistentVolumeClaim, string | undefined]>([
  ['the smallest that is large enough', claim('2Gi'), 'mid'],
  ['the exact access modes before a smaller one with more', claim('3Gi'), 'mid'],
  ['one with the modes asked for', claim('1Gi', { accessModes: ['ReadWriteMany'] }), 'wide'],
  ['one of its class', claim('1Gi', { storageClassName: 'x' }), 'other'],
  ['one of its mode', claim('1Gi', { volumeMode: 'Block' }), 'block'],
  ['one that its selector takes', claim('1Gi', { selector: { matchLabels: { name: 'large' } } }), 'large'],
  ['none, where all are too small', claim('10Gi'), undefined],
])('a claim gets %s', (_, c, expected) => {
  expect(findVolume(volumes, c, { delay: false })?.metadata.name).toBe(expected);
});

test('a volume made for the claim is taken before any other, also while others wait for a pod', () => {
  const made = volume('made', '8Gi', { claimRef: { namespace: 'ns', name: 'c' } });
  expect(findVolume([...volumes, made], claim('1Gi'), { delay: false })).toBe(made);
  expect(findVolume([...volumes, made], claim('1Gi'), { delay: true })).toBe(made);
  expect(findVolume(volumes, claim('1Gi'), { delay: true })).toBeUndefined();
  expect(mismatch(volume('v', '1Gi'), claim('2Gi'))).toBe('requested PV is too small');
});
