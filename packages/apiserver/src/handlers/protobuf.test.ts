import { decodeProtobuf, encodeProtobuf } from '@pilothouse/apimachinery';
import type { ApiResponse } from '@pilothouse/apimachinery';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settle, startTestApi, type TestApi } from './testing.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const partial = ';as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const partials = ';as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  for (const name of ['a', 'b']) await api.call('POST', '/api/v1/namespaces/ns/configmaps', { metadata: { name }, data: { k: 'é' } });
});
afterEach(() => api.close());

async function raw(method: string, url: string, headers: Record<string, string>, body?: unknown, signal = new AbortController().signal): Promise<ApiResponse> {
  return api.server.handle({ method, url, headers: { 'content-type': 'application/json', ...headers }, ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }), signal });
}
async function bytesOf({ body }: ApiResponse): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  if (body instanceof Uint8Array) pieces.push(body);
  else for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

const url = '/api/v1/namespaces/ns/configmaps';

test.each([
  ['an object', `${url}/a`, ''],
  ['a list', url, ''],
  ['a page of a list', `${url}?limit=1`, ''],
  ['the metadata of an object', `${url}/a`, partial],
  ['the metadata of a list', url, partials],
  ['an object that is not there', `${url}/none`, ''],
])('%s is the same as protobuf as it is as JSON', async (_, path, as) => {
  const json = await raw('GET', path, { accept: `application/json${as}` });
  const answer = await raw('GET', path, { accept: `${protobuf}${as},application/json${as}` });
  expect([answer.status, answer.headers['content-type']]).toEqual([json.status, protobuf]);
  expect((await bytesOf(answer)).equals(encodeProtobuf(JSON.parse((await bytesOf(json)).toString())))).toBe(true);
});

test('writes are answered in protobuf too', async () => {
  const made = await raw('POST', url, { accept: protobuf }, { metadata: { name: 'c' } });
  expect([made.status, decodeProtobuf(await bytesOf(made))]).toMatchObject([201, { kind: 'ConfigMap', metadata: { name: 'c' } }]);
  const patched = await raw('PATCH', `${url}/c`, { accept: protobuf, 'content-type': 'application/merge-patch+json' }, { data: { x: 'y' } });
  expect(decodeProtobuf(await bytesOf(patched))).toMatchObject({ data: { x: 'y' } });
  const gone = await raw('DELETE', `${url}/c`, { accept: protobuf });
  expect(decodeProtobuf(await bytesOf(gone))).toMatchObject({ kind: 'Status', status: 'Success' });
});

describe('which form is chosen', () => {
  test.each([
    [`${protobuf},application/json`, protobuf],
    [`application/json,${protobuf}`, 'application/json'],
    [`${protobuf};q=0.5,application/yaml`, 'application/yaml'],
    [`${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1`, 'application/json'],
    [`${protobuf};as=Table;g=meta.k8s.io;v=v1`, 406],
  ])('%s: %s', async (accept, wanted) => {
    const { status, headers } = await raw('GET', `${url}/a`, { accept });
    expect(typeof wanted === 'number' ? status : headers['content-type']).toBe(wanted);
  });
});

test('a watch is a sequence of frames with their length before each', async () => {
  const abort = new AbortController();
  const answer = await raw('GET', `${url}?watch=1`, { accept: `${protobuf};stream=watch` }, undefined, abort.signal);
  expect(answer.headers['content-type']).toBe(`${protobuf};stream=watch`);
  const pieces: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of answer.body as AsyncIterable<Uint8Array>) pieces.push(piece);
  })();
  await settle();
  await api.call('DELETE', `${url}/b`);
  await settle();
  abort.abort(new Error('stop'));
  await reading;
  const bytes = Buffer.concat(pieces);
  const seen: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const frame = bytes.subarray(at + 4, at + 4 + length);
    const { metadata } = decodeProtobuf(frame.subarray(frame.indexOf('k8s\0'))) as any;
    seen.push(`${frame.subarray(2, 2 + frame[1])} ${metadata.name}`);
    at += 4 + length;
  }
  expect(seen).toEqual(['ADDED a', 'ADDED b', 'DELETED b']);
});
