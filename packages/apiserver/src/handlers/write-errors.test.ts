import { expect, test } from 'vitest';
import type { Authorizer } from '../contract.ts';
import { startTestApi } from './testing.ts';

/** Allows everything but creates. */
const noCreates: Authorizer = { authorize: async ({ verb, user }) => ({ decision: verb === 'create' && user.name === 'system:anonymous' ? 'noOpinion' : 'allow', reason: '' }) } as Authorizer;

test.each([
  ['PATCH', '/api/v1/namespaces/default/configmaps/new?fieldManager=m', { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'new' } }, 'configmaps "new" is forbidden: '],
  ['PUT', '/apis/coordination.k8s.io/v1/namespaces/default/leases/new', { metadata: { name: 'new' }, spec: {} }, 'leases.coordination.k8s.io "new" is forbidden: '],
])('%s %s of what does not exist needs leave to create it', async (method, url, body, message) => {
  const api = await startTestApi({ authorizers: [noCreates] });
  const answer = await api.call(method, url, body, { 'content-type': method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json' });
  expect(answer.body).toMatchObject({ code: 403, reason: 'Forbidden', message });
  await api.close();
});

test.each([
  ['{"data":{}}', 'the name of the object (w based on URL) was undeterminable: name must be provided'],
  ['{"metadata":{"name":"z","namespace":"other"}}', 'the namespace of the provided object does not match the namespace sent on the request'],
  ['{"metadata":{"name":"z"}}', 'the name of the object (z) does not match the name on the URL (w)'],
])('the update %s does not fit its path', async (body, message) => {
  const api = await startTestApi();
  expect((await api.call('PUT', '/api/v1/namespaces/default/configmaps/w', body)).body).toMatchObject({ code: 400, message });
  await api.close();
});

test.each([
  ['{"gracePeriodSeconds":"x"}', 'json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64'],
  ['{"kind":"Foo","apiVersion":"v1"}', 'no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'],
  ['{"kind":"Deployment","apiVersion":"apps/v1"}', 'no kind "Deployment" is registered for version "apps/v1" in scheme "pkg/runtime/scheme.go:111"'],
  ['{', "couldn't get version/kind; json parse error: unexpected end of JSON input"],
  ['[]', 'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'],
])('the options of a delete %s cannot be read', async (body, message) => {
  const api = await startTestApi();
  expect((await api.call('DELETE', '/api/v1/namespaces/default/configmaps/w', body)).body).toMatchObject({ code: 400, message });
  await api.close();
});

test.each(['{"kind":"DeleteOptions","apiVersion":"apps/v1"}', '{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All","All"]}', '{}'])('%s are options of a delete', async (body) => {
  const api = await startTestApi();
  expect((await api.call('DELETE', '/api/v1/namespaces/default/configmaps/w', body)).status).toBe(404);
  await api.close();
});

test.each([
  ['POST', 'CreateOptions', '/api/v1/namespaces/default/configmaps?dryRun='],
  ['DELETE', 'DeleteOptions', '/api/v1/namespaces/default/configmaps/w?dryRun='],
])('an empty dryRun of a %s is refused', async (method, kind, url) => {
  const api = await startTestApi();
  expect((await api.call(method, url, method === 'POST' ? { metadata: { name: 'w' } } : undefined)).body).toMatchObject({ code: 422, message: `${kind}.meta.k8s.io "" is invalid: dryRun: Unsupported value: [""]: supported values: "All"` });
  await api.close();
});

const of = (kind: string, apiVersion: string, raw: string): Buffer => {
  const meta = Buffer.concat([Buffer.from([0x0a, apiVersion.length]), Buffer.from(apiVersion), Buffer.from([0x12, kind.length]), Buffer.from(kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, meta.length]), meta, Buffer.from([0x12, raw.length / 2]), Buffer.from(raw, 'hex')]);
};
test.each([
  ['nothing', Buffer.alloc(0), 'the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)'],
  ['only the mark', Buffer.from('k8s\0'), 'the object provided is unrecognized (must be of type ConfigMap): empty body (6b387300)'],
  ['something else', Buffer.from('garbage'), 'the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (67617262616765)'],
  ['an unknown kind', of('Foo', 'v1', ''), 'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'],
  ['a broken object', of('ConfigMap', 'v1', '0aff'), 'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF'],
  ['an object that does not say its kind', of('', '', ''), 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'],
])('a protobuf body of %s is refused', async (_, body, message) => {
  const api = await startTestApi();
  const answer = await api.server.handle({ method: 'POST', url: '/api/v1/namespaces/default/configmaps', headers: { 'content-type': 'application/vnd.kubernetes.protobuf' }, body, signal: new AbortController().signal });
  expect(JSON.parse(Buffer.from(answer.body as Uint8Array).toString()).message).toBe(message);
  await api.close();
});
