import { formatTime } from '@pilothouse/base';
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, secrets } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { bootstrapSignerController } from './signer/controller.ts';
import { detachedSignature, signedData } from './token-secret.ts';
import { tokenCleanerController } from './tokencleaner/controller.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const token = (id: string, more: Record<string, string> = {}): Secret => ({
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(Object.entries({ 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...more }).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
});
const info = (data: Record<string, string>) => ({ metadata: { name: 'cluster-info', namespace: 'kube-public' }, data });

describe('signing', () => {
  test('a signature leaves out what it signs', () => {
    const [header, payload, signature] = detachedSignature('content', 'abcdef', 'secret').split('.');
    expect(Buffer.from(header, 'base64url').toString()).toBe('{"alg":"HS256","kid":"abcdef"}');
    expect([payload, signature.length]).toEqual(['', 43]);
  });
  test.each([
    ['that may sign', token('abcdef'), true],
    ['not meant for it', token('abcdef', { 'usage-bootstrap-signing': 'false' }), false],
    ['under another name', token('abcdef', { 'token-id': 'ghijkl' }), false],
    ['that has expired', token('abcdef', { expiration: formatTime(1000) }), false],
  ])('a token %s', (_, secret, signs) => {
    const data = signedData(info({ kubeconfig: 'k', 'jws-kubeconfig-gone00': 'x' }), [secret], 5000);
    expect(Object.keys(data!)).toEqual(signs ? ['kubeconfig', 'jws-kubeconfig-abcdef'] : ['kubeconfig']);
    expect(signedData(info(data!), [secret], 5000)).toBeUndefined();
  });
});

test('the description of the cluster is signed by its tokens for as long as they last', async () => {
  bench = await runOnBench([bootstrapSignerController, tokenCleanerController], { namespaces: ['kube-system', 'kube-public'] });
  const { client, clock } = bench;
  await client.create(configMaps, info({ kubeconfig: 'k' }));
  await client.create(secrets, token('abcdef', { expiration: formatTime(clock.now() + 60_000) }));
  const data = async () => (await client.get(configMaps, 'cluster-info', { namespace: 'kube-public' })).data!;
  await bench.until(async () => (await data())['jws-kubeconfig-abcdef'] === detachedSignature('k', 'abcdef', '0123456789abcdef'));
  await bench.advance(61_000);
  expect((await client.list(secrets, { namespace: 'kube-system' })).items).toEqual([]);
  await bench.until(async () => Object.keys(await data()).length === 1);
});
