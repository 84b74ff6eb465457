import { generateKeyPairSync } from 'node:crypto';
import { nodes, pods, secrets, serviceAccounts } from '@pilothouse/apimachinery';
import { fakeClock, realRandom, silentLogger } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { certificateFingerprint, issueAuthority, issueCertificate } from '../pki/issue.ts';
import { tokenRequest } from '../virtual/token-request.ts';
import { tokenReview } from '../virtual/token-review.ts';
import { standardAuthentication } from './index.ts';
import { memoryObjects } from './testing.ts';
import { signingKey, signToken } from './tokens/jwt.ts';

const audience = 'https://kubernetes.default.svc.cluster.local';
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const signal = new AbortController().signal;
const pem = (text: string) => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');

function setUp(more = {}) {
  const clock = fakeClock();
  const runtime = { clock, random: realRandom, log: silentLogger };
  const objects = memoryObjects();
  const standard = standardAuthentication(runtime, { clientAuthorities: [], serviceAccounts: { privateKey: key }, read: objects, ...more });
  objects.put(serviceAccounts, { metadata: { name: 'sa', namespace: 'a', uid: 'u1' } });
  const context = (object: object, name = '') => ({ ...runtime, object: object as any, name, namespace: 'a', user: { name: 'x', groups: [] }, dryRun: false, read: objects, admit: async () => {}, request: { method: 'POST', url: '', headers: {}, signal } });
  const request = async (spec: object = {}): Promise<any> => tokenRequest(standard.issuer).create(context({ metadata: {}, spec }, 'sa'));
  const review = async (spec: object): Promise<any> => ((await tokenReview(standard.tokens, standard.issuer.audiences).create(context({ metadata: {}, spec }))) as any).status;
  const bearer = (token: string) => standard.authenticator.authenticate({ method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` }, signal });
  return { ...standard, clock, runtime, objects, request, review, bearer };
}

test('a requested token stands for its service account until that is deleted', async () => {
  const { request, bearer, objects, clock } = setUp();
  const answer = await request();
  expect(answer.spec).toEqual({ audiences: [audience], expirationSeconds: 3600, boundObjectRef: null });
  const { user } = (await bearer(answer.status.token))!;
  expect(user).toMatchObject({ name: 'system:serviceaccount:a:sa', uid: 'u1', groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'] });
  expect(user.extra!['authentication.kubernetes.io/credential-id'][0]).toMatch(/^JTI=/);
  clock.advance(3700_000);
  await expect(bearer(answer.status.token)).rejects.toThrow('Unauthorized');
  const again = await request();
  objects.put(serviceAccounts, { metadata: { name: 'sa', namespace: 'a', uid: 'u2' } });
  await expect(bearer(again.status.token)).rejects.toThrow('Unauthorized');
});

test('a token bound to a pod says so and dies with the pod', async () => {
  const { request, bearer, review, objects } = setUp();
  objects.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pu' }, spec: { serviceAccountName: 'sa', nodeName: 'n', containers: [] } });
  objects.put(nodes, { metadata: { name: 'n', uid: 'nu' } });
  const { status } = await request({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pu' } });
  expect((await bearer(status.token))!.user.extra).toMatchObject({ 'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': ['pu'], 'authentication.kubernetes.io/node-name': ['n'], 'authentication.kubernetes.io/node-uid': ['nu'] });
  objects.remove(pods, 'p', 'a');
  expect(await review({ token: status.token })).toEqual({ user: {}, error: '[invalid bearer token, service account token has been invalidated]' });
});

test('a token request is refused with upstream\'s words', async () => {
  const { request, objects } = setUp();
  objects.put(pods, { metadata: { name: 'p', namespace: 'a', uid: 'pu' }, spec: { serviceAccountName: 'other', containers: [] } });
  const cases: [object, string][] = [
    [{ expirationSeconds: 599 }, 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes'],
    [{ expirationSeconds: 4294967297 }, 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds'],
    [{ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } }, 'cannot bind token for serviceaccount "sa" to pod running with different serviceaccount name.'],
    [{ boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'p' } }, 'cannot bind token to object of type /v1, Kind=ConfigMap'],
    [{ boundObjectRef: { apiVersion: 'apps/v1', kind: 'Pod', name: 'p' } }, 'cannot bind token to object of type apps/v1, Kind=Pod'],
    [{ boundObjectRef: { apiVersion: 'v1', kind: 'Pod' } }, 'Name parameter required.'],
    [{ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'none' } }, 'pods "none" not found'],
  ];
  for (const [spec, message] of cases) await expect(request(spec), message).rejects.toThrow(message);
});

test('a token is good for its audiences only', async () => {
  const { request, review, bearer } = setUp();
  const { status } = await request({ audiences: ['a', 'b'] });
  await expect(bearer(status.token)).rejects.toThrow('Unauthorized');
  expect(await review({ token: status.token })).toEqual({ user: {}, error: `[invalid bearer token, token audiences ["a" "b"] is invalid for the target audiences ["${audience}"]]` });
  expect(await review({ token: status.token, audiences: ['b', 'c'] })).toMatchObject({ authenticated: true, audiences: ['b'] });
  expect(await review({ token: 'garbage' })).toEqual({ user: {}, error: 'invalid bearer token' });
});

test('a token changed by one letter is refused', async () => {
  const { request, bearer } = setUp();
  const { status } = await request();
  const [head, body, signature] = status.token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:admin' })).toString('base64url');
  await expect(bearer(`${head}.${forged}.${signature}`)).rejects.toThrow('Unauthorized');
});

test('a token kept in a secret is good as long as the secret holds it, and its use is noted once a day', async () => {
  const written: any[] = [];
  const { bearer, objects } = setUp({ client: { update: async (_type: unknown, object: unknown) => void written.push(object) } });
  const name = 'legacy';
  const prefix = 'kubernetes.io/serviceaccount/';
  const token = signToken(signingKey(key), { iss: 'kubernetes/serviceaccount', sub: 'system:serviceaccount:a:sa', [`${prefix}namespace`]: 'a', [`${prefix}secret.name`]: name, [`${prefix}service-account.name`]: 'sa', [`${prefix}service-account.uid`]: 'u1' });
  await expect(bearer(token)).rejects.toThrow('Unauthorized');
  objects.put(secrets, { metadata: { name, namespace: 'a', uid: 's' }, data: { token: Buffer.from(token).toString('base64') } });
  expect((await bearer(token))!.user).toEqual({ name: 'system:serviceaccount:a:sa', uid: 'u1', groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'] });
  await bearer(token);
  expect(written.map((s) => s.metadata.labels)).toEqual([{ 'kubernetes.io/legacy-token-last-used': '2026-01-01' }]);
  objects.put(secrets, { metadata: { name, namespace: 'a', uid: 's' }, data: { token: 'b3RoZXI=' } });
  await expect(bearer(token)).rejects.toThrow('Unauthorized');
});

test('a token mounted in a pod lives for a year but warns after an hour; the holder is told an hour', async () => {
  const { request, clock, bearer } = setUp();
  const { status } = await request({ expirationSeconds: 3607 });
  expect(Date.parse(status.expirationTimestamp)).toBe(clock.now() + 3607_000);
  const claims = JSON.parse(Buffer.from(status.token.split('.')[1], 'base64url').toString());
  expect([claims.exp - claims.iat, claims['kubernetes.io'].warnafter - claims.iat]).toEqual([365 * 24 * 3600, 3607]);
  clock.advance(24 * 3600_000);
  await bearer(status.token);
});

test('a bootstrap token is its secret in kube-system', async () => {
  const { bearer, objects, clock } = setUp();
  const data = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Buffer.from(v).toString('base64')]));
  const held = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', 'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token', expiration: new Date(clock.now() + 1000).toISOString() };
  objects.put(secrets, { metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', data: data(held) });
  expect((await bearer('abcdef.0123456789abcdef'))!.user).toEqual({ name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:default-node-token', 'system:authenticated'] });
  await expect(bearer('abcdef.0123456789abcdeg')).rejects.toThrow('Unauthorized');
  clock.advance(2000);
  await expect(bearer('abcdef.0123456789abcdef')).rejects.toThrow('Unauthorized');
});

test('a client certificate names its user, a front proxy names others, and neither authority stands in for the other', async () => {
  const start = fakeClock().now();
  const life = { notBefore: start - 1000, notAfter: start + 1e9 };
  const [ca, proxyCa] = await Promise.all([issueAuthority('kubernetes', life, realRandom), issueAuthority('front-proxy-ca', life, realRandom)]);
  const { authenticator, clock } = setUp({ clientAuthorities: [ca.certificate], requestHeaderAuthorities: [proxyCa.certificate] });
  const peer = async (authority: typeof ca, commonName: string, organizations: string[] = []) => {
    const raw = pem((await issueCertificate(authority, { commonName, organizations, usages: ['client'] }, life, realRandom)).certificate);
    return { certificate: { commonName, organizations, raw, fingerprint: certificateFingerprint(raw) } };
  };
  const as = (p: any, headers = {}) => Promise.resolve(authenticator.authenticate({ method: 'GET', url: '/', headers, peer: p, signal })).then((r) => r!.user);
  const jane = await peer(ca, 'jane', ['dev']);
  expect(await as(jane)).toEqual({ name: 'jane', groups: ['dev', 'system:authenticated'], extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${jane.certificate.fingerprint}`] } });
  const proxy = await peer(proxyCa, 'front-proxy-client');
  expect(await as(proxy, { 'x-remote-user': 'bob', 'x-remote-group': ['g'], 'x-remote-extra-a%2fb': 'v' })).toEqual({ name: 'bob', groups: ['g', 'system:authenticated'], extra: { 'a/b': ['v'] } });
  expect(await as(jane, { 'x-remote-user': 'bob' })).toMatchObject({ name: 'jane' });
  await expect(as(proxy)).rejects.toThrow('Unauthorized');
  expect(await as(undefined)).toEqual({ name: 'system:anonymous', groups: ['system:unauthenticated'] });
  clock.advance(2e9);
  await expect(as(jane)).rejects.toThrow('Unauthorized');
  await expect(as({ certificateError: 'self-signed certificate' })).rejects.toThrow('Unauthorized');
});
