import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApi, type TestApi } from './testing.ts';

const url = '/api/v1/namespaces/ns/configmaps';
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'ns' } });
  await api.call('POST', url, { metadata: { name: 'p' }, data: { a: 'b' } });
  await api.call('POST', '/apis/apps/v1/namespaces/ns/deployments', { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
});
afterAll(() => api.close());

const patch = async (type: string, body: string, query = '', path = `${url}/p`) => {
  const answer = await api.call('PATCH', `${path}?fieldManager=m&${query}`, body, { 'content-type': `application/${type}` });
  return { code: answer.status, message: String(answer.body.message ?? ''), warnings: answer.headers['warning'] };
};

const strategic = 'strategic-merge-patch+json';
test.each([
  ['{"data":{"a":1}}', 'map[data:map[a:1]]', 'cannot convert int64 to string'],
  ['{"data":{"a":true}}', 'map[data:map[a:true]]', 'unrecognized type: string'],
  ['{"data":"a"}', 'map[data:a]', 'cannot restore map from string'],
  ['{"data":["a"]}', 'map[data:[a]]', 'cannot restore map from slice'],
  ['{"metadata":"x"}', 'map[metadata:x]', 'cannot restore struct from: string'],
  ['{"metadata":{"finalizers":"x"}}', 'map[metadata:map[finalizers:x]]', 'cannot restore slice from string'],
  ['{"immutable":"x"}', 'map[immutable:x]', 'unrecognized type: bool'],
  ['{"metadata":{"creationTimestamp":1}}', 'map[metadata:map[creationTimestamp:1]]', 'json: cannot unmarshal number into Go value of type string'],
])('the strategic merge patch %s does not fit: the patch is quoted', async (body, shown, why) => {
  expect(await patch(strategic, body)).toMatchObject({ code: 422, message: ` "" is invalid: patch: Invalid value: "${shown}": ${why}` });
});

test('numbers where a strategic merge patch needs another kind of number are told apart', async () => {
  const path = '/apis/apps/v1/namespaces/ns/deployments/d';
  expect((await patch(strategic, '{"spec":{"replicas":"x"}}', '', path)).message).toContain('unrecognized type: int32');
  expect((await patch(strategic, '{"spec":{"replicas":1.5}}', '', path)).message).toContain('cannot convert float64 to int32');
  expect((await patch(strategic, '{"spec":{"strategy":{"type":1}}}', '', path)).message).toContain('cannot convert int64 to v1.DeploymentStrategyType');
});

test('what a strategic merge patch says of the kind is not heard', async () => {
  expect((await patch(strategic, '{"kind":"Secret","apiVersion":"v2"}')).code).toBe(200);
});

test('unknown fields of a strategic merge patch come in the order of their names', async () => {
  expect((await patch(strategic, '{"z":1,"b":1}', 'fieldValidation=Strict')).message).toMatch(/strict decoding error: unknown field "b", unknown field "z"$/);
});

const merge = 'merge-patch+json';
const quoted = /^ "" is invalid: patch: Invalid value: "(.*)": ([^"]*(?:"[^"]*"[^"]*)*)$/;
test.each([
  [merge, '{"data":{"a":1}}', '', '{"apiVersion":"v1","data":{"a":1},"kind":"ConfigMap","metadata":{"name":"p","namespace":"ns","uid":', 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string'],
  [merge, '{"kind":"Foo"}', '', '{"apiVersion":"v1","data":{"a":"b"},"kind":"Foo","metadata":{"name":"p",', 'no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'],
  [merge, '{"metadata":{"labels":{"z":null,"y":"<"}},"foo":1}', 'fieldValidation=Strict', '"foo":1,"kind":"ConfigMap","metadata":{"creationTimestamp":', 'strict decoding error: unknown field "foo"'],
  ['json-patch+json', '[{"op":"add","path":"/data/x","value":1}]', '', '{"apiVersion":"v1","data":{"a":"b","x":1},"kind":"ConfigMap","metadata":{"name":"p",', 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string'],
  ['json-patch+json', '[{"op":"add","path":"/foo","value":1,"extra":1,"op":"add"}]', 'fieldValidation=Strict', '"foo":1', 'strict decoding error: json patch duplicate field "[0].op", json patch unknown field "[0].extra", unknown field "foo"'],
])('%s %s (%s) does not fit: the patched object is quoted', async (type, body, query, shown, why) => {
  const { code, message } = await patch(type, body, query);
  const [, value, reason] = quoted.exec(message) ?? [];
  expect([code, reason]).toEqual([422, why]);
  expect(JSON.parse(`"${value}"`)).toContain(shown);
});

test.each([
  [merge, '[]', '', 400, 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}'],
  [merge, '{', 'fieldValidation=Ignore', 400, 'Invalid JSON Patch'],
  [merge, '"x"', 'fieldValidation=Ignore', 400, 'Invalid JSON Patch'],
  [merge, 'null', '', 400, 'Invalid JSON Patch'],
  ['json-patch+json', '{}', '', 400, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
  ['json-patch+json', 'x', 'fieldValidation=Ignore', 400, "invalid character 'x' looking for beginning of value"],
  ['json-patch+json', '[{"op":"test","path":"/data/a","value":"zz"}]', '', 422, 'the server rejected our request due to an error in our request'],
  ['apply-patch+yaml', 'x', '', 400, 'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type map[string]interface {}'],
  ['apply-patch+yaml', '', '', 400, 'invalid object type: /, Kind='],
  ['apply-patch+yaml', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p"},"data":{"a":1}}', '', 500, 'failed to create typed patch object (/p; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}'],
  ['apply-patch+yaml', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p"},"data":[]}', '', 500, 'failed to create typed patch object (/p; /v1, Kind=ConfigMap): .data: expected map, got &{[]}'],
  ['apply-patch+yaml', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p"},"data":{"k":"v"},"immutable":"x","foo":1}', '', 500, 'failed to create typed patch object (/p; /v1, Kind=ConfigMap): errors:\n  .immutable: expected boolean, got &{x}\n  .foo: field not declared in schema'],
  ['foo', '[]', '', 415, '415: Unsupported Media Type'],
])('%s %s (%s) is answered %i', async (type, body, query, code, message) => {
  expect(await patch(type, body, query)).toMatchObject({ code, message });
});

test.each([
  ['{"kind":"Scale","apiVersion":"autoscaling/v1","spec":{"foo":1}}', 500, 'failed to create typed patch object (/; autoscaling/v1, Kind=Scale): .spec.foo: field not declared in schema'],
  ['{"kind":"Scale","apiVersion":"autoscaling/v2"}', 400, 'invalid object type: autoscaling/v2, Kind=Scale'],
  ['{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"e"},"spec":{"replicas":2}}', 400, 'the name of the object (e) does not match the name on the URL (d)'],
])('the applied scale %s is refused', async (body, code, message) => {
  expect(await patch('apply-patch+yaml', body, '', '/apis/apps/v1/namespaces/ns/deployments/d/scale')).toMatchObject({ code, message });
});

test('a scale is patched as other objects are, strictly too', async () => {
  const path = '/apis/apps/v1/namespaces/ns/deployments/d/scale';
  expect((await patch(merge, '{"spec":{"foo":1}}', 'fieldValidation=Strict', path)).message).toContain('strict decoding error: unknown field "spec.foo"');
  expect((await patch(merge, '{"spec":{"foo":1,"replicas":2}}', '', path)).warnings).toEqual(['299 - "unknown field \\"spec.foo\\""']);
});

test('keys that stand twice in an applied document are warned of or refused', async () => {
  const body = 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: p}\ndata:\n  k: v\n  k: w\n';
  expect((await patch('apply-patch+yaml', body, 'fieldValidation=Strict')).message).toMatch(/^error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n {2}.*key "k" already set in map$/);
  expect((await patch('apply-patch+yaml', body)).warnings).toEqual([expect.stringContaining('key \\"k\\" already set in map')]);
  expect((await patch('apply-patch+yaml', body, 'fieldValidation=Ignore')).warnings).toBeUndefined();
});
