import { apiServices, clusterRoleBindings, clusterRoles, configMaps, endpoints, endpointSlices, flowSchemas, leases, namespaces, pods, roles, secrets, serviceAccounts, services, StatusError } from '@pilothouse/apimachinery';
import { fakeClock, Scope, seededRandom, silentLogger } from '@pilothouse/base';
import { openMemoryStore, type Store } from '@pilothouse/storage';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { standardAdmission } from '../admission/index.ts';
import { uncovered } from '../auth/rbac/covers.ts';
import { impersonate, standardAuthentication, standardAuthorization } from '../auth/index.ts';
import { type ApiServer, createApiServer } from '../server.ts';
import { virtualHandlers } from '../virtual/index.ts';
import { announceServer, type LoopbackClient, loopbackClient, runBootstrap, type ServerFacts } from './index.ts';

const facts: ServerFacts = { advertiseAddress: '192.0.2.2', port: 6443, serviceRanges: ['10.96.0.0/16'], serviceAddress: '10.96.0.1', clientCa: 'CA', requestHeaderCa: 'FRONT' };
const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let scope: Scope;
let server: ApiServer;
let store: Store;
let client: LoopbackClient;
const clock = fakeClock();
const runtime = { clock, random: seededRandom(7), log: silentLogger };

beforeEach(async () => {
  scope = new Scope('test');
  store = openMemoryStore(runtime);
  client = loopbackClient((request) => server.handle(request));
  let authorization: ReturnType<typeof standardAuthorization>;
  let authentication: ReturnType<typeof standardAuthentication>;
  server = await createApiServer(runtime, {
    store,
    authorizers({ read }) {
      authentication = standardAuthentication(runtime, { clientAuthorities: [], serviceAccounts: { privateKey }, read });
      authorization = standardAuthorization({ feed: read });
      return [authorization.authorizer];
    },
    authenticators: () => [authentication.authenticator],
    admission: () => standardAdmission({ client, rbac: authorization.rbac }),
    impersonate: (request, attributes, parts) => impersonate(request.headers, attributes, parts.authorize),
    virtualHandlers: () => virtualHandlers({ authorizer: authorization.authorizer, tokens: authentication.tokens, issuer: authentication.issuer }),
  });
  scope.defer(() => store.close());
  scope.own(server);
  await (await runBootstrap(client, runtime, facts)).settled;
});
afterEach(() => scope.close());

async function ask(method: string, url: string, headers: Record<string, string | string[]> = {}, body?: unknown): Promise<any> {
  const response = await server.handle({ method, url, headers: { 'content-type': 'application/json', ...headers }, ...(body !== undefined && { bodyObject: body }), wantObjects: true, signal: scope.signal });
  return { status: response.status, body: response.object ?? (response.body instanceof Uint8Array ? JSON.parse(Buffer.from(response.body).toString()) : undefined) };
}

test('an empty cluster holds what upstream\'s does', async () => {
  expect((await client.list(namespaces)).map((n) => n.metadata.name).sort()).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  expect(await client.list(clusterRoles)).toHaveLength(69);
  expect((await client.get(services, 'kubernetes', 'default'))?.spec?.clusterIP).toBe('10.96.0.1');
  expect((await client.get(configMaps, 'extension-apiserver-authentication', 'kube-system'))?.data).toMatchObject({ 'client-ca-file': 'CA', 'requestheader-allowed-names': '["front-proxy-client"]', 'requestheader-username-headers': '["X-Remote-User"]', 'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]' });
  expect((await client.get(apiServices, 'v1.apps'))?.status?.conditions?.[0]).toMatchObject({ type: 'Available', status: 'True', reason: 'Local' });
  expect((await client.get(flowSchemas, 'catch-all'))?.status?.conditions?.[0]).toMatchObject({ type: 'Dangling', status: 'False' });
});

test('a further start changes nothing, but mends what is missing unless told not to', async () => {
  const versions = async () => (await client.list(clusterRoles)).map((r) => r.metadata.resourceVersion);
  const before = await versions();
  await runBootstrap(client, runtime, facts);
  expect(await versions()).toEqual(before);

  const role = (await client.get(clusterRoles, 'system:kube-scheduler'))!;
  await client.update(clusterRoles, { ...role, rules: [...role.rules!.slice(1), { apiGroups: ['x'], resources: ['y'], verbs: ['get'] }] });
  const kept = (await client.get(clusterRoles, 'system:volume-scheduler'))!;
  await client.update(clusterRoles, { ...kept, metadata: { ...kept.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } }, rules: [] });
  const binding = (await client.get(clusterRoleBindings, 'system:basic-user'))!;
  await client.update(clusterRoleBindings, { ...binding, subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }] });
  await client.delete(roles, 'system:controller:token-cleaner', 'kube-system');
  await runBootstrap(client, runtime, facts);
  const mended = (await client.get(clusterRoles, 'system:kube-scheduler'))!;
  expect(uncovered(mended.rules!, role.rules!)).toEqual([]);
  expect(mended.rules!.some((r) => r.apiGroups?.[0] === 'x')).toBe(true);
  expect((await client.get(clusterRoles, 'system:volume-scheduler'))!.rules ?? []).toEqual([]);
  expect((await client.get(clusterRoleBindings, 'system:basic-user'))!.subjects!.map((s) => s.name)).toEqual(['jane', 'system:authenticated']);
  expect(await client.get(roles, 'system:controller:token-cleaner', 'kube-system')).toBeDefined();
});

test('the endpoints of the service are the servers that are alive', async () => {
  await announceServer(client, runtime, scope.child('a'), { hostName: 'a', advertiseAddress: '192.0.2.2', port: 6443, store });
  const second = scope.child('b');
  await announceServer(client, runtime, second, { hostName: 'b', advertiseAddress: '192.0.2.3', port: 6443, store });
  const addresses = async () => (await client.get(endpoints, 'kubernetes', 'default'))?.subsets?.[0].addresses?.map((a) => a.ip);
  expect(await addresses()).toEqual(['192.0.2.2', '192.0.2.3']);
  expect((await client.get(endpointSlices, 'kubernetes', 'default'))?.endpoints).toHaveLength(2);
  expect((await client.list(leases)).map((l) => l.metadata.annotations?.['kubernetes.io/peer-advertise-address']).sort()).toEqual(['192.0.2.2:6443', '192.0.2.3:6443']);
  // One of kube-apiserver over the same etcd, which dies without a word.
  await store.put('/registry/masterleases/192.0.2.9', Buffer.from('k8s\0'), { ttlSeconds: 15 });
  await clock.advanceAsync(10_000);
  expect(await addresses()).toEqual(['192.0.2.2', '192.0.2.3', '192.0.2.9']);
  await clock.advanceAsync(20_000);
  expect(await addresses()).toEqual(['192.0.2.2', '192.0.2.3']);
  await second.close();
  expect(await addresses()).toEqual(['192.0.2.2']);
});

test('requests pass authentication, impersonation, authorization and admission', async () => {
  expect((await ask('GET', '/api/v1/pods')).body.message).toBe('pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope');
  expect((await ask('GET', '/api/v1/pods', { authorization: 'Bearer nonsense' })).status).toBe(401);
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
  const admin = (await ask('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {}, {})).status;
  expect(admin).toBe(403);
  const pod = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await client.create(pods, pod as any);
  const made = (await client.get(pods, 'p', 'default'))!;
  expect(made.spec).toMatchObject({ serviceAccountName: 'default', priority: 0, tolerations: [{ key: 'node.kubernetes.io/not-ready' }, { key: 'node.kubernetes.io/unreachable' }] });
  expect(made.spec!.volumes![0].name).toMatch(/^kube-api-access-/);
  const missing = await client.create(secrets, { metadata: { name: 's', namespace: 'none' } }).catch((e) => e);
  expect(missing).toBeInstanceOf(StatusError);
  expect(missing.message).toBe('namespaces "none" not found');
});

test('nobody can grant more than they hold', async () => {
  const bind = (name: string, role: string, user: string) => client.create(clusterRoleBindings, { metadata: { name }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }] });
  await client.create(clusterRoles, { metadata: { name: 'maker' }, rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles', 'clusterrolebindings'], verbs: ['create'] }, { apiGroups: [''], resources: ['users'], verbs: ['impersonate'] }] });
  await bind('maker', 'maker', 'jane');
  await client.create(clusterRoles, { metadata: { name: 'front' }, rules: [{ apiGroups: [''], resources: ['users'], verbs: ['impersonate'] }] });
  await bind('front', 'front', 'system:anonymous');
  const asJane = (url: string, body: unknown) => ask('POST', url, { 'impersonate-user': 'jane' }, body);
  const refused = await asJane('/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'more' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] });
  expect([refused.status, refused.body.message]).toEqual([403, 'clusterroles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}']);
  expect((await asJane('/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'same' }, rules: [{ apiGroups: [''], resources: ['users'], verbs: ['impersonate'] }] })).status).toBe(201);
  expect((await asJane('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { metadata: { name: 'more' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }] })).status).toBe(403);
});
