import { formatTime } from '@pilothouse/base';
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, secrets, serviceAccounts } from '@pilothouse/apimachinery';
import { runOnBench } from '@pilothouse/testing/run-controllers';
import { expect, test } from 'vitest';
import { legacyTokenCleanerController } from './controller.ts';
import { dateOf, fateOf, invalidSinceLabel, lastUsedLabel, secretsOf } from './plan.ts';

const dayMs = 24 * 3_600_000;
const nowMs = 1000 * dayMs;
const date = (daysAgo: number) => dateOf(nowMs - daysAgo * dayMs);
const token = (labels: Record<string, string> = {}, ageDays = 500): Secret => ({ metadata: { name: 't', namespace: 'default', labels, annotations: { 'kubernetes.io/service-account.name': 'sa' }, creationTimestamp: formatTime(nowMs - ageDays * dayMs) }, type: 'kubernetes.io/service-account-token' });
const account = { metadata: { name: 'sa', namespace: 'default', uid: 'u' }, secrets: [{ name: 't' }] };

test.each([
  ['never used is marked', token(), account, [], 'mark'],
  ['young is kept', token({}, 100), account, [], 'keep'],
  ['lately used is kept', token({ [lastUsedLabel]: date(100) }), account, [], 'keep'],
  ['marked lately is kept', token({ [invalidSinceLabel]: date(100) }), account, [], 'keep'],
  ['marked long ago is deleted', token({ [lastUsedLabel]: date(800), [invalidSinceLabel]: date(400) }), account, [], 'delete'],
  ['that a pod mounts is kept', token(), account, ['t'], 'keep'],
  ['somebody made by hand is kept', token(), { ...account, secrets: [] }, [], 'keep'],
  ['of no account is kept', token(), undefined, [], 'keep'],
] as const)('a token that is %s', (_, secret, owner, mounted, fate) => {
  expect(fateOf(secret, { account: owner && { ...owner, secrets: [...owner.secrets] }, mounted: new Set(mounted), nowMs, periodMs: 365 * dayMs })).toBe(fate);
});

test('secrets of a pod are found wherever it names them', () => {
  const named = secretsOf({ metadata: {}, spec: { imagePullSecrets: [{ name: 'a' }], containers: [{ name: 'c', image: 'i', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'b', key: 'k' } } }], envFrom: [{ secretRef: { name: 'c' } }] }], volumes: [{ name: 'v', secret: { secretName: 'd' } }, { name: 'w', projected: { sources: [{ secret: { name: 'e' } }] } }] } });
  expect(named.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('an unused token is marked first, and deleted when it stayed unused', async () => {
  const bench = await runOnBench([legacyTokenCleanerController], { flags: { 'legacy-service-account-token-clean-up-period': 2 * dayMs } });
  try {
    const { client, clock } = bench;
    await client.create(configMaps, { metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }, data: { since: dateOf(clock.now() - 10 * dayMs) } });
    await client.create(serviceAccounts, { metadata: { name: 'sa', namespace: 'default' }, secrets: [{ name: 't' }] });
    const { creationTimestamp, ...metadata } = token().metadata;
    await client.create(secrets, { ...token(), metadata });
    const days = async (count: number) => {
      for (let i = 0; i < count; i++) await bench.advance(dayMs);
    };
    await days(3);
    expect((await client.get(secrets, 't', { namespace: 'default' })).metadata.labels?.[invalidSinceLabel]).toMatch(/^2026-01-0\d$/);
    await days(4);
    expect((await client.list(secrets, { namespace: 'default' })).items).toEqual([]);
  } finally {
    await bench.close();
  }
});
