import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import { secrets, serviceAccounts } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, expect, test } from 'vitest';
import { serviceAccountTokenController } from './controller.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const text = (secret: Secret | undefined, key: string) => Buffer.from((secret?.data?.[key] as string | undefined) ?? '', 'base64').toString();
const tokenSecret = (name: string, account: string): Secret => ({ metadata: { name, namespace: 'default', annotations: { 'kubernetes.io/service-account.name': account } }, type: 'kubernetes.io/service-account-token' });
const pems = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
};

test.each(Object.entries(pems))('a token secret is filled for its account, and goes with it (%s)', async (algorithm, pem) => {
  bench = await runOnBench([serviceAccountTokenController], { flags: { 'service-account-private-key-file': Promise.resolve(pem), 'root-ca-file': '-----BEGIN CERTIFICATE-----' } });
  const { client } = bench;
  const account = await client.create(serviceAccounts, { metadata: { name: 'sa', namespace: 'default' }, secrets: [{ name: 't' }, { name: 'other' }] });
  await client.create(secrets, tokenSecret('t', 'sa'));
  const get = (name: string) => client.get(secrets, name, { namespace: 'default' }).catch(() => undefined);
  const filled = await bench.until(async () => {
    const secret = await get('t');
    return text(secret, 'token') !== '' && secret;
  });
  expect([text(filled, 'namespace'), text(filled, 'ca.crt'), filled!.metadata.annotations!['kubernetes.io/service-account.uid']]).toEqual(['default', '-----BEGIN CERTIFICATE-----', account.metadata.uid]);
  const [header, claims, signature] = text(filled, 'token').split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: algorithm, kid: expect.any(String) });
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: 'system:serviceaccount:default:sa', iss: 'kubernetes/serviceaccount', 'kubernetes.io/serviceaccount/secret.name': 't' });
  expect(verify('sha256', Buffer.from(`${header}.${claims}`), { key: createPublicKey(pem), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))).toBe(true);

  await client.delete(secrets, 't', { namespace: 'default' });
  await bench.until(async () => (await client.get(serviceAccounts, 'sa', { namespace: 'default' })).secrets?.length === 1);
  await client.create(secrets, tokenSecret('t2', 'sa'));
  await bench.until(async () => text(await get('t2'), 'token'));
  await client.delete(serviceAccounts, 'sa', { namespace: 'default' });
  await bench.until(async () => !(await get('t2')));
});

test('a token secret of nobody is deleted', async () => {
  bench = await runOnBench([serviceAccountTokenController], { flags: { 'service-account-private-key-file': pems.ES256 } });
  await bench.client.create(secrets, tokenSecret('ghost', 'ghost'));
  await bench.until(async () => (await bench!.client.list(secrets, { namespace: 'default' })).items.length === 0);
});
