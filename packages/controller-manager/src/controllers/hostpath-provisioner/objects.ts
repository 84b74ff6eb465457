/** What a cluster needs for claims to get volumes out of the box: the class, and the provisioner's rights. */
import type { ClusterRole, ClusterRoleBinding } from '@pilothouse/api-schemas/types/rbac/v1';
import type { StorageClass } from '@pilothouse/api-schemas/types/storage/v1';
import { clusterRoleBindings, clusterRoles, isAlreadyExists, storageClasses } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { hostPathProvisionerController } from './controller.ts';
import { provisioner } from './plan.ts';

const name = 'pilothouse:hostpath-provisioner';

export const standardClass: StorageClass = {
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner, reclaimPolicy: 'Delete', volumeBindingMode: 'WaitForFirstConsumer',
};

export const provisionerRole: ClusterRole = {
  metadata: { name },
  rules: [
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['create', 'delete', 'get', 'update'] },
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['patch'] },
    { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
  ],
};

export const provisionerBinding: ClusterRoleBinding = {
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [{ kind: 'ServiceAccount', namespace: 'kube-system', name: hostPathProvisionerController.serviceAccount }],
};

/** Creates what is missing; what is there, changed or not, stays as it is. */
export async function installHostPathStorage(client: Client): Promise<void> {
  const make = (creation: Promise<unknown>) => creation.catch((error) => {
    if (!isAlreadyExists(error)) throw error;
  });
  await make(client.create(clusterRoles, provisionerRole));
  await make(client.create(clusterRoleBindings, provisionerBinding));
  await make(client.create(storageClasses, standardClass));
}
