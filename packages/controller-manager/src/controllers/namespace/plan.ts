/** The conditions that tell how the deletion of a namespace's contents goes. Pure. */
import { formatTime } from '@pilothouse/base';
import { staleMessage } from '@pilothouse/client';
import type { NamespaceCondition } from '@pilothouse/api-schemas/types/core/v1';

export interface Remains {
  /** `pods.` or `deployments.apps` → objects left. */
  byResource: Map<string, number>;
  /** Finalizer → objects that wait for it. */
  byFinalizer: Map<string, number>;
}

const fine: readonly [type: string, reason: string, message: string][] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  ['NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
];

/** Undefined where nothing changed. `errors`: of deletions that failed. `remains` undefined: it was not looked at all of it. */
export function namespaceConditions(current: readonly NamespaceCondition[] | undefined, found: { errors: readonly string[]; stale?: readonly string[]; remains?: Remains; nowMs: number }): NamespaceCondition[] | undefined {
  const bad = new Map<string, { reason: string; message: string }>();
  if (found.stale?.length) bad.set('NamespaceDeletionDiscoveryFailure', { reason: 'DiscoveryFailed', message: `Discovery failed for some groups, ${found.stale.length} failing: ${staleMessage(found.stale)}` });
  if (found.errors.length) bad.set('NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message: `Failed to delete all resource types, ${found.errors.length} remaining: ${[...found.errors].sort().join(', ')}` });
  if (found.remains?.byResource.size) bad.set('NamespaceContentRemaining', { reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${listed(found.remains.byResource, 'has')}` });
  if (found.remains?.byFinalizer.size) bad.set('NamespaceFinalizersRemaining', { reason: 'SomeFinalizersRemain', message: `Some content in the namespace has finalizers remaining: ${listed(found.remains.byFinalizer, 'in')}` });
  const conditions = [...(current ?? [])];
  let changed = false;
  for (const [type, reason, message] of fine) {
    const problem = bad.get(type);
    const next = { type, status: problem ? 'True' : 'False', reason: problem?.reason ?? reason, message: problem?.message ?? message };
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[at];
    if (old && old.status === next.status && old.reason === next.reason && old.message === next.message) continue;
    changed = true;
    const written = { ...next, lastTransitionTime: old?.status === next.status ? old.lastTransitionTime : formatTime(found.nowMs) };
    if (old) conditions[at] = written;
    else conditions.push(written);
  }
  return changed ? conditions : undefined;
}

const listed = (counts: Map<string, number>, verb: 'has' | 'in'): string => [...counts].map(([name, count]) => `${name} ${verb} ${count} resource instances`).sort().join(', ');
