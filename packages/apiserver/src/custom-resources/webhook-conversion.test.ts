import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { realRandom } from '@pilothouse/base';
import { afterEach, expect, test } from 'vitest';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';
import { issueAuthority, issueCertificate } from '../pki/issue.ts';

const group = 'hooks.example.com';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Hook {
  port: number;
  caBundle: string;
  /** What was asked, and how many objects at once. */
  asked: { apiVersion: string; objects: number }[];
  /** What is answered in place of the conversion. */
  refusal?: object;
}

/** Renames v1's `size` to v2's `length` and back. */
async function startHook(): Promise<Hook> {
  const life = { notBefore: Date.now() - 1000, notAfter: Date.now() + 3600_000 };
  const ca = await issueAuthority('hooks', life, realRandom);
  const serving = await issueCertificate(ca, { commonName: 'hook', usages: ['server'], addresses: ['127.0.0.1'], names: ['hook.default.svc'] }, life, realRandom);
  const hook: Hook = { port: 0, caBundle: Buffer.from(ca.certificate).toString('base64'), asked: [] };
  const server = createServer({ cert: serving.certificate, key: serving.key }, (request, response) => {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      const { apiVersion, kind, request: review } = JSON.parse(text);
      hook.asked.push({ apiVersion: review.desiredAPIVersion, objects: review.objects.length });
      const convertedObjects = review.objects.map(({ spec: { size, length, ...spec }, ...object }: any) => ({ ...object, apiVersion: review.desiredAPIVersion, spec: { ...spec, [review.desiredAPIVersion.endsWith('v2') ? 'length' : 'size']: size ?? length } }));
      response.end(JSON.stringify({ apiVersion, kind, response: { uid: review.uid, result: { status: 'Success' }, convertedObjects, ...hook.refusal } }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closers.push(() => (server.closeAllConnections(), server.close()));
  hook.port = (server.address() as AddressInfo).port;
  return hook;
}

const version = (name: string, field: string, more: object) => ({ name, served: true, ...more, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [field]: { type: 'integer' }, color: { type: 'string' } } } } } }, selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: `.spec.${field}` }] });

async function start(clientConfig: (hook: Hook) => object = ({ port, caBundle }) => ({ url: `https://127.0.0.1:${port}/convert`, caBundle })): Promise<{ api: TestApi; hook: Hook }> {
  const hook = await startHook();
  const api = await startTestApi();
  closers.push(() => api.close());
  const made = await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: `rods.${group}` },
    spec: { group, scope: 'Namespaced', names: { plural: 'rods', singular: 'rod', kind: 'Rod', listKind: 'RodList' }, conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: clientConfig(hook) } }, versions: [version('v1', 'size', { storage: true }), version('v2', 'length', { storage: false })] },
  });
  expect(made.status).toBe(201);
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rods.${group}/status`;
  const conditions = ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True', reason: 'Test', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }));
  expect((await api.call('PUT', path, { ...made.body, status: { conditions, acceptedNames: made.body.spec.names, storedVersions: ['v1'] } })).status).toBe(200);
  await settle();
  return { api, hook };
}

const rods = (v: string): string => `/apis/${group}/${v}/namespaces/default/rods`;
const rod = (v: string, name: string, spec: object) => ({ apiVersion: `${group}/${v}`, kind: 'Rod', metadata: { name }, spec });

test('a webhook converts what is read and written in another version than the stored one', async () => {
  const { api, hook } = await start();
  const made = await api.call('POST', rods('v2'), rod('v2', 'a', { length: 5 }));
  expect([made.status, made.body.apiVersion, made.body.spec]).toEqual([201, `${group}/v2`, { length: 5 }]);
  expect((await api.call('GET', `${rods('v1')}/a`)).body.spec).toEqual({ size: 5 });
  await api.call('POST', rods('v1'), rod('v1', 'b', { size: 6 }));
  const list = await api.call('GET', rods('v2'));
  expect(list.body.items.map((item: { apiVersion: string; spec: object }) => [item.apiVersion, item.spec])).toEqual([[`${group}/v2`, { length: 5 }], [`${group}/v2`, { length: 6 }]]);
  // One question for the whole list, and none for what was shown before.
  expect(hook.asked.splice(0).pop()).toEqual({ apiVersion: `${group}/v2`, objects: 2 });
  expect((await api.call('GET', rods('v2'))).body.items).toEqual(list.body.items);
  expect(hook.asked).toEqual([]);
  const patched = await api.call('PATCH', `${rods('v2')}/b`, { spec: { length: 7 } }, { 'content-type': 'application/merge-patch+json' });
  expect([patched.body.spec, patched.body.metadata.generation]).toEqual([{ length: 7 }, 2]);
  expect((await api.call('GET', `${rods('v1')}/b`)).body.spec).toEqual({ size: 7 });
  const updated = await api.call('PUT', `${rods('v2')}/a`, { ...made.body, spec: { length: 8, color: 'red' } });
  expect(updated.body.spec).toEqual({ length: 8, color: 'red' });
  const applied = await api.call('PATCH', `${rods('v2')}/c?fieldManager=me`, rod('v2', 'c', { length: 1 }), { 'content-type': 'application/apply-patch+yaml' });
  expect([applied.status, applied.body.spec]).toEqual([201, { length: 1 }]);
  expect((await api.call('PATCH', `${rods('v1')}/c?fieldManager=me`, rod('v1', 'c', { size: 2 }), { 'content-type': 'application/apply-patch+yaml' })).body.spec).toEqual({ size: 2 });
  expect((await api.call('DELETE', `${rods('v2')}/c`)).status).toBe(200);
  expect((await api.call('DELETE', rods('v2'))).status).toBe(200);
  expect((await api.call('GET', rods('v1'))).body.items).toEqual([]);
});

test('watches and metadata of another version are converted, field selectors of its fields are refused', async () => {
  const { api } = await start();
  const watch = await api.watch(`${rods('v2')}?watch=true`);
  await api.call('POST', rods('v1'), rod('v1', 'a', { size: 4 }));
  for (let i = 0; i < 50 && !watch.events.length; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(watch.events.map(({ type, object }) => [type, object.apiVersion, object.spec])).toEqual([['ADDED', `${group}/v2`, { length: 4 }]]);
  watch.stop();
  const partial = await api.call('GET', `${rods('v2')}/a`, undefined, { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' });
  expect([partial.body.kind, partial.body.metadata.name]).toEqual(['PartialObjectMetadata', 'a']);
  expect((await api.call('GET', `${rods('v2')}?fieldSelector=metadata.name%3Da`)).body.items).toHaveLength(1);
  expect((await api.call('GET', `${rods('v2')}?fieldSelector=spec.color%3Dred`)).status).toBe(400);
});

test('what the webhook answers is checked', async () => {
  const { api, hook } = await start();
  await api.call('POST', rods('v1'), rod('v1', 'a', { size: 4 }));
  const told = async (): Promise<string> => {
    const { status, body } = await api.call('GET', `${rods('v2')}/a`);
    expect(status).toBe(500);
    return body.message;
  };
  const words = `conversion webhook for ${group}/v1, Kind=Rod`;
  hook.refusal = { result: { status: 'Failed', message: 'too long' } };
  expect(await told()).toBe(`${words} failed: too long`);
  hook.refusal = { convertedObjects: [] };
  expect(await told()).toBe(`${words} returned 0 objects, expected 1`);
  hook.refusal = { uid: 'other' };
  expect(await told()).toContain(`${words} failed: expected response.uid=`);
  hook.refusal = { convertedObjects: [{ apiVersion: `${group}/v2`, kind: 'Rod', metadata: { name: 'b' } }] };
  expect(await told()).toBe(`${words} returned invalid object at index 0: must have the same name: a != b`);
  // What needs no conversion goes on.
  expect((await api.call('GET', `${rods('v1')}/a`)).status).toBe(200);
});

test('a webhook behind a service is found by its port and endpoints', async () => {
  const { api, hook } = await start(({ port, caBundle }) => ({ service: { namespace: 'default', name: 'hook', path: '/convert', port }, caBundle }));
  const told = async (): Promise<string> => (await api.call('GET', `${rods('v2')}/a`)).body.message;
  await api.call('POST', rods('v1'), rod('v1', 'a', { size: 4 }));
  expect(await told()).toBe(`conversion webhook for ${group}/v1, Kind=Rod failed: service "hook" not found`);
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'default' } });
  const services = '/api/v1/namespaces/default/services';
  await api.call('POST', services, { metadata: { name: 'hook' }, spec: { ports: [{ port: 443 }] } });
  expect(await told()).toContain(`no service port ${hook.port} found for service "hook"`);
  await api.call('DELETE', `${services}/hook`);
  await api.call('POST', services, { metadata: { name: 'hook' }, spec: { ports: [{ port: hook.port }] } });
  expect(await told()).toContain('no endpoints available for service "hook"');
  await api.call('DELETE', `${services}/hook`);
  await api.call('POST', services, { metadata: { name: 'hook' }, spec: { type: 'ExternalName', externalName: 'localhost' } });
  expect((await api.call('GET', `${rods('v2')}/a`)).body.spec).toEqual({ length: 4 });
});
