/** What an aggregated role comes to. Pure. */
import type { ClusterRole, PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';
import { matcherOf } from '@pilothouse/apimachinery';
import { semanticallyEqual } from '@pilothouse/controller-runtime';

/** The rules of all roles that the aggregation rule selects, by selector, then by name, each once. @throws SelectorError */
export function aggregatedRules(role: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const byName = [...roles].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matcher = matcherOf(selector);
    for (const other of byName) {
      if (other.metadata.name === role.metadata.name || !matcher.matches(other.metadata.labels)) continue;
      for (const rule of other.rules ?? []) if (!rules.some((known) => semanticallyEqual(known, rule))) rules.push(rule);
    }
  }
  return rules;
}
