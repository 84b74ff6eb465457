import { fakeClock, realRandom, Scope, silentLogger } from '@pilothouse/base';
import { issueAuthority, issueCertificate } from '../pki/issue.ts';
import { expect, test } from 'vitest';
import { jsonAnswer, serveExtension } from './index.ts';

const resource = { group: 'x.example.com', version: 'v1', name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get'] };
const api = { groups: () => [{ name: 'x.example.com', versions: ['v1'], preferredVersion: 'v1' }], resources: () => [resource] };
const der = (text: string) => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');

async function setUp() {
  const clock = fakeClock();
  const runtime = { clock, random: realRandom, log: silentLogger };
  const validity = { notBefore: clock.now() - 1_000, notAfter: clock.now() + 3600_000 };
  const authority = await issueAuthority('proxy-ca', validity, realRandom);
  const proxy = async (commonName: string) => ({ certificate: { commonName, organizations: [], raw: der((await issueCertificate(authority, { commonName, usages: ['client'] }, validity, realRandom)).certificate) } });
  const reviews: any[] = [];
  const data = { 'requestheader-client-ca-file': authority.certificate, 'requestheader-allowed-names': '["front"]', 'requestheader-username-headers': '["X-Remote-User"]', 'requestheader-group-headers': '["X-Remote-Group"]', 'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]' };
  const client: any = {
    get: async () => ({ metadata: {}, data }),
    async create(type: { kind: string }, { spec }: any) {
      reviews.push({ kind: type.kind, ...spec });
      if (type.kind === 'TokenReview') return { status: spec.token === 'good' ? { authenticated: true, user: { username: 'bot', groups: ['g'] } } : { error: 'invalid bearer token' } };
      return { status: { allowed: spec.user === 'jane', reason: 'because' } };
    },
  };
  const scope = new Scope('test');
  const { handle } = await serveExtension(runtime, scope, { client, api, answer: (_, { user, info }) => jsonAnswer({ user: user.name, name: info.name }) });
  const ask = async (path: string, headers: object = {}, peer: object = {}) => {
    const { status, body } = await handle({ method: 'GET', url: path, headers: { ...headers }, peer, signal: new AbortController().signal });
    const text = Buffer.from(body as Uint8Array).toString();
    return { status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return { ask, proxy, reviews, clock, scope };
}

test('the front proxy is believed about its users, and nobody else', async () => {
  const { ask, proxy, reviews, scope } = await setUp();
  const path = '/apis/x.example.com/v1/namespaces/a/things/b';
  const headers = { 'x-remote-user': ['jane'], 'x-remote-group': ['g1', 'g2'] };
  expect(await ask(path, headers, await proxy('front'))).toEqual({ status: 200, body: { user: 'jane', name: 'b' } });
  expect(reviews).toEqual([{ kind: 'SubjectAccessReview', user: 'jane', groups: ['g1', 'g2', 'system:authenticated'], extra: {}, resourceAttributes: { namespace: 'a', verb: 'get', group: 'x.example.com', version: 'v1', resource: 'things', subresource: '', name: 'b' } }]);
  expect(await ask(path, headers)).toMatchObject({ status: 403, body: { message: 'things.x.example.com "b" is forbidden: User "system:anonymous" cannot get resource "things" in API group "x.example.com" in the namespace "a": because' } });
  expect((await ask(path, headers, await proxy('other'))).status).toBe(403);
  expect((await ask(path, { authorization: 'Bearer bad' })).status).toBe(401);
  expect(await ask(path, { authorization: 'Bearer good' })).toMatchObject({ status: 403, body: { message: expect.stringContaining('User "bot"') } });
  await scope.close();
});

test('rights are asked once for ten seconds; masters and health need none', async () => {
  const { ask, proxy, reviews, clock, scope } = await setUp();
  const front = await proxy('front');
  const get = () => ask('/apis/x.example.com/v1/namespaces/a/things/b', { 'x-remote-user': ['jane'] }, front);
  await Promise.all([get(), get()]);
  clock.advance(9_999);
  await get();
  expect(reviews).toHaveLength(1);
  clock.advance(1);
  await get();
  expect(reviews).toHaveLength(2);
  expect((await ask('/apis/x.example.com/v1', { 'x-remote-user': ['root'], 'x-remote-group': ['system:masters'] }, front)).body).toMatchObject({ kind: 'APIResourceList', resources: [{ name: 'things' }] });
  expect(await ask('/healthz')).toEqual({ status: 200, body: 'ok' });
  expect(reviews).toHaveLength(2);
  expect((await ask('/apis/x.example.com/v1/others', { 'x-remote-user': ['jane'] }, front)).status).toBe(404);
  await scope.close();
});
