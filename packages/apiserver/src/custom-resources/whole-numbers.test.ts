/** Whole numbers of 64 bits where no type says what a value is: they come back digit by digit. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { settle, startTestApi, type TestApi } from '../handlers/testing.ts';

const url = '/apis/x.example.com/v1/namespaces/ns/things';
const big = '9007199254740993';
let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  const names = { plural: 'things', kind: 'Thing', singular: 'thing', listKind: 'ThingList' };
  const schema = { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { n: { type: 'integer', format: 'int64', minimum: 3, multipleOf: 3 }, set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'integer' } } }, 'x-kubernetes-validations': [{ rule: '!has(self.n) || self.n != 9007199254740996', message: 'not that one' }] } } };
  const made = await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name: 'things.x.example.com' }, spec: { group: 'x.example.com', scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n' }] }] } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await api.call('PUT', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.x.example.com/status', { ...made.body, status: { acceptedNames: names, storedVersions: ['v1'], conditions: [{ type: 'NamesAccepted', status: 'True' }, { type: 'Established', status: 'True' }] } });
  for (let i = 0; i < 5; i++) await settle();
});
afterEach(() => api.close());

async function send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const response = await api.server.handle({ method, url: path, headers: { 'content-type': 'application/json', 'user-agent': 'test', ...headers }, ...(body !== undefined && { body: Buffer.from(body) }), signal: new AbortController().signal });
  let text = '';
  const { body: answer } = response;
  if (answer instanceof Uint8Array) text = Buffer.from(answer).toString();
  else for await (const piece of answer ?? []) text += Buffer.from(piece).toString();
  return { status: response.status, text };
}
const thing = (name: string, spec: string) => `{"apiVersion":"x.example.com/v1","kind":"Thing","metadata":{"name":"${name}"},"spec":${spec}}`;

test('they pass through every verb and form', async () => {
  expect(await send('POST', url, thing('a', `{"x":[${big},-${big},9223372036854775807,-9223372036854775808]}`))).toMatchObject({ status: 201, text: expect.stringContaining(`"x":[${big},-${big},9223372036854775807,-9223372036854775808]`) });
  expect((await send('PATCH', `${url}/a`, `{"spec":{"y":${big}}}`, { 'content-type': 'application/merge-patch+json' })).text).toContain(`"x":[${big},-${big},9223372036854775807,-9223372036854775808],"y":${big}`);
  expect((await send('PATCH', `${url}/a`, `[{"op":"test","path":"/spec/y","value":${big}},{"op":"add","path":"/spec/z","value":9007199254740995}]`, { 'content-type': 'application/json-patch+json' })).text).toContain('"z":9007199254740995');
  expect((await send('PATCH', `${url}/a`, `[{"op":"test","path":"/spec/y","value":9007199254740992}]`, { 'content-type': 'application/json-patch+json' })).status).toBe(422);
  expect((await send('GET', url)).text).toContain(`"y":${big}`);
  expect((await send('GET', `${url}/a`, undefined, { accept: 'application/yaml' })).text).toContain(`"y": ${big}\n`);
  expect((await send('GET', `${url}/a?pretty=true`)).text).toContain(`"y": ${big}`);
  expect((await send('POST', url, `apiVersion: x.example.com/v1\nkind: Thing\nmetadata: {name: yaml}\nspec: {x: ${big}, h: 0x20000000000001}\n`, { 'content-type': 'application/yaml' })).text).toContain(`"h":9007199254740993,"x":${big}`);
  const applied = (n: string) => send('PATCH', `${url}/s?fieldManager=m`, thing('s', `{"set":[${n}]}`), { 'content-type': 'application/apply-patch+yaml' });
  await applied(`${big},9007199254740995`);
  expect((await applied('9007199254740995')).text).toContain('"set":[9007199254740995]');
});

test('schemas and rules count with them', async () => {
  expect((await send('POST', url, thing('a', '{"n":9007199254740993}'))).status).toBe(201);
  expect((await send('GET', url, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).text).toContain('"cells":["a",9007199254740993]');
  expect((await send('POST', url, thing('b', '{"n":9007199254740995}'))).text).toContain('spec.n in body should be a multiple of 3');
  expect((await send('POST', url, thing('b', '{"n":-9007199254740993}'))).text).toContain('spec.n in body should be greater than or equal to 3');
  expect((await send('POST', url, thing('b', '{"n":9007199254740996}'))).text).toContain('not that one');
});

test('beyond 64 bits they are floats, beyond those they are refused', async () => {
  expect((await send('POST', url, thing('a', '{"x":18446744073709551615,"y":1e20,"z":1e400000000000000000}'))).text).toContain('the object provided is unrecognized (must be of type Thing): json: cannot unmarshal number 1e400000000000000000 into Go value of type float64');
  expect((await send('POST', url, thing('a', '{"x":18446744073709551615,"y":1e21}'))).text).toContain('"spec":{"x":18446744073709552000,"y":1e+21}');
  expect((await send('PATCH', `${url}/a`, '{"spec":{"x":-1e400}}', { 'content-type': 'application/merge-patch+json' })).text).toContain('error decoding patch: json: cannot unmarshal number -1e400 into Go value of type float64');
});

test('what built-in kinds keep as it comes keeps them too; fields with a type are numbers', async () => {
  const revisions = '/apis/apps/v1/namespaces/ns/controllerrevisions';
  expect((await send('POST', revisions, `{"metadata":{"name":"a"},"revision":1,"data":{"x":${big}}}`)).text).toContain(`"data":{"x":${big}}`);
  expect((await send('PATCH', `${revisions}/a`, '{"revision":2}', { 'content-type': 'application/merge-patch+json' })).text).toContain(`"data":{"x":${big}},"revision":2`);
  expect((await send('POST', '/api/v1/namespaces/ns/pods', `{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"memory":${big}}}}]}}`)).text).toContain(`"memory":"${big}"`);
  expect((await send('POST', '/api/v1/namespaces/ns/configmaps', `{"metadata":{"name":"c"},"data":{"x":${big}}}`)).text).toContain('json: cannot unmarshal number into Go struct field ConfigMap.data of type string');
  expect((await send('POST', '/apis/apps/v1/namespaces/ns/deployments', `{"metadata":{"name":"d"},"spec":{"replicas":${big}}}`)).text).toContain(`json: cannot unmarshal number ${big} into Go struct field DeploymentSpec.spec.replicas of type int32`);
});

