/** What a definition that goes takes along: all its objects. Facts: apiextensions controller/finalizer. */
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { type ResourceType } from '@pilothouse/apimachinery';
import { messageOf, type Runtime } from '@pilothouse/base';
import type { Store } from '@pilothouse/storage';
import { prefixRange } from '@pilothouse/storage';
import type { LoopbackClient } from '../../bootstrap/client.ts';
import type { ResourceRegistry } from '../../registry.ts';
import { type Condition, isTrue } from '../conditions.ts';

export interface InstanceParts {
  runtime: Runtime;
  registry: ResourceRegistry;
  store: Store;
  client: LoopbackClient;
  signal: AbortSignal;
}

const pollMs = 250;
/** How long objects with finalizers are waited for before it is told; then it goes on. */
const patienceMs = 60_000;

const terminating = (status: 'True' | 'False', reason: string, message: string): Condition => ({ type: 'Terminating', status, reason, message });
export const deletionInProgress = terminating('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');

/** Deletes all objects and waits until they are gone. `done`: nothing holds the definition any longer. */
export async function deleteInstances(crd: CustomResourceDefinition, parts: InstanceParts): Promise<{ condition: Condition; done: boolean }> {
  if (!isTrue(crd, 'Established')) return { condition: terminating('False', 'NeverEstablished', 'resource was never established'), done: true };
  const version = crd.spec.versions.find(({ served, name }) => served && parts.registry.find(crd.spec.group, name, crd.spec.names.plural)?.codec.statesKind);
  try {
    if (version) await deleteServed({ group: crd.spec.group, version: version.name, plural: crd.spec.names.plural, kind: crd.spec.names.kind, namespaced: crd.spec.scope === 'Namespaced' }, parts);
    else await deleteUnserved(crd, parts);
  } catch (error) {
    return { condition: terminating('True', 'InstanceDeletionFailed', `could not issue all deletes: ${messageOf(error)}`), done: false };
  }
  const { runtime, signal } = parts;
  for (const until = runtime.clock.now() + patienceMs; await anyLeft(crd, parts); ) {
    if (signal.aborted || runtime.clock.now() >= until) return { condition: terminating('True', 'InstanceDeletionCheck', 'could not confirm zero CustomResources remaining: context deadline exceeded'), done: false };
    await runtime.clock.sleep(pollMs, signal).catch(() => {});
  }
  return { condition: terminating('False', 'InstanceDeletionCompleted', 'removed all instances'), done: true };
}

/** Through the API, so that what stands in the objects' way is heeded. */
async function deleteServed(type: ResourceType, { registry, client }: InstanceParts): Promise<void> {
  const namespaces = new Set<string>();
  registry.of(type)!.stored!.cache.scan('', undefined, (entry) => void namespaces.add(entry.namespace));
  const failures: unknown[] = [];
  for (const namespace of namespaces) await client.deleteCollection(type, namespace).catch((error: unknown) => failures.push(error));
  if (failures.length) throw failures[0];
}

const rangeOf = ({ spec }: CustomResourceDefinition) => prefixRange(`/registry/${spec.group}/${spec.names.plural}/`);

/** No path leads to them, so nobody could release them either. */
async function deleteUnserved(crd: CustomResourceDefinition, { store }: InstanceParts): Promise<void> {
  const { entries } = await store.range(rangeOf(crd), {});
  for (const entry of entries) await store.delete(entry.key, { ifRevision: entry.modRevision });
}

async function anyLeft(crd: CustomResourceDefinition, { store }: InstanceParts): Promise<boolean> {
  const { entries } = await store.range(rangeOf(crd), { limit: 1 });
  return entries.length > 0;
}
