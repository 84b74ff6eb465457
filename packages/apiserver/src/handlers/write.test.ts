import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreUnavailable } from '@pilothouse/storage';
import { createApiServer } from '../server.ts';
import { settle, startTestApi, type TestApi } from './testing.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const url = '/api/v1/namespaces/ns/configmaps';
const create = (object: any, query = '') => api.call('POST', url + query, object);
const merge = (name: string, patch: unknown, query = '') => api.call('PATCH', `${url}/${name}${query}`, patch, { 'content-type': 'application/merge-patch+json' });

describe('create', () => {
  test('sets what the server alone decides, and answers what it stored', async () => {
    const { status, body } = await create({ metadata: { name: 'a', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', deletionTimestamp: '2001-01-01T00:00:00Z' }, data: { k: 'v' } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { namespace: 'ns', creationTimestamp: '2026-01-01T00:00:00Z', resourceVersion: String(await api.store.revision()) }, data: { k: 'v' } });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.deletionTimestamp).toBeUndefined();
    expect((await api.call('GET', `${url}/a`)).body).toEqual(body);
  });

  test('a generated name ends in five characters, the base cut to 58', async () => {
    expect((await create({ metadata: { generateName: 'web-' } })).body.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect((await create({ metadata: { generateName: 'x'.repeat(80) } })).body.metadata.name).toHaveLength(63);
  });

  test.each([
    [{ metadata: {} }, 422, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'],
    [{ metadata: { name: 'x', namespace: 'other' } }, 400, 'the namespace of the provided object does not match the namespace sent on the request'],
    [{ kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' } }, 400, 'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion'],
    ['{', 400, "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)"],
  ])('%j is refused with %i', async (object, status, message) => {
    expect((await create(object)).body).toMatchObject({ code: status, message });
  });

  test('a name that is taken conflicts, in a dry run too', async () => {
    await create({ metadata: { name: 'a' } });
    for (const query of ['', '?dryRun=All']) expect((await create({ metadata: { name: 'a' } }, query)).body).toMatchObject({ code: 409, reason: 'AlreadyExists', message: 'configmaps "a" already exists' });
  });

  test('a dry run answers with the object and stores nothing', async () => {
    const before = await api.store.revision();
    const { status, body } = await create({ metadata: { name: 'a' } }, '?dryRun=All');
    expect([status, body.metadata.resourceVersion, await api.store.revision()]).toEqual([201, undefined, before]);
  });

  test('unknown fields warn, or are refused where that is asked', async () => {
    const object = { metadata: { name: 'a' }, foo: 1 };
    expect((await create(object, '?dryRun=All')).headers.warning).toEqual(['299 - "unknown field \\"foo\\""']);
    expect((await create(object, '?dryRun=All&fieldValidation=Ignore')).headers.warning).toBeUndefined();
    expect((await create(object, '?dryRun=All&fieldValidation=Strict')).body.message).toBe('ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"');
  });
});

describe('update', () => {
  test('of an old revision conflicts; without one it wins', async () => {
    const { body } = await create({ metadata: { name: 'a' } });
    await merge('a', { data: { x: '1' } });
    expect((await api.call('PUT', `${url}/a`, body)).body).toMatchObject({ code: 409, reason: 'Conflict', message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again' });
    expect((await api.call('PUT', `${url}/a`, { metadata: { name: 'a' }, data: { y: '2' } })).body.data).toEqual({ y: '2' });
  });

  test('that changes nothing writes nothing', async () => {
    const { body } = await create({ metadata: { name: 'a' }, data: { x: '1' } });
    const before = await api.store.revision();
    expect((await api.call('PUT', `${url}/a`, body)).body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    expect(await api.store.revision()).toBe(before);
  });

  test('with another uid conflicts, with another name is refused', async () => {
    await create({ metadata: { name: 'a' } });
    expect((await api.call('PUT', `${url}/a`, { metadata: { name: 'a', uid: 'wrong' } })).body).toMatchObject({ code: 409, message: expect.stringContaining('Precondition failed: UID in precondition: wrong, UID in object meta: ') });
    expect((await api.call('PUT', `${url}/a`, { metadata: { name: 'b' } })).body.message).toBe('the name of the object (b) does not match the name on the URL (a)');
  });

  test('by two at once keeps both changes', async () => {
    await create({ metadata: { name: 'a' } });
    await Promise.all(Array.from({ length: 20 }, (_, i) => merge('a', { data: { [`k${i}`]: 'v' } })));
    expect(Object.keys((await api.call('GET', `${url}/a`)).body.data)).toHaveLength(20);
  });
});

describe('server-side apply', () => {
  const apply = (manager: string, data: Record<string, string>, query = '') => api.call('PATCH', `${url}/a?fieldManager=${manager}${query}`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data }, { 'content-type': 'application/apply-patch+yaml' });

  test('creates, conflicts over a field of another manager, and takes it by force', async () => {
    expect((await apply('one', { k: '1' })).status).toBe(201);
    expect((await apply('two', { k: '2' })).body).toMatchObject({ code: 409, reason: 'Conflict' });
    const forced = await apply('two', { k: '2' }, '&force=true');
    expect(forced.body.metadata.managedFields.map((entry: any) => `${entry.manager} ${entry.operation}`)).toEqual(['two Apply']);
  });

  test('the same again writes nothing', async () => {
    await apply('one', { k: '1' });
    const before = await api.store.revision();
    api.clock.advance(60_000);
    await apply('one', { k: '1' });
    expect(await api.store.revision()).toBe(before);
  });
});

describe('delete', () => {
  test('answers a Status with the uid', async () => {
    const { body } = await create({ metadata: { name: 'a' } });
    expect((await api.call('DELETE', `${url}/a`)).body).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'a', kind: 'configmaps', uid: body.metadata.uid } });
    expect((await api.call('GET', `${url}/a`)).status).toBe(404);
  });

  test.each([
    ['Foreground', ['foregroundDeletion']],
    ['Orphan', ['orphan']],
  ])('propagation %s leaves the object with its finalizer until that is taken off', async (policy, finalizers) => {
    await create({ metadata: { name: 'a' } });
    expect((await api.call('DELETE', `${url}/a?propagationPolicy=${policy}`)).body).toMatchObject({ kind: 'ConfigMap', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0, finalizers } });
    await merge('a', { metadata: { finalizers: null } });
    expect((await api.call('GET', `${url}/a`)).status).toBe(404);
  });

  test('a finalizer cannot be added to what is being deleted', async () => {
    await create({ metadata: { name: 'a', finalizers: ['example.com/x'] } });
    await api.call('DELETE', `${url}/a`);
    expect((await merge('a', { metadata: { finalizers: ['example.com/x', 'example.com/y'] } })).body.message).toContain('no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/y"}');
  });

  test.each([
    [{ preconditions: { uid: 'wrong' } }, /^Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition \(wrong\) does not match the UID in record/],
    [{ preconditions: { resourceVersion: '1' } }, /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record/],
    [{ propagationPolicy: 'Nope' }, /propagationPolicy: Unsupported value: "Nope"/],
  ])('%j is refused', async (options, message) => {
    await create({ metadata: { name: 'a' } });
    expect((await api.call('DELETE', `${url}/a`, options)).body.message).toMatch(message);
    expect((await api.call('GET', `${url}/a`)).status).toBe(200);
  });

  test('a collection goes as its selector says, and is answered as a list', async () => {
    await create({ metadata: { name: 'a', labels: { x: '1' } } });
    await create({ metadata: { name: 'b' } });
    const { body } = await api.call('DELETE', `${url}?labelSelector=x%3D1`);
    expect([body.kind, body.items.length]).toEqual(['ConfigMapList', 1]);
    expect((await api.call('GET', url)).body.items.map((item: any) => item.metadata.name)).toEqual(['b']);
  });

  test('a pod on a node goes after its grace period, which can only be shortened', async () => {
    const pods = '/api/v1/namespaces/ns/pods';
    await api.call('POST', pods, { metadata: { name: 'p' }, spec: { nodeName: 'n', terminationGracePeriodSeconds: 30, containers: [{ name: 'c', image: 'i' }] } });
    expect((await api.call('DELETE', `${pods}/p`)).body.metadata).toMatchObject({ deletionGracePeriodSeconds: 30, deletionTimestamp: '2026-01-01T00:00:30Z' });
    expect((await api.call('DELETE', `${pods}/p?gracePeriodSeconds=60`)).body.metadata.deletionGracePeriodSeconds).toBe(30);
    expect((await api.call('DELETE', `${pods}/p?gracePeriodSeconds=5`)).body.metadata).toMatchObject({ deletionGracePeriodSeconds: 5, deletionTimestamp: '2026-01-01T00:00:05Z' });
    expect((await api.call('DELETE', `${pods}/p?gracePeriodSeconds=0`)).status).toBe(200);
    expect((await api.call('GET', `${pods}/p`)).status).toBe(404);
  });
});

describe('subresources of pods', () => {
  const pods = '/api/v1/namespaces/ns/pods';
  const pod = (name: string, spec: object = {}) => api.call('POST', pods, { metadata: { name, labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });

  test('binding gives a pod its node once', async () => {
    await pod('p');
    const binding = { metadata: { name: 'p', annotations: { a: 'b' } }, target: { kind: 'Node', name: 'n' } };
    expect((await api.call('POST', `${pods}/p/binding`, binding)).body).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    expect((await api.call('GET', `${pods}/p`)).body).toMatchObject({ metadata: { annotations: { a: 'b' } }, spec: { nodeName: 'n' }, status: { conditions: [{ type: 'PodScheduled', status: 'True' }] } });
    expect((await api.call('POST', `${pods}/p/binding`, binding)).body).toMatchObject({ code: 409, message: 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"' });
  });

  test('eviction is charged to the budget, and refused once that is used up', async () => {
    const budgets = '/apis/policy/v1/namespaces/ns/poddisruptionbudgets';
    for (const name of ['p', 'q']) {
      await pod(name);
      await api.call('PATCH', `${pods}/${name}/status`, { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }, { 'content-type': 'application/strategic-merge-patch+json' });
    }
    const budget = await api.call('POST', budgets, { metadata: { name: 'b' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } } });
    const { generation } = budget.body.metadata;
    await api.call('PATCH', `${budgets}/b/status`, { status: { observedGeneration: generation, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 } }, { 'content-type': 'application/merge-patch+json' });
    const evict = (name: string) => api.call('POST', `${pods}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
    expect((await api.call('POST', `${pods}/p/eviction`, { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'p' } })).status).toBe(201);
    expect((await api.call('GET', `${budgets}/b`)).body.status).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { p: '2026-01-01T00:00:00Z' } });
    expect((await evict('q')).body).toMatchObject({ code: 429, reason: 'TooManyRequests', details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget b does not allow evicting pods currently' }] } });
    await api.call('PATCH', `${budgets}/b/status`, { status: { currentHealthy: 1 } }, { 'content-type': 'application/merge-patch+json' });
    expect((await evict('q')).body.details).toEqual({ causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 1 currently' }] });
    await api.call('PATCH', `${budgets}/b`, { spec: { minAvailable: 0 } }, { 'content-type': 'application/merge-patch+json' });
    expect((await evict('q')).body.details).toEqual({ causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget b is still being processed by the server.' }], retryAfterSeconds: 10 });
  });
});

describe('routes', () => {
  test.each([
    ['GET', '/nosuch', 404, undefined],
    ['GET', '/api/v1/nosuch', 404, 'the server could not find the requested resource'],
    ['GET', '/apis/apps/v9/deployments', 404, 'the server could not find the requested resource'],
    ['GET', '/api/v1/namespaces/ns/configmaps/a/status', 404, 'the server could not find the requested resource'],
    ['POST', '/api/v1/namespaces/ns/configmaps/a', 405, 'the server does not allow this method on the requested resource'],
    ['HEAD', '/api/v1/namespaces', 405, 'the server does not allow this method on the requested resource'],
  ])('%s %s is answered %i', async (method, path, status, message) => {
    const answer = await api.call(method, path);
    expect(answer.status).toBe(status);
    if (message) expect(answer.body.message).toBe(message);
    else expect(answer.body).toBe('404 page not found\n');
  });
});

test('a write that seems to change nothing, to a server that is behind, is made all the same', async () => {
  const url = '/api/v1/namespaces/n/configmaps';
  const made = (await api.call('POST', url, { metadata: { name: 'c' }, data: { a: '1' } })).body;
  const behind = await createApiServer(api.runtime, { store: { ...api.store, async *watch(_, { signal }) { await new Promise((resolve) => signal.addEventListener('abort', resolve)); } } });
  await api.call('PUT', `${url}/c`, { ...made, data: { a: '2' } });
  const { resourceVersion: _, ...metadata } = made.metadata;
  const answer = await behind.handle({ method: 'PUT', url: `${url}/c`, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ ...made, metadata })), signal: new AbortController().signal });
  expect(answer.status).toBe(200);
  await settle();
  expect((await api.call('GET', `${url}/c`)).body.data).toEqual({ a: '1' });
  await behind.close();
});

test('a write that changes nothing leaves the object as it is, whatever the order its fields were set in', async () => {
  const api = await startTestApi();
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'a' } });
  const spec = { replicas: 0, selector: { matchLabels: { app: 'a' } }, template: { metadata: { labels: { app: 'a' } }, spec: { schedulerName: 'own', containers: [{ name: 'c', image: 'i' }] } } };
  const created = await api.call('POST', '/apis/apps/v1/namespaces/a/deployments', { metadata: { name: 'web' }, spec });
  const patched = await api.call('PATCH', '/apis/apps/v1/namespaces/a/deployments/web', { spec: { replicas: 0, nope: 1 } }, { 'content-type': 'application/strategic-merge-patch+json' });
  expect(patched.body.metadata.resourceVersion).toBe(created.body.metadata.resourceVersion);
  await api.close();
});

test('a write of unknown outcome is never answered by what it left behind', async () => {
  const collection = '/api/v1/namespaces/n/configmaps';
  const lose = <T>(done: Promise<T>): Promise<T> => done.then(() => {
    throw new StoreUnavailable('the connection was lost', { outcomeUnknown: true });
  });
  const made = (await api.call('POST', collection, { metadata: { name: 'c' }, data: { a: '1' } })).body;
  await settle();
  const server = await createApiServer(api.runtime, { store: { ...api.store, put: (...write) => lose(api.store.put(...write)), delete: (...deletion) => lose(api.store.delete(...deletion)) } });
  const send = async (method: string, body: object) => (await server.handle({ method, url: `${collection}/c`, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)), signal: new AbortController().signal })).status;
  // Neither 409 nor 404: both took effect.
  expect(await send('PUT', { ...made, data: { a: '2' } })).toBe(500);
  expect((await api.call('GET', `${collection}/c`)).body.data).toEqual({ a: '2' });
  await settle();
  expect(await send('DELETE', { kind: 'DeleteOptions', apiVersion: 'v1' })).toBe(500);
  expect((await api.call('GET', `${collection}/c`)).status).toBe(404);
  await server.close();
});
