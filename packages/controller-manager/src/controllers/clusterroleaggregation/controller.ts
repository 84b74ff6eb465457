import { apiVersionOf, clusterRoles } from '@pilothouse/apimachinery';
import { defineController, done, semanticallyEqual } from '@pilothouse/controller-runtime';
import { aggregatedRules } from './plan.ts';

/** Writes the rules of aggregated cluster roles. @see https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles */
export const clusterRoleAggregationController = defineController({
  name: 'clusterrole-aggregation-controller',
  aliases: ['clusterrole-aggregation'],
  serviceAccount: 'clusterrole-aggregation-controller',
  watches: [
    {
      type: clusterRoles,
      // Any role may be part of any aggregated one; there are few of those.
      keys: (_role, _change, context) => context.lister(clusterRoles).list().flatMap((role) => (role.aggregationRule ? [role.metadata.name!] : [])),
    },
  ],
  async reconcile(name, { client, lister, signal }) {
    const role = lister(clusterRoles).get(name);
    if (!role?.aggregationRule) return done;
    const rules = aggregatedRules(role, lister(clusterRoles).list());
    if (semanticallyEqual(rules, role.rules)) return done;
    const applied = { apiVersion: apiVersionOf(clusterRoles.group, clusterRoles.version), kind: clusterRoles.kind, metadata: { name }, ...(rules.length && { rules }) };
    await client.patch(clusterRoles, name, applied, { type: 'apply', fieldManager: 'clusterrole-aggregation-controller', force: true, signal });
    return done;
  },
});
