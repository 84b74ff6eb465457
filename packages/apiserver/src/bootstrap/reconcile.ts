/** How an object that an earlier start, or somebody since, has left is brought up to date. Pure: returns what to write, or undefined. */
import type { ClusterRole, RoleBinding } from '@pilothouse/api-schemas/types/rbac/v1';
import type { KubeObject } from '@pilothouse/apimachinery';
import { isDeepStrictEqual } from 'node:util';
import { compactRules, uncovered } from '../auth/rbac/covers.ts';

export interface Reconciled {
  object: KubeObject;
  /** The object must be deleted and made anew: a binding's role cannot be changed. */
  recreate?: boolean;
}

const merged = (defaults: Record<string, string> | undefined, held: Record<string, string> | undefined) => ({ ...defaults, ...held });

function withMetadata<T extends KubeObject>(held: T, wanted: KubeObject): T {
  const labels = merged(wanted.metadata.labels, held.metadata.labels);
  const annotations = merged(wanted.metadata.annotations, held.metadata.annotations);
  return { ...held, metadata: { ...held.metadata, ...(Object.keys(labels).length && { labels }), ...(Object.keys(annotations).length && { annotations }) } };
}

const changed = (held: KubeObject, result: KubeObject): Reconciled | undefined => (isDeepStrictEqual(held, result) ? undefined : { object: result });

/** Adds missing rules and metadata; what was added by hand stays. */
function reconcileRole(held: ClusterRole, wanted: ClusterRole): Reconciled | undefined {
  const result = withMetadata(held, wanted);
  if (wanted.aggregationRule) {
    // The rules are the aggregation controller's.
    const selectors = held.aggregationRule?.clusterRoleSelectors ?? [];
    const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter((s) => !selectors.some((h) => isDeepStrictEqual(h, s)));
    if (missing.length) result.aggregationRule = { clusterRoleSelectors: [...selectors, ...missing] };
  } else {
    const missing = uncovered(held.rules ?? [], wanted.rules ?? []);
    if (missing.length) result.rules = [...(held.rules ?? []), ...compactRules(missing)];
  }
  return changed(held, result);
}

function reconcileBinding(held: RoleBinding, wanted: RoleBinding): Reconciled | undefined {
  const result = withMetadata(held, wanted);
  const missing = (wanted.subjects ?? []).filter((s) => !(held.subjects ?? []).some((h) => h.kind === s.kind && h.name === s.name && (h.namespace ?? '') === (s.namespace ?? '')));
  if (missing.length) result.subjects = [...(held.subjects ?? []), ...missing];
  if (held.roleRef.kind === wanted.roleRef.kind && held.roleRef.name === wanted.roleRef.name) return changed(held, result);
  const { uid: _u, resourceVersion: _r, creationTimestamp: _c, managedFields: _m, ...metadata } = result.metadata;
  return { object: { ...result, roleRef: wanted.roleRef, metadata } as KubeObject, recreate: true };
}

/** Fields of `wanted` (recursively) that `held` lacks or has otherwise; what the server added is no difference. */
function contains(held: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(held) && held.length === wanted.length && wanted.every((w, i) => contains(held[i], w));
  if (wanted && typeof wanted === 'object') return !!held && typeof held === 'object' && Object.entries(wanted).every(([k, v]) => contains((held as Record<string, unknown>)[k], v));
  return held === wanted;
}

function reconcileSpec(held: any, wanted: any): Reconciled | undefined {
  return contains(held.spec, wanted.spec) ? undefined : { object: { ...held, spec: wanted.spec } };
}

const rbacAutoupdate = 'rbac.authorization.kubernetes.io/autoupdate';
const flowAutoupdate = 'apf.kubernetes.io/autoupdate-spec';

/** What to write so that `held` has what `wanted` prescribes; objects whose owner has opted out are left alone. */
export function reconcile(held: KubeObject, wanted: KubeObject): Reconciled | undefined {
  switch (wanted.kind) {
    case 'ClusterRole':
    case 'Role':
      return held.metadata.annotations?.[rbacAutoupdate] === 'false' ? undefined : reconcileRole(held as ClusterRole, wanted as ClusterRole);
    case 'ClusterRoleBinding':
    case 'RoleBinding':
      return held.metadata.annotations?.[rbacAutoupdate] === 'false' ? undefined : reconcileBinding(held as RoleBinding, wanted as RoleBinding);
    case 'FlowSchema':
    case 'PriorityLevelConfiguration':
      return held.metadata.annotations?.[flowAutoupdate] === 'false' && !['exempt', 'catch-all'].includes(held.metadata.name ?? '') ? undefined : reconcileSpec(held, wanted);
    case 'APIService':
      return held.metadata.labels?.['kube-aggregator.kubernetes.io/automanaged'] ? reconcileSpec(held, wanted) : undefined;
    default:
      return undefined;
  }
}
