/** Input that no client of good will sends: it is refused as upstream refuses it, and leaves nothing behind. */
import { metricsRegistry } from '@pilothouse/base';
import { encodeProtobuf } from '@pilothouse/apimachinery';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { impersonate } from '../auth/impersonation.ts';
import { startTestApi, type TestApi } from './testing.ts';

const url = '/api/v1/namespaces/ns/configmaps';
let api: TestApi;
const metrics = metricsRegistry();
beforeEach(async () => {
  api = await startTestApi({ metrics, impersonate: (request, attributes) => impersonate(request.headers, attributes, async () => ({ decision: 'allow', reason: '' })) });
  await api.call('POST', url, { metadata: { name: 'web' }, data: { a: 'b' } });
});
afterEach(() => api.close());

const natives = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

describe.each(natives)('%s is a word like others', (word) => {
  test('as a field selector it is unknown', async () => {
    expect((await api.call('GET', `${url}?fieldSelector=${word}%3Dx`)).body).toMatchObject({ code: 400, message: expect.stringContaining(`"${word}" is not a known field selector`) });
  });

  test('as the type of a patch it is unsupported', async () => {
    expect((await api.call('PATCH', `${url}/web`, '{}', { 'content-type': word })).status).toBe(415);
    await api.call('POST', '/apis/apps/v1/namespaces/ns/deployments', { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    expect((await api.call('PATCH', '/apis/apps/v1/namespaces/ns/deployments/d/scale', '{}', { 'content-type': word })).status).toBe(415);
  });

  test('as an extra of who is impersonated it is one', async () => {
    expect((await api.call('GET', `${url}/web`, undefined, { 'impersonate-user': 'ann', [`impersonate-extra-${word}`]: 'v' })).status).toBe(200);
  });

  test('as a key it is stored', async () => {
    const { status, body } = await api.call('POST', url, `{"metadata":{"name":"x-${word.toLowerCase().replaceAll('_', 'y')}"},"data":{"${word}":"v"},"binaryData":{"b":"AAAA"}}`);
    expect(status).toBe(201);
    expect(Object.entries(body.data)).toEqual([[word, 'v']]);
    expect(({} as any).v).toBeUndefined();
  });

  test('as the operator of a selector it is none', async () => {
    const { status, body } = await api.call('POST', '/apis/apps/v1/namespaces/ns/replicasets', { metadata: { name: 'r' }, spec: { selector: { matchExpressions: [{ key: 'a', operator: word }] }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    expect([status, body.message]).toEqual([422, expect.stringContaining('not a valid selector operator')]);
  });
});

test.each([
  [{ v: { toString: 1 }, rv: 1, start: 'a' }, 'json: cannot unmarshal object into Go struct field continueToken.v of type string'],
  [{ v: 'meta.k8s.io/v1', rv: 1.5, start: 'a' }, 'json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64'],
  [{ v: 'meta.k8s.io/v1', rv: 1, start: 5 }, 'json: cannot unmarshal number into Go struct field continueToken.start of type string'],
  [[], 'json: cannot unmarshal array into Go value of type storage.continueToken'],
])('a continue token of %j is refused', async (token, why) => {
  const { body } = await api.call('GET', `${url}?continue=${Buffer.from(JSON.stringify(token)).toString('base64url')}`);
  expect(body).toMatchObject({ code: 400, message: `invalid continue token: continue key is not valid: ${why}` });
});

test('a name of any letters, where a kind allows them, is stored and read back', async () => {
  const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  const name = '\u202ek\u00f6nig\u{1F600}';
  const made = await api.call('POST', roles, { metadata: { name, labels: { a: 'b' } }, rules: [] });
  expect([made.status, made.body.metadata.name]).toEqual([201, name]);
  expect((await api.call('PUT', `${roles}/${encodeURIComponent(name)}`, made.body)).body).toEqual(made.body);
  expect((await api.call('DELETE', `${roles}/${encodeURIComponent(name)}`)).status).toBe(200);
});

test('a reference without its group is no fault of the server', async () => {
  const ingress = { metadata: { name: 'i' }, spec: { defaultBackend: { resource: { kind: 'Bucket', name: 'b', apiGroup: null } } } };
  expect((await api.call('POST', '/apis/networking.k8s.io/v1/namespaces/ns/ingresses', ingress)).status).toBe(201);
});

test('what is nested without end is refused, in every form', async () => {
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  for (const type of ['application/json', 'application/yaml']) expect((await api.call('POST', url, `{"metadata":{"name":"deep"},"data":${deep}}`, { 'content-type': type })).status).toBe(400);
  for (const type of ['application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml']) expect((await api.call('PATCH', `${url}/web?fieldManager=m`, `{"data":${deep}}`, { 'content-type': type })).status).toBe(400);
});

test('as deep as JSON is read, it can be stored, read in every form and put back', async () => {
  const revisions = '/apis/apps/v1/namespaces/ns/controllerrevisions';
  const made = await api.call('POST', revisions, `{"metadata":{"name":"deep"},"revision":1,"data":${'{"a":'.repeat(950)}1${'}'.repeat(950)}}`);
  expect(made.status).toBe(201);
  expect((await api.call('PUT', `${revisions}/deep`, made.body)).status).toBe(200);
  expect((await api.call('GET', `${revisions}/deep`, undefined, { accept: 'application/yaml' })).status).toBe(200);
  expect((await api.call('PATCH', `${revisions}/deep`, { revision: 2 }, { 'content-type': 'application/merge-patch+json' })).status).toBe(200);
  expect(encodeProtobuf(made.body).length).toBeGreaterThan(5_000);
});

test('subresources that do not exist leave no series in the metrics', async () => {
  for (let i = 0; i < 50; i++) await api.call('GET', `${url}/web/nothing-${i}`);
  expect(metrics.text()).not.toContain('nothing-');
});

test('an object larger than etcd takes is refused in its words; one just below it is stored', async () => {
  const revisions = '/apis/apps/v1/namespaces/ns/controllerrevisions';
  const sized = (name: string, bytes: number) => api.call('POST', revisions, { metadata: { name }, revision: 1, data: { a: 'x'.repeat(bytes) } });
  expect((await sized('large', 1.5 * 1024 * 1024 - 1_000)).status).toBe(201);
  expect((await sized('larger', 1.5 * 1024 * 1024)).body).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'etcdserver: request is too large', code: 500 });
  expect((await api.call('PATCH', `${revisions}/large`, { metadata: { annotations: { b: 'x'.repeat(10_000) } } }, { 'content-type': 'application/merge-patch+json' })).status).toBe(500);
  expect((await api.call('GET', `${revisions}/large`)).body.metadata.annotations).toBeUndefined();
});

test('a patch of more than 10,000 operations is refused; so is one that copies more than 3 MiB', async () => {
  const patch = (operations: unknown[]) => api.call('PATCH', `${url}/web`, operations, { 'content-type': 'application/json-patch+json' });
  const check = { op: 'test', path: '/kind', value: 'ConfigMap' };
  expect((await patch(Array(10_000).fill(check))).status).toBe(200);
  expect((await patch(Array(10_001).fill(check))).body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  const doubling = Array.from({ length: 40 }, () => ({ op: 'copy', from: '/data', path: '/data/more' }));
  expect((await patch([{ op: 'add', path: '/data/a', value: 'x'.repeat(1_000) }, ...doubling])).status).toBe(422);
});

test('a name too long for any store is refused, where its kind has no limit of its own', async () => {
  const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  expect((await api.call('POST', roles, { metadata: { name: 'x'.repeat(1_400) }, rules: [] })).status).toBe(201);
  const { status, body } = await api.call('POST', roles, { metadata: { name: 'x'.repeat(5_000) }, rules: [] });
  expect([status, body.details.causes[0]]).toEqual([422, expect.objectContaining({ reason: 'FieldValueTooLong', field: 'metadata.name' })]);
});
