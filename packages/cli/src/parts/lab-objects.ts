/** The objects by which the cluster knows the scheduler's lab: the way to it, and who may use it. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { Service } from '@pilothouse/api-schemas/types/core/v1';
import type { ClusterRole, ClusterRoleBinding } from '@pilothouse/api-schemas/types/rbac/v1';
import { apiServices, clusterRoleBindings, clusterRoles, isAlreadyExists, isNotFound, type KubeObject, type ResourceType, services } from '@pilothouse/apimachinery';
import type { Client } from '@pilothouse/client';
import { labGroup, labVersion } from '@pilothouse/scheduler-lab';

export const labService = { namespace: 'kube-system', name: 'scheduler-lab' };
/** What its certificate must be good for. */
export const labHost = `${labService.name}.${labService.namespace}.svc`;

const ours = { 'app.kubernetes.io/managed-by': 'pilothouse' };
const rule = (resources: string[], verbs: string[]) => ({ apiGroups: [labGroup], resources, verbs });
const role = (name: string, aggregateTo: string, rules: ClusterRole['rules']): ClusterRole => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: `pilothouse:scheduler-lab:${name}`, labels: { ...ours, [`rbac.authorization.k8s.io/aggregate-to-${aggregateTo}`]: 'true' } }, rules });

/** Who may read a namespace's pods may read its traces; who may create pods may review; its administrators may hold cycles. */
const roles: readonly ClusterRole[] = [
  role('view', 'view', [rule(['schedulingtraces', 'queuedpods', 'schedulingbreakpoints', 'heldcycles'], ['get', 'list', 'watch'])]),
  role('edit', 'edit', [rule(['schedulingreviews'], ['create'])]),
  role('admin', 'admin', [rule(['schedulingbreakpoints'], ['create', 'delete', 'deletecollection', 'patch', 'update']), rule(['heldcycles'], ['delete']), rule(['heldcycles/command'], ['create'])]),
];

const serverRole: ClusterRole = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'pilothouse:scheduler-lab', labels: ours }, rules: [{ apiGroups: ['scheduling.k8s.io'], resources: ['priorityclasses'], verbs: ['get', 'list', 'watch'] }] };
const serverBinding: ClusterRoleBinding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'pilothouse:scheduler-lab', labels: ours }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'pilothouse:scheduler-lab' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:kube-scheduler' }] };

const serviceAt = (port: number): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { ...labService, labels: ours }, spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ name: 'https', port, protocol: 'TCP' }] } });
const apiServiceAt = (port: number, caBundle: string): APIService => ({
  apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `${labVersion}.${labGroup}`, labels: ours },
  spec: { group: labGroup, version: labVersion, groupPriorityMinimum: 1500, versionPriority: 15, service: { ...labService, port }, caBundle },
});

/** Creates the object, or gives the one there is this one's content. */
async function put<T extends KubeObject & { spec?: unknown }>(client: Client, type: ResourceType<T>, object: T): Promise<void> {
  const namespace = object.metadata.namespace;
  try {
    await client.create(type, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { metadata, ...content } = object;
    await client.patch(type, metadata.name!, content as Record<string, unknown>, { namespace, type: 'merge' });
  }
}

/** Tells the cluster of a lab on this machine. `client`: an administrator's. `certificateAuthority`: PEM. */
export async function registerLab(client: Client, { port, certificateAuthority }: { port: number; certificateAuthority: string }): Promise<void> {
  for (const one of [...roles, serverRole]) await put(client, clusterRoles, one);
  await put(client, clusterRoleBindings, serverBinding);
  await put(client, services, serviceAt(port));
  await put(client, apiServices, apiServiceAt(port, Buffer.from(certificateAuthority).toString('base64')));
}

/** Takes the way to a lab of an earlier run away, for an APIService that leads nowhere keeps namespaces from being deleted. */
export async function unregisterLab(client: Client): Promise<void> {
  const gone = (error: unknown): void => {
    if (!isNotFound(error)) throw error;
  };
  const name = `${labVersion}.${labGroup}`;
  const found = await client.get(apiServices, name).catch(gone);
  if (found?.metadata.labels?.['app.kubernetes.io/managed-by'] !== ours['app.kubernetes.io/managed-by']) return;
  await client.delete(apiServices, name).catch(gone);
  await client.delete(services, labService.name, { namespace: labService.namespace }).catch(gone);
}
