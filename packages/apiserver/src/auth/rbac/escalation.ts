/** Nobody may write a role or binding that grants what they do not hold, unless they hold `escalate` or `bind`. */
import type { ClusterRole, PolicyRule, Role, RoleBinding } from '@pilothouse/api-schemas/types/rbac/v1';
import { forbiddenError, goQuote } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin, RequestAttributes, User } from '../../contract.ts';
import { mastersGroup } from '../names.ts';
import { compactRules, describeRule, uncovered } from './covers.ts';
import type { RbacIndex } from './index.ts';

const group = 'rbac.authorization.k8s.io';
const everything: PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** Why the user may not grant `rules`; undefined when they hold all of them. */
export function escalation(index: RbacIndex, user: User, namespace: string, rules: readonly PolicyRule[]): string | undefined {
  const owned: PolicyRule[] = [];
  const errors: string[] = [];
  for (const grant of index.grantsOf(user, namespace)) {
    if (grant.error) errors.push(grant.error.message);
    owned.push(...grant.rules);
  }
  const missing = uncovered(owned, rules);
  if (!missing.length) return undefined;
  const descriptions = [...new Set(compactRules(missing).map(describeRule))].sort();
  const text = `user ${goQuote(user.name)} (groups=[${user.groups.map(goQuote).join(' ')}]) is attempting to grant RBAC permissions not currently held:\n${descriptions.join('\n')}`;
  return errors.length ? `${text}; resolution errors: [${errors.join(' ')}]` : text;
}

/** What the garbage collector and server-side apply change without granting anything. */
function withoutBookkeeping(object: { metadata: object }): object {
  const { ownerReferences: _o, finalizers: _f, managedFields: _m, ...metadata } = object.metadata as Record<string, unknown>;
  return { ...object, metadata };
}

const right = (a: AdmissionAttributes, verb: string, resource: string, name: string): RequestAttributes => ({ user: a.user, verb, isResource: true, path: '', group, version: 'v1', resource, subresource: '', namespace: a.namespace, name });

async function checkRole(index: RbacIndex, a: AdmissionAttributes): Promise<void> {
  const { plural } = a.resource.type;
  const role = a.object as Role | ClusterRole;
  const name = role.metadata.name ?? '';
  if ((await a.authorize(right(a, 'escalate', plural, a.operation === 'CREATE' ? '' : a.name))).decision === 'allow') return;
  const refuse = (why: string) => forbiddenError({ group, plural }, name, why);
  const why = escalation(index, a.user, a.namespace, role.rules ?? []);
  if (why) throw refuse(why);
  const aggregates = (r: ClusterRole | undefined) => !!r?.aggregationRule?.clusterRoleSelectors?.length;
  if ((aggregates(role as ClusterRole) || aggregates(a.old)) && escalation(index, a.user, '', everything)) throw refuse('must have cluster-admin privileges to use the aggregationRule');
}

async function checkBinding(index: RbacIndex, a: AdmissionAttributes): Promise<void> {
  const { plural } = a.resource.type;
  const binding = a.object as RoleBinding;
  const { roleRef } = binding;
  if (!roleRef?.name) return;
  if ((await a.authorize(right(a, 'bind', roleRef.kind === 'Role' ? 'roles' : 'clusterroles', roleRef.name))).decision === 'allow') return;
  const why = escalation(index, a.user, a.namespace, index.rulesOf(roleRef, a.namespace));
  if (why) throw forbiddenError({ group, plural }, binding.metadata.name ?? '', why);
}

/** Not to be switched off: upstream does this in the storage of roles and bindings. Runs after all mutation. */
export function escalationCheck(index: RbacIndex): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    operations: ['CREATE', 'UPDATE'],
    async mutate(a) {
      const { group: of, plural } = a.resource.type;
      if (of !== group || a.subresource || a.user.groups.includes(mastersGroup)) return;
      if (a.old && isDeepStrictEqual(withoutBookkeeping(a.object), withoutBookkeeping(a.old))) return;
      if (plural === 'roles' || plural === 'clusterroles') await checkRole(index, a);
      else if (plural === 'rolebindings' || plural === 'clusterrolebindings') await checkBinding(index, a);
    },
  };
}
