import { afterEach, describe, expect, test } from 'vitest';
import { Scope } from '@pilothouse/base';
import { loopbackClient } from '../bootstrap/client.ts';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';
import { compareVersions } from './discovery.ts';
import { registerApiServices } from './api-services.ts';
import { runDefinitionLifecycle } from './lifecycle/index.ts';

const scopes: Scope[] = [];
const apis: TestApi[] = [];
afterEach(async () => {
  for (const scope of scopes.splice(0)) await scope.close();
  for (const api of apis.splice(0)) await api.close();
});

async function start(options: Parameters<typeof startTestApi>[0] = {}): Promise<TestApi> {
  const api = await startTestApi(options);
  apis.push(api);
  const scope = new Scope('lifecycle');
  scopes.push(scope);
  const client = loopbackClient(api.server.handle);
  const custom = api.server.parts.customResources!;
  runDefinitionLifecycle(api.runtime, scope, { client, parts: api.server.parts, custom });
  registerApiServices(api.runtime, scope, { client, read: api.server.read, custom });
  return api;
}

const group = 'stable.example.com';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const spec = { type: 'object', properties: { size: { type: 'integer', minimum: 1, default: 3 }, color: { type: 'string' } } };
const definition = (plural: string, kind: string, more: { names?: object; version?: object; versions?: object[] } = {}) => ({
  metadata: { name: `${plural}.${group}` },
  spec: { group, scope: 'Namespaced', names: { plural, kind, ...more.names }, versions: more.versions ?? [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object', properties: { phase: { type: 'string' } } } } } }, ...more.version }] },
});
const widget = (name: string, more: object = {}) => ({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, ...more });
const widgets = `/apis/${group}/v1/namespaces/default/widgets`;

/** Creates the definition and waits until it is established. */
async function define(api: TestApi, body: ReturnType<typeof definition>): Promise<void> {
  expect((await api.call('POST', definitions, body)).status).toBe(201);
  for (let i = 0; i < 50; i++) {
    await settle();
    const { body: now } = await api.call('GET', `${definitions}/${body.metadata.name}`);
    if (now.status.conditions?.some((c: { type: string; status: string }) => c.type === 'Established' && c.status === 'True')) return;
  }
  throw new Error('not established');
}

async function until(check: () => Promise<boolean>, api: TestApi): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await check()) return;
    api.clock.advance(250);
    await settle();
  }
  throw new Error('did not come to be');
}

describe('custom resources', () => {
  test('what a definition defines is served, pruned, defaulted and validated', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget'));
    const made = await api.call('POST', widgets, widget('a', { spec: { color: 'red', bogus: 1 } }));
    expect(made.body.spec).toEqual({ size: 3, color: 'red' });
    expect(made.headers.warning).toEqual(['299 - "unknown field \\"spec.bogus\\""']);
    expect((await api.call('POST', widgets, widget('b', { spec: { size: 0 } }))).body.message).toContain('spec.size in body should be greater than or equal to 1');
    expect((await api.call('PATCH', `${widgets}/a`, { spec: { size: 4 } }, { 'content-type': 'application/strategic-merge-patch+json' })).status).toBe(415);
    expect((await api.call('PATCH', `${widgets}/a`, { spec: { size: 4 } }, { 'content-type': 'application/merge-patch+json' })).body.metadata.generation).toBe(2);
  });

  test('a manager applies through one version, then through another', async () => {
    const api = await start();
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
    await define(api, definition('widgets', 'Widget', { versions: [{ name: 'v1', served: true, storage: true, schema }, { name: 'v2', served: true, storage: false, schema }] }));
    const apply = (version: string, wanted: object) => api.call('PATCH', `/apis/${group}/${version}/namespaces/default/widgets/a?fieldManager=me`, { ...widget('a', { spec: wanted }), apiVersion: `${group}/${version}` }, { 'content-type': 'application/apply-patch+yaml' });
    expect((await apply('v1', { size: 1, color: 'red' })).status).toBe(201);
    const { status, body } = await apply('v2', { size: 2 });
    expect([status, body.apiVersion, body.spec]).toEqual([200, `${group}/v2`, { size: 2 }]);
  });

  test('names that another definition of the group has are not accepted until it goes', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget', { names: { shortNames: ['w'] } }));
    await api.call('POST', definitions, definition('others', 'Other', { names: { shortNames: ['w'] } }));
    await settle();
    const held = await api.call('GET', `${definitions}/others.${group}`);
    expect(held.body.status.conditions.map((c: { type: string; status: string; reason: string }) => [c.type, c.status, c.reason])).toEqual([['NamesAccepted', 'False', 'ShortNamesConflict'], ['Established', 'False', 'NotAccepted']]);
    await api.call('DELETE', `${definitions}/widgets.${group}`);
    await until(async () => (await api.call('GET', `${definitions}/others.${group}`)).body.status.conditions[1].status === 'True', api);
  });

  test('a definition takes its objects along, and waits for those that are held', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget'));
    await api.call('POST', widgets, widget('free'));
    await api.call('POST', widgets, widget('held', { metadata: { name: 'held', finalizers: ['example.com/hold'] } }));
    const deleted = await api.call('DELETE', `${definitions}/widgets.${group}`);
    expect(deleted.body.metadata.finalizers).toEqual(['customresourcecleanup.apiextensions.k8s.io']);
    await until(async () => (await api.call('GET', `${widgets}/free`)).status === 404, api);
    expect((await api.call('POST', widgets, widget('late'))).body.message).toBe(`widgets.${group} "late" is forbidden: create not allowed while custom resource definition is terminating`);
    await api.call('PATCH', `${widgets}/held`, { metadata: { finalizers: null } }, { 'content-type': 'application/merge-patch+json' });
    await until(async () => (await api.call('GET', `${definitions}/widgets.${group}`)).status === 404, api);
    expect((await api.call('GET', widgets)).status).toBe(404);
  });

  test('a version shows what its own schema knows of what is stored in another', async () => {
    const api = await start();
    const version = (name: string, storage: boolean, properties: object) => ({ name, served: true, storage, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } } });
    await define(api, definition('widgets', 'Widget', { versions: [version('v1', true, { a: { type: 'string' }, b: { type: 'string' } }), version('v2', false, { a: { type: 'string' }, c: { type: 'string', default: 'C' } })] }));
    await api.call('POST', widgets, widget('one', { spec: { a: '1', b: '2' } }));
    const other = await api.call('GET', `/apis/${group}/v2/namespaces/default/widgets/one`);
    expect([other.body.apiVersion, other.body.spec]).toEqual([`${group}/v2`, { a: '1' }]);
  });

  test('a new schema shows at once, and ends the watches of the old one', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget'));
    await api.call('POST', widgets, widget('a', { spec: {} }));
    const watch = await api.watch(`${widgets}?watch=1`);
    const late = { ...spec, properties: { ...spec.properties, late: { type: 'string', default: 'L' } } };
    await api.call('PATCH', `${definitions}/widgets.${group}`, { spec: { versions: definition('widgets', 'Widget', { version: { schema: { openAPIV3Schema: { type: 'object', properties: { spec: late } } } } }).spec.versions } }, { 'content-type': 'application/merge-patch+json' });
    await until(async () => (await api.call('GET', `${widgets}/a`)).body.spec.late === 'L', api);
    await watch.ended;
    expect(watch.seen()[0]).toMatch(/^ADDED a/);
  });

  test('the status subresource and selectable fields', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget', { version: { subresources: { status: {} }, selectableFields: [{ jsonPath: '.spec.color' }] } }));
    await api.call('POST', widgets, widget('red', { spec: { color: 'red' }, status: { phase: 'dropped' } }));
    await api.call('POST', widgets, widget('blue', { spec: { color: 'blue' } }));
    const patched = await api.call('PATCH', `${widgets}/red/status`, { spec: { color: 'x' }, status: { phase: 'P' } }, { 'content-type': 'application/merge-patch+json' });
    expect([patched.body.spec.color, patched.body.status, patched.body.metadata.generation]).toEqual(['red', { phase: 'P' }, 1]);
    const list = await api.call('GET', `${widgets}?fieldSelector=spec.color=blue`);
    expect(list.body.items.map((w: { metadata: { name: string } }) => w.metadata.name)).toEqual(['blue']);
    expect((await api.call('GET', `${widgets}?fieldSelector=spec.size=3`)).body.message).toContain('field label not supported: spec.size');
  });

  test('what one server is told of, the others over the same store serve, and a new one from its start', async () => {
    const first = await start();
    const second = await start({ store: first.store });
    await define(first, definition('widgets', 'Widget'));
    expect((await second.call('POST', widgets, widget('there', { spec: {} }))).status).toBe(201);
    expect((await first.call('GET', `${widgets}/there`)).body.spec).toEqual({ size: 3 });
    const third = await startTestApi({ store: first.store });
    apis.unshift(third);
    expect((await third.call('GET', `${widgets}/there`)).status).toBe(200);
    await first.call('DELETE', `${definitions}/widgets.${group}`);
    await until(async () => {
      second.clock.advance(250);
      return (await second.call('GET', widgets)).status === 404;
    }, first);
  });

  test('a column whose path nobody can read hides itself and those after it, nothing else', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget', { version: { additionalPrinterColumns: [{ name: 'Color', type: 'string', jsonPath: '.spec.color' }, { name: 'Bad', type: 'string', jsonPath: '.spec[' }] } }));
    await api.call('POST', widgets, widget('a', { spec: { color: 'red' } }));
    const table = await api.call('GET', widgets, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect([table.body.columnDefinitions.map((c: { name: string }) => c.name), table.body.rows[0].cells]).toEqual([['Name', 'Color'], ['a', 'red']]);
  });

  test('served versions have API services', async () => {
    const api = await start();
    await define(api, definition('widgets', 'Widget'));
    const path = `/apis/apiregistration.k8s.io/v1/apiservices/v1.${group}`;
    await until(async () => (await api.call('GET', path)).status === 200, api);
    await api.call('DELETE', `${definitions}/widgets.${group}`);
    await until(async () => (await api.call('GET', path)).status === 404, api);
  });
});

test('versions are told apart as Kubernetes does', () => {
  expect(['v1beta1', 'v1', 'foo', 'v2alpha1', 'v10', 'v1beta2', 'v2'].sort(compareVersions)).toEqual(['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v2alpha1', 'foo']);
});
