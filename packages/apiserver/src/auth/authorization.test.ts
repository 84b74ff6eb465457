import { clusterRoleBindings, clusterRoles, persistentVolumes, pods, roleBindings, roles } from '@pilothouse/apimachinery';
import { expect, test } from 'vitest';
import { bootstrapRbac } from '../bootstrap/data.ts';
import type { User } from '../contract.ts';
import { escalation } from './rbac/escalation.ts';
import { forbiddenByAuthorization } from './forbidden.ts';
import { impersonate } from './impersonation.ts';
import { standardAuthorization } from './index.ts';
import { memoryObjects, resourceRequest } from './testing.ts';

const types: any = { ClusterRole: clusterRoles, ClusterRoleBinding: clusterRoleBindings, Role: roles, RoleBinding: roleBindings };

async function cluster() {
  const objects = memoryObjects();
  for (const object of bootstrapRbac) objects.put(types[object.kind!], object);
  const standard = standardAuthorization({ feed: objects });
  await standard.ready;
  return { objects, ...standard };
}

const user = (name: string, ...groups: string[]): User => ({ name, groups: [...groups, 'system:authenticated'] });

test('a role bound in a namespace allows there and nowhere else, and says why', async () => {
  const { objects, authorizer } = await cluster();
  objects.put(roles, { metadata: { name: 'r', namespace: 'a' }, rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }, { apiGroups: [''], resources: ['configmaps'], resourceNames: ['only'], verbs: ['get'] }] });
  objects.put(roleBindings, { metadata: { name: 'b', namespace: 'a' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'jane' }, { kind: 'ServiceAccount', name: 'robot', namespace: 'x' }] });
  const jane = user('jane');
  expect(await authorizer.authorize(resourceRequest(jane, 'get', 'pods', { namespace: 'a' }))).toEqual({ decision: 'allow', reason: 'RBAC: allowed by RoleBinding "b/a" of Role "r" to User "jane"' });
  const cases: [string, string, string, string, string][] = [
    ['get', 'pods/log', 'a', '', 'allow'],
    ['get', 'pods/exec', 'a', '', 'no-opinion'],
    ['delete', 'pods', 'a', '', 'no-opinion'],
    ['get', 'pods', 'b', '', 'no-opinion'],
    ['get', 'configmaps', 'a', 'only', 'allow'],
    ['get', 'configmaps', 'a', 'other', 'no-opinion'],
  ];
  for (const [verb, resource, namespace, name, decision] of cases) expect((await authorizer.authorize(resourceRequest(jane, verb, resource, { namespace, name }))).decision, `${verb} ${resource} ${namespace}/${name}`).toBe(decision);
  expect(await authorizer.authorize(resourceRequest(user('system:serviceaccount:x:robot'), 'list', 'pods', { namespace: 'a' }))).toEqual({ decision: 'allow', reason: 'RBAC: allowed by RoleBinding "b/a" of Role "r" to ServiceAccount "robot/x"' });
  objects.remove(roleBindings, 'b', 'a');
  expect((await authorizer.authorize(resourceRequest(jane, 'get', 'pods', { namespace: 'a' }))).decision).toBe('no-opinion');
});

test('a binding to a role that does not exist is told as an evaluation error', async () => {
  const { objects, authorizer } = await cluster();
  objects.put(clusterRoleBindings, { metadata: { name: 'b' }, roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'gone' }, subjects: [{ kind: 'Group', name: 'g' }] });
  expect(await authorizer.authorize(resourceRequest(user('jane', 'g'), 'get', 'pods'))).toEqual({ decision: 'no-opinion', reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found' });
});

test('the default roles give the parts of the control plane what they need', async () => {
  const { authorizer } = await cluster();
  const decision = async (who: User, verb: string, resource: string, more = {}) => (await authorizer.authorize(resourceRequest(who, verb, resource, more))).decision;
  expect(await decision(user('system:kube-scheduler'), 'create', 'pods/binding', { namespace: 'x' })).toBe('allow');
  expect(await decision(user('system:kube-scheduler'), 'delete', 'nodes')).toBe('no-opinion');
  expect(await decision(user('x', 'system:masters'), 'whatever', 'things')).toBe('allow');
  expect((await authorizer.authorize({ ...resourceRequest({ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'get', ''), isResource: false, path: '/version' })).decision).toBe('allow');
  expect((await authorizer.authorize({ ...resourceRequest(user('jane'), 'get', ''), isResource: false, path: '/metrics' })).decision).toBe('no-opinion');
});

test('a node reads what its pods refer to, and no more', async () => {
  const { objects, authorizer } = await cluster();
  const node: User = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
  const pod = { metadata: { name: 'p', namespace: 'a' }, spec: { nodeName: 'n1', serviceAccountName: 'sa', containers: [{ name: 'c', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'pvc' } }, { name: 'cm', configMap: { name: 'cm' } }] } };
  objects.put(pods, pod);
  objects.put(persistentVolumes, { metadata: { name: 'pv' }, spec: { claimRef: { namespace: 'a', name: 'pvc' }, csi: { driver: 'd', volumeHandle: 'h', nodeStageSecretRef: { name: 'stage', namespace: 'b' }, controllerPublishSecretRef: { name: 'control', namespace: 'b' } } } });
  const asked = async (verb: string, resource: string, namespace: string, name: string, group = '') => authorizer.authorize(resourceRequest(node, verb, resource, { namespace, name, group }));
  for (const [verb, resource, namespace, name] of [['get', 'secrets', 'a', 's'], ['watch', 'configmaps', 'a', 'cm'], ['get', 'persistentvolumeclaims', 'a', 'pvc'], ['get', 'persistentvolumes', '', 'pv'], ['get', 'secrets', 'b', 'stage'], ['create', 'serviceaccounts/token', 'a', 'sa'], ['get', 'nodes', '', 'n1'], ['get', 'pods', 'a', 'p']]) expect((await asked(verb, resource, namespace, name)).decision, `${verb} ${resource}`).toBe('allow');
  expect(await asked('get', 'secrets', 'a', 'other')).toEqual({ decision: 'no-opinion', reason: "no relationship found between node 'n1' and this object" });
  expect(await asked('get', 'nodes', '', 'n2')).toEqual({ decision: 'no-opinion', reason: "node 'n1' cannot read 'n2', only its own Node object" });
  expect(await asked('list', 'pods', '', '')).toEqual({ decision: 'no-opinion', reason: 'can only list/watch pods with spec.nodeName field selector' });
  expect((await authorizer.authorize(resourceRequest(node, 'watch', 'pods', { fieldSelector: 'spec.nodeName=n1' }))).decision).toBe('allow');
  expect((await asked('get', 'secrets', 'b', 'control')).decision).toBe('no-opinion');
  objects.put(pods, { ...pod, spec: { ...pod.spec, volumes: [] } });
  expect((await asked('get', 'secrets', 'b', 'stage')).decision).toBe('no-opinion');
  objects.remove(pods, 'p', 'a');
  expect((await asked('get', 'secrets', 'a', 's')).decision).toBe('no-opinion');
});

test('nobody grants what they do not hold', async () => {
  const { objects, rbac } = await cluster();
  objects.put(roles, { metadata: { name: 'r', namespace: 'a' }, rules: [{ apiGroups: [''], resources: ['*'], verbs: ['get'] }] });
  objects.put(roleBindings, { metadata: { name: 'b', namespace: 'a' }, roleRef: { apiGroup: '', kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'jane' }] });
  expect(escalation(rbac, { name: 'jane', groups: [] }, 'a', [{ apiGroups: [''], resources: ['secrets', 'pods/log'], verbs: ['get'] }])).toBeUndefined();
  expect(escalation(rbac, user('jane'), 'a', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }, { nonResourceURLs: ['*'], verbs: ['*'] }])).toBe(
    'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["list" "watch"]}\n{NonResourceURLs:["*"], Verbs:["*"]}',
  );
});

test('forbidden requests are worded as upstream words them', () => {
  const jane = { name: 'jane <x>', groups: [] };
  expect(forbiddenByAuthorization(resourceRequest(jane, 'list', 'pods', { namespace: 'default' })).message).toBe('pods is forbidden: User "jane &lt;x&gt;" cannot list resource "pods" in API group "" in the namespace "default"');
  const scale = forbiddenByAuthorization(resourceRequest({ name: 'jane', groups: [] }, 'patch', 'deployments/scale', { group: 'apps', name: 'x', namespace: 'a' }), 'because');
  expect(scale.message).toBe('deployments.apps "x" is forbidden: User "jane" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a": because');
  expect(scale.status.details).toEqual({ name: 'x', group: 'apps', kind: 'deployments' });
  expect(forbiddenByAuthorization({ ...resourceRequest({ name: 'jane', groups: [] }, 'get', ''), isResource: false, path: '/metrics' }).message).toBe('forbidden: User "jane" cannot get path "/metrics"');
});

test('impersonation needs the right to be that user, and fills in what the user implies', async () => {
  const { objects, authorizer } = await cluster();
  const request = resourceRequest(user('ivan'), 'list', 'pods', { namespace: 'a' });
  await expect(impersonate({ 'impersonate-user': 'alice' }, request, authorizer.authorize)).rejects.toThrow('pods is forbidden: User "ivan" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "a"');
  objects.put(clusterRoles, { metadata: { name: 'imp' }, rules: [{ apiGroups: [''], resources: ['users', 'serviceaccounts'], verbs: ['impersonate'] }] });
  objects.put(clusterRoleBindings, { metadata: { name: 'imp' }, roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'imp' }, subjects: [{ kind: 'User', name: 'ivan' }] });
  expect(await impersonate({ 'impersonate-user': 'alice' }, request, authorizer.authorize)).toEqual({ user: { name: 'alice', groups: ['system:authenticated'] } });
  expect((await impersonate({ 'impersonate-user': 'system:serviceaccount:a:b' }, request, authorizer.authorize))?.user.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated']);
  await expect(impersonate({ 'impersonate-user': 'alice', 'impersonate-group': ['g'] }, request, authorizer.authorize)).rejects.toThrow();
  expect(() => impersonate({ 'impersonate-extra-x': 'u' }, request, authorizer.authorize)).toThrow('requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"x":[]string{"u"}}} without impersonating a user name');
  expect(await impersonate({}, request, authorizer.authorize)).toBeUndefined();
});
