import type { PersistentVolume, PersistentVolumeClaim } from '@pilothouse/api-schemas/types/core/v1';
import { expect, test } from 'vitest';
import { volumeToGrow } from './controller.ts';

const claim = (asks: string, has: string): PersistentVolumeClaim => ({ metadata: { name: 'c', uid: 'u' }, spec: { resources: { requests: { storage: asks } } }, status: { capacity: { storage: has } } });
const volume = (uid = 'u'): PersistentVolume => ({ metadata: { name: 'pv' }, spec: { claimRef: { uid } } });

test.each([
  ['asks for more than it has', claim('2Gi', '1Gi'), volume(), true],
  ['has what it asks for', claim('1Gi', '1024Mi'), volume(), false],
  ["has somebody else's volume", claim('2Gi', '1Gi'), volume('other'), false],
  ['has none', claim('2Gi', '1Gi'), undefined, false],
])('a claim that %s', (_, c, v, grows) => {
  expect(volumeToGrow(c, v) !== undefined).toBe(grows);
});
