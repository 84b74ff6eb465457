/**
 * Who may use the lab of the all-in-one: everyone may fetch the page (its path is asked of nobody), and a token that expires may
 * read what the page shows (no secrets), ask, hold cycles, and open lessons. What a learner changes is confined to lessons: see keeper.ts.
 */
import type { PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';
import { clusterRoleBindings, clusterRoles, secrets } from '@pilothouse/apimachinery';
import { formatTime, type Runtime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';

/** The group of those who hold a lab token; bootstrap tokens may name groups of this form only. */
export const labGroup = 'system:bootstrappers:pilothouse-lab';

const tokenLifeMs = 12 * 3_600_000;
const read = ['get', 'list', 'watch'];

const labRules: PolicyRule[] = [
  { apiGroups: [''], resources: ['nodes', 'pods', 'namespaces', 'events', 'persistentvolumes', 'persistentvolumeclaims', 'services', 'replicationcontrollers'], verbs: read },
  { apiGroups: ['apps'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], verbs: read },
  { apiGroups: ['storage.k8s.io', 'scheduling.k8s.io', 'policy', 'events.k8s.io', 'resource.k8s.io'], resources: ['*'], verbs: read },
  { apiGroups: ['lab.pilothouse.dev'], resources: ['schedulingtraces', 'queuedpods'], verbs: read },
  { apiGroups: ['lab.pilothouse.dev'], resources: ['schedulingreviews', 'heldcycles/command'], verbs: ['create'] },
  { apiGroups: ['lab.pilothouse.dev'], resources: ['heldcycles'], verbs: [...read, 'delete'] },
  { apiGroups: ['lab.pilothouse.dev'], resources: ['schedulingbreakpoints'], verbs: [...read, 'create', 'delete'] },
  // A lesson begins with its namespace; the keeper gives the rights inside.
  { apiGroups: [''], resources: ['namespaces'], verbs: ['create'] },
];

/** Creates the roles, or brings them up to date, and returns a new token. */
export async function grantLabAccess(client: Client, { clock, random }: Pick<Runtime, 'clock' | 'random'>): Promise<string> {
  const bind = (name: string, groups: readonly string[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: groups.map((group) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group })),
  });
  const role = (name: string, rules: PolicyRule[]) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules });
  const apply = { type: 'apply', fieldManager: 'pilothouse-lab', force: true } as const;
  await Promise.all([
    client.patch(clusterRoles, 'pilothouse:lab', role('pilothouse:lab', labRules), apply),
    client.patch(clusterRoleBindings, 'pilothouse:lab', bind('pilothouse:lab', [labGroup]), apply),
  ]);
  const letters = (count: number) => Array.from(random.bytes(count), (byte) => (byte % 32).toString(32)).join('');
  const [id, secret] = [letters(6), letters(16)];
  await client.create(secrets, {
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': secret, expiration: formatTime(clock.now() + tokenLifeMs), 'usage-bootstrap-authentication': 'true', 'auth-extra-groups': labGroup, description: 'the lab\'s link, printed by pilothouse up' },
  });
  return `${id}.${secret}`;
}
