/** What a learner may do: everything that lessons need inside of the lesson's namespace, and changes to the lesson's own nodes. */
import { clusterRoleBindings, clusterRoles, isNotFound, namespaces, roleBindings, roles } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { labGroup } from './access.ts';

const group = 'rbac.authorization.k8s.io';
const apply = { type: 'apply', fieldManager: 'pilothouse-lab', force: true } as const;
const subjects = [{ apiGroup: group, kind: 'Group', name: labGroup }];
const nodesRole = (namespace: string) => `pilothouse:lab-lesson:${namespace}`;

/** Pods of learners may not reach into the machine: the baseline of the pod security standards holds in lessons. */
export async function grantLesson(client: Client, namespace: string, nodeNames: readonly string[]): Promise<void> {
  await client.patch(namespaces, namespace, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } });
  await client.patch(roles, 'lab-lesson', {
    apiVersion: `${group}/v1`, kind: 'Role', metadata: { name: 'lab-lesson', namespace },
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/eviction', 'persistentvolumeclaims'], verbs: ['*'] },
      { apiGroups: ['apps'], resources: ['deployments', 'deployments/scale', 'replicasets'], verbs: ['*'] },
      { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['*'] },
      { apiGroups: [''], resources: ['namespaces'], resourceNames: [namespace], verbs: ['get', 'delete'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
    ],
  }, { ...apply, namespace });
  await client.patch(roleBindings, 'lab-lesson', { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: { name: 'lab-lesson', namespace }, roleRef: { apiGroup: group, kind: 'Role', name: 'lab-lesson' }, subjects }, { ...apply, namespace });
  const name = nodesRole(namespace);
  await client.patch(clusterRoles, name, { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules: [{ apiGroups: [''], resources: ['nodes'], resourceNames: [...nodeNames], verbs: ['get', 'patch', 'update'] }] }, apply);
  await client.patch(clusterRoleBindings, name, { apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { apiGroup: group, kind: 'ClusterRole', name }, subjects }, apply);
}

/** Takes back what is not in the namespace. */
export async function revokeLesson(client: Client, namespace: string): Promise<void> {
  for (const type of [clusterRoleBindings, clusterRoles]) {
    await client.delete(type, nodesRole(namespace)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
