/**
 * The roles and bindings of the cluster, compiled by subject and kept current from the caches' change feed. Which rules
 * a user has is a matter of looking up the user's name and groups, never of walking all bindings.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from '@pilothouse/api-schemas/types/rbac/v1';
import { clusterRoleBindings, clusterRoles, goQuote, notFoundError, roleBindings, roles, type StatusError } from '@pilothouse/apimachinery';
import type { ObjectFeed, User } from '../../contract.ts';
import { serviceAccountUserName } from '../names.ts';

/** A binding as one subject sees it. */
interface Grant {
  key: string;
  /** '' for the whole cluster. */
  namespace: string;
  /** `ClusterRoleBinding "x"` or `RoleBinding "x/ns"`. */
  binding: string;
  roleRef: RoleRef;
  /** `User "jane"`, as the reason of an allowed request names it. */
  subject: string;
}

export interface GrantedRules extends Grant {
  rules: readonly PolicyRule[];
  /** The role does not exist. */
  error?: StatusError;
}

/** `user:` and `group:` keys a subject is found under. */
function subjectKey(subject: Subject, namespace: string): string | undefined {
  if (subject.kind === 'User') return `user:${subject.name}`;
  if (subject.kind === 'Group') return `group:${subject.name}`;
  const home = subject.namespace || namespace;
  return subject.kind === 'ServiceAccount' && home ? `user:${serviceAccountUserName(home, subject.name)}` : undefined;
}

const describeSubject = (subject: Subject, namespace: string) => (subject.kind === 'ServiceAccount' ? `ServiceAccount ${goQuote(`${subject.name}/${subject.namespace || namespace}`)}` : `${subject.kind} ${goQuote(subject.name)}`);

export class RbacIndex {
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  readonly #clusterRoles = new Map<string, readonly PolicyRule[]>();
  /** subject → scope ('' or a namespace) → binding → grant */
  readonly #grants = new Map<string, Map<string, Map<string, Grant>>>();
  #version = 0;

  /** Grows with every change: what was derived from an older one is out of date. */
  get version(): number {
    return this.#version;
  }

  /** Keeps the index current until `signal` aborts; resolves when it is complete. */
  async follow(feed: ObjectFeed, signal?: AbortSignal): Promise<void> {
    await Promise.all([
      feed.follow(roles, (role, old) => this.setRole(role, old), signal),
      feed.follow(clusterRoles, (role, old) => this.setClusterRole(role, old), signal),
      feed.follow(roleBindings, (binding, old) => this.setBinding(binding, old), signal),
      feed.follow(clusterRoleBindings, (binding, old) => this.setBinding(binding, old), signal),
    ]);
  }

  setRole(role: Role | undefined, old: Role | undefined): void {
    this.#version++;
    const { namespace, name } = (role ?? old)!.metadata;
    if (role) this.#roles.set(`${namespace}/${name}`, role.rules ?? []);
    else this.#roles.delete(`${namespace}/${name}`);
  }

  setClusterRole(role: ClusterRole | undefined, old: ClusterRole | undefined): void {
    this.#version++;
    const { name } = (role ?? old)!.metadata;
    if (role) this.#clusterRoles.set(name!, role.rules ?? []);
    else this.#clusterRoles.delete(name!);
  }

  setBinding(binding: RoleBinding | ClusterRoleBinding | undefined, old: RoleBinding | ClusterRoleBinding | undefined): void {
    this.#version++;
    if (old) this.#each(old, (subject, scope, grant) => this.#remove(subject, scope, grant));
    if (binding) {
      this.#each(binding, (subject, scope, grant) => {
        let scopes = this.#grants.get(subject);
        if (!scopes) this.#grants.set(subject, (scopes = new Map()));
        let grants = scopes.get(scope);
        if (!grants) scopes.set(scope, (grants = new Map()));
        if (!grants.has(grant.key)) grants.set(grant.key, grant);
      });
    }
  }

  #each(binding: RoleBinding | ClusterRoleBinding, visit: (subject: string, scope: string, grant: Grant) => void): void {
    const { name = '', namespace = '' } = binding.metadata;
    const text = namespace ? `RoleBinding ${goQuote(`${name}/${namespace}`)}` : `ClusterRoleBinding ${goQuote(name)}`;
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      if (key) visit(key, namespace, { key: name, namespace, binding: text, roleRef: binding.roleRef, subject: describeSubject(subject, namespace) });
    }
  }

  #remove(subject: string, scope: string, grant: Grant): void {
    const scopes = this.#grants.get(subject);
    const grants = scopes?.get(scope);
    grants?.delete(grant.key);
    if (grants?.size === 0) scopes!.delete(scope);
    if (scopes?.size === 0) this.#grants.delete(subject);
  }

  /** The rules of the role a binding in `namespace` refers to. @throws StatusError 404 */
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] {
    const rules = roleRef.kind === 'Role' ? this.#roles.get(`${namespace}/${roleRef.name}`) : this.#clusterRoles.get(roleRef.name);
    if (!rules) throw notFoundError({ group: 'rbac.authorization.k8s.io', plural: roleRef.kind === 'Role' ? 'role' : 'clusterrole' }, roleRef.name);
    return rules;
  }

  /** What the user holds in the whole cluster and, where one is given, in the namespace. Lazily: an early stop saves work. */
  *grantsOf(user: User, namespace: string): Generator<GrantedRules> {
    const subjects = [`user:${user.name}`, ...user.groups.map((g) => `group:${g}`)];
    const seen = new Set<string>();
    for (const scope of namespace ? ['', namespace] : ['']) {
      for (const subject of subjects) {
        for (const grant of this.#grants.get(subject)?.get(scope)?.values() ?? []) {
          if (seen.has(grant.binding)) continue;
          seen.add(grant.binding);
          try {
            yield { ...grant, rules: this.rulesOf(grant.roleRef, scope) };
          } catch (error) {
            yield { ...grant, rules: [], error: error as StatusError };
          }
        }
      }
    }
  }
}
