import { configMaps, namespaces, secrets } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { rootCaPublisherController } from '../root-ca-publisher/controller.ts';
import { serviceAccountController } from '../serviceaccount/controller.ts';
import { namespaceController } from './controller.ts';
import { namespaceConditions } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

describe('namespace', () => {
  test('while something holds on, its conditions say what and by which finalizer; then it goes', async () => {
    bench = await runOnBench([namespaceController]);
    const { client } = bench;
    await client.create(namespaces, { metadata: { name: 'ns' }, spec: { finalizers: ['kubernetes'] } });
    await client.create(configMaps, { metadata: { name: 'free', namespace: 'ns' } });
    await client.create(secrets, { metadata: { name: 'held', namespace: 'ns', finalizers: ['test/hold'] } });
    await client.delete(namespaces, 'ns');
    await bench.advance(6000);
    const ns = await client.get(namespaces, 'ns');
    expect(ns.status?.phase).toBe('Terminating');
    expect(ns.status?.conditions?.map((c) => [c.type, c.status, c.message])).toEqual([
      ['NamespaceDeletionDiscoveryFailure', 'False', 'All resources successfully discovered'],
      ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'All legacy kube types successfully parsed'],
      ['NamespaceDeletionContentFailure', 'False', 'All content successfully deleted, may be waiting on finalization'],
      ['NamespaceContentRemaining', 'True', 'Some resources are remaining: secrets. has 1 resource instances'],
      ['NamespaceFinalizersRemaining', 'True', 'Some content in the namespace has finalizers remaining: test/hold in 1 resource instances'],
    ]);
    expect((await client.list(configMaps, { namespace: 'ns' })).items).toEqual([]);
    await client.patch(secrets, 'held', { metadata: { finalizers: null } }, { namespace: 'ns' });
    await bench.advance(10_000);
    expect((await client.list(namespaces)).items.map((n) => n.metadata.name)).toEqual(['default', 'kube-system']);
  });

  test('every namespace gets a default service account and the cluster\'s authority, again when deleted', async () => {
    bench = await runOnBench([serviceAccountController, rootCaPublisherController], { flags: { 'root-ca-file': '-----BEGIN CERTIFICATE-----\nx\n' } });
    await bench.advance();
    const read = () => bench!.client.get(configMaps, 'kube-root-ca.crt', { namespace: 'default' });
    expect((await read()).data).toEqual({ 'ca.crt': '-----BEGIN CERTIFICATE-----\nx\n' });
    await bench.client.delete(configMaps, 'kube-root-ca.crt', { namespace: 'default' });
    await bench.advance();
    expect((await read()).metadata.annotations?.['kubernetes.io/description']).toContain('Contains a CA bundle');
  });

  test('a group that cannot be discovered is named', () => {
    const [condition] = namespaceConditions(undefined, { errors: [], stale: ['metrics.k8s.io/v1beta1'], nowMs: 0 })!;
    expect(condition).toMatchObject({ type: 'NamespaceDeletionDiscoveryFailure', status: 'True', reason: 'DiscoveryFailed', message: 'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1' });
  });

  test('a condition keeps its time while its status stays', () => {
    const first = namespaceConditions(undefined, { errors: ['a'], nowMs: 0 })!;
    expect(first.find((c) => c.type === 'NamespaceDeletionContentFailure')).toMatchObject({ status: 'True', message: 'Failed to delete all resource types, 1 remaining: a' });
    expect(namespaceConditions(first, { errors: ['a'], nowMs: 5000 })).toBeUndefined();
    const second = namespaceConditions(first, { errors: ['b'], nowMs: 5000 })!;
    expect(second.find((c) => c.type === 'NamespaceDeletionContentFailure')?.lastTransitionTime).toBe('1970-01-01T00:00:00Z');
  });
});
