import type { ClusterRole, PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';
import type { KubeObject } from '@pilothouse/apimachinery';
import cluster from './generated/cluster.json' with { type: 'json' };
import rbac from './generated/rbac.json' with { type: 'json' };

/** The default roles and bindings; aggregated roles hold the aggregated result. */
export const bootstrapRbac = rbac as unknown as readonly KubeObject[];

/** Namespaces, priority classes, flow control and the registrations of the groups served here. */
export const bootstrapCluster = cluster as unknown as readonly KubeObject[];

/** What any node may do (the role `system:node`), which the node authorizer applies without a binding. */
export const nodeRules: readonly PolicyRule[] = (bootstrapRbac.find((o) => o.kind === 'ClusterRole' && o.metadata.name === 'system:node') as ClusterRole).rules ?? [];
