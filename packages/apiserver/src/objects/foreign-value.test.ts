import { encodeProtobuf } from '@pilothouse/apimachinery';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApiServer } from '../server.ts';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const metadata = (name: string, namespace?: string) => ({ name, ...(namespace && { namespace }), uid: `uid-${name}`, creationTimestamp: '2026-01-02T03:04:05Z' });
const protobuf = (object: object) => Buffer.from(encodeProtobuf(object));

test('an object that kube-apiserver wrote as protobuf is read, listed, watched and updated', async () => {
  const watch = await api.watch('/api/v1/namespaces/n/configmaps?watch=true&resourceVersion=0');
  const { modRevision } = await api.store.put('/registry/configmaps/n/c', protobuf({ kind: 'ConfigMap', apiVersion: 'v1', metadata: metadata('c', 'n'), data: { a: '1' } }));
  await settle();
  const found = await api.call('GET', '/api/v1/namespaces/n/configmaps/c');
  expect(found.body).toEqual({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { ...metadata('c', 'n'), resourceVersion: String(modRevision) }, data: { a: '1' } });
  expect((await api.call('GET', '/api/v1/namespaces/n/configmaps')).body.items[0].data).toEqual({ a: '1' });
  expect(watch.seen()).toEqual([`ADDED c ${modRevision}`]);
  expect((await api.call('PUT', '/api/v1/namespaces/n/configmaps/c', { ...found.body, data: { a: '2' } })).status).toBe(200);
  // What this server writes is JSON, which both read.
  expect(JSON.parse(Buffer.from((await api.store.get('/registry/configmaps/n/c')).entry!.value).toString()).data).toEqual({ a: '2' });
  watch.stop();
});

test('the past is read from it too', async () => {
  const { modRevision } = await api.store.put('/registry/configmaps/n/c', protobuf({ kind: 'ConfigMap', apiVersion: 'v1', metadata: metadata('c', 'n'), data: { a: '1' } }));
  await api.store.delete('/registry/configmaps/n/c');
  const list = await api.call('GET', `/api/v1/namespaces/n/configmaps?resourceVersion=${modRevision}&resourceVersionMatch=Exact`);
  expect(list.body.items.map((c: any) => c.data)).toEqual([{ a: '1' }]);
});

test('an object stored in another version of its kind is served in all', async () => {
  const hpa = { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v1', metadata: metadata('h', 'n'), spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3, targetCPUUtilizationPercentage: 40 } };
  await api.store.put('/registry/horizontalpodautoscalers/n/h', protobuf(hpa));
  await settle();
  const v2 = await api.call('GET', '/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/h');
  expect(v2.body).toMatchObject({ apiVersion: 'autoscaling/v2', spec: { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 40 } } }] } });
  // A version that is not served, whose fields are the same.
  const policy = { kind: 'MutatingAdmissionPolicy', apiVersion: 'admissionregistration.k8s.io/v1', metadata: metadata('m'), spec: { reinvocationPolicy: 'Never', mutations: [] } };
  const older = protobuf(policy).toString('latin1').replace('\n:\n\x1fadmissionregistration.k8s.io/v1', '\n?\n\x24admissionregistration.k8s.io/v1beta1');
  expect(older).toContain('v1beta1');
  await api.store.put('/registry/mutatingadmissionpolicies/m', Buffer.from(older, 'latin1'));
  await settle();
  expect((await api.call('GET', '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/m')).body).toMatchObject({ apiVersion: policy.apiVersion, spec: { reinvocationPolicy: 'Never' } });
});

test('nothing newer is served while the store has values that are encrypted at rest or of something else', async () => {
  for (const [key, value, said] of [
    ['/registry/secrets/n/s', 'k8s:enc:aescbc:v1:key1:\u0001\u0002', 'the value of /registry/secrets/n/s is encrypted at rest (aescbc:v1:key1)'],
    ['/registry/secrets/n/t', '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"t","uid":"t"}}', 'the value of /registry/secrets/n/t cannot be read as a Secret: it is of kind "Pod" in "v1"'],
    ['/registry/secrets/n/v', '{"kind":"Secret","apiVersion":"v9","metadata":{"name":"v","uid":"v"}}', 'its version v9 is not known'],
    ['/registry/secrets/n/u', 'what is this?', 'the value of /registry/secrets/n/u cannot be read as a Secret'],
  ]) {
    await api.store.put(key, Buffer.from(value, 'latin1'));
    await settle();
    expect((await api.call('GET', key.replace('/registry/secrets/n/', '/api/v1/namespaces/n/secrets/'))).body.message).toContain(said);
    expect(api.server.problem?.message).toContain(said);
    await api.store.delete(key);
    await api.clock.advanceAsync(10_000);
    expect((await api.call('GET', '/api/v1/namespaces/n/secrets')).body.items).toEqual([]);
    expect(api.server.problem).toBeUndefined();
  }
});

test('a server does not start on such a store', async () => {
  await api.store.put('/registry/secrets/n/s', Buffer.from('k8s:enc:kms:v2:vault:...'));
  await expect(createApiServer(api.runtime, { store: api.store })).rejects.toThrow('/registry/secrets/n/s is encrypted at rest (kms:v2:vault)');
});
