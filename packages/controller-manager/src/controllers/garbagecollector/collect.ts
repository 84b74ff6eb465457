/** What the garbage collector does about one object: deletes it, frees it of references, or leaves it. */
import type { ObjectMeta, OwnerReference } from '@pilothouse/apimachinery';
import { isConflict, isNotFound, type KubeObject, StatusError } from '@pilothouse/apimachinery';
import { type Client, retryOnConflict } from '@pilothouse/client';
import type { Clock } from '@pilothouse/base';
import { semanticallyEqual } from '@pilothouse/controller-runtime';
import type { CatalogEntry, ResourceCatalog } from '../../resource-catalog.ts';
import { blockingDependents, foregroundFinalizer, type GraphNode, type Identity, orphanFinalizer, type OwnerGraph } from './graph.ts';

export interface CollectorParts {
  client: Client;
  clock: Clock;
  graph: OwnerGraph;
  catalog: ResourceCatalog;
  /** Puts a node up for examination. */
  examine(node: GraphNode): void;
  signal: AbortSignal;
}

/** Thrown for an owner of a kind that nobody serves (yet). */
export class UnknownKind extends Error {}

const entryOf = ({ catalog }: CollectorParts, { apiVersion, kind }: { apiVersion: string; kind: string }): CatalogEntry => {
  const entry = catalog.find(apiVersion, kind);
  if (!entry) throw new UnknownKind(`unable to get REST mapping for ${apiVersion}/${kind}.`);
  return entry;
};

const scopeOf = (entry: CatalogEntry, namespace: string) => ({ namespace: entry.type.namespaced ? namespace : undefined });

/** Undefined where there is none of that uid. */
async function live(parts: CollectorParts, identity: Identity): Promise<KubeObject | undefined> {
  const entry = entryOf(parts, identity);
  if (entry.type.namespaced && !identity.namespace) return undefined;
  try {
    const object = await parts.client.get<KubeObject>(entry.type, identity.name, { ...scopeOf(entry, identity.namespace), signal: parts.signal });
    return object.metadata.uid === identity.uid ? object : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Looks whether the node's object has lost its owners or waits for its dependents. True: settled; false: look again (not seen by an informer yet). */
export async function examine(node: GraphNode, parts: CollectorParts): Promise<boolean> {
  const { graph } = parts;
  if (node.beingDeleted && !node.deletingDependents) return true;
  const { identity } = node;
  const latest = await live(parts, identity);
  if (!latest) {
    graph.disprove(identity);
    return true;
  }
  if (node.deletingDependents) {
    await advanceForeground(node, parts);
    return true;
  }
  const refs = latest.metadata.ownerReferences ?? [];
  if (refs.length) await decide(node, latest.metadata, refs, parts);
  return !node.virtual;
}

async function advanceForeground(node: GraphNode, parts: CollectorParts): Promise<void> {
  const blocking = blockingDependents(node);
  if (!blocking.length) return removeFinalizer(node.identity, foregroundFinalizer, parts);
  for (const child of blocking) if (!child.deletingDependents) parts.examine(child);
}

async function decide(node: GraphNode, latest: ObjectMeta, refs: readonly OwnerReference[], parts: CollectorParts): Promise<void> {
  const solid: OwnerReference[] = [];
  const dangling: OwnerReference[] = [];
  const waiting: OwnerReference[] = [];
  for (const ref of refs) {
    const owner = await ownerOf(ref, node.identity, parts);
    if (owner === 'misplaced') return;
    if (!owner) dangling.push(ref);
    else if (owner.deletionTimestamp && owner.finalizers?.includes(foregroundFinalizer)) waiting.push(ref);
    else solid.push(ref);
  }
  if (solid.length) {
    // References to those that wait must go too, or they would wait for ever.
    if (dangling.length || waiting.length) await dropReferences(node, [...dangling, ...waiting].map((ref) => ref.uid), parts);
    return;
  }
  if (waiting.length && node.dependents.size) {
    // A circle in foreground deletion would block itself: its references are made to block nothing.
    if ([...node.dependents].some((child) => child.deletingDependents)) await unblock(node, parts);
    return remove(node, latest, 'Foreground', parts);
  }
  const policy = latest.finalizers?.includes(orphanFinalizer) ? 'Orphan' : latest.finalizers?.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
  await remove(node, latest, policy, parts);
}

/** The owner's metadata; undefined where there is none such; `misplaced` for a namespaced owner of what has no namespace. */
async function ownerOf(ref: OwnerReference, child: Identity, parts: CollectorParts): Promise<ObjectMeta | undefined | 'misplaced'> {
  const identity: Identity = { apiVersion: ref.apiVersion, kind: ref.kind, name: ref.name, uid: ref.uid, namespace: child.namespace };
  const clusterWide = { ...identity, namespace: '' };
  if (parts.graph.isAbsent(clusterWide) || parts.graph.isAbsent(identity)) return undefined;
  const { type } = entryOf(parts, ref);
  if (type.namespaced && !child.namespace) return 'misplaced';
  const found = await live(parts, type.namespaced ? identity : clusterWide);
  if (!found) parts.graph.noteAbsent(type.namespaced ? identity : clusterWide);
  return found?.metadata;
}

async function remove(node: GraphNode, latest: ObjectMeta, propagationPolicy: 'Background' | 'Foreground' | 'Orphan', parts: CollectorParts): Promise<void> {
  const { identity } = node;
  const entry = entryOf(parts, identity);
  const attempt = (resourceVersion?: string) =>
    parts.client.delete(entry.type, identity.name, { ...scopeOf(entry, identity.namespace), propagationPolicy, preconditions: { uid: identity.uid, ...(resourceVersion && { resourceVersion }) }, signal: parts.signal });
  try {
    await attempt(latest.resourceVersion).catch(async (error) => {
      if (!isConflict(error)) throw error;
      const now = await live(parts, identity);
      if (!now) return parts.graph.disprove(identity);
      // Changed, but not in what the decision rests on: busy objects must not escape.
      if (semanticallyEqual(now.metadata.ownerReferences, latest.ownerReferences)) return attempt();
      throw error;
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    parts.graph.disprove(identity);
  }
}

/** Strategic merge where the kind knows it, else a merge patch over the newest version. */
async function patchReferences(identity: Identity, strategic: OwnerReference[] | unknown[], next: (refs: readonly OwnerReference[]) => OwnerReference[], parts: CollectorParts): Promise<void> {
  const entry = entryOf(parts, identity);
  const scope = scopeOf(entry, identity.namespace);
  try {
    if (entry.custom) throw new StatusError({ code: 415, reason: 'UnsupportedMediaType', metadata: {} });
    await parts.client.patch(entry.type, identity.name, { metadata: { uid: identity.uid, ownerReferences: strategic } }, { ...scope, type: 'strategic', signal: parts.signal });
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 415) throw error;
    const object = await live(parts, identity);
    if (!object) return;
    await parts.client.patch(entry.type, identity.name, { metadata: { resourceVersion: object.metadata.resourceVersion, ownerReferences: next(object.metadata.ownerReferences ?? []) } }, { ...scope, type: 'merge', signal: parts.signal });
  }
}

const dropReferences = (node: GraphNode, uids: readonly string[], parts: CollectorParts): Promise<void> =>
  patchReferences(node.identity, uids.map((uid) => ({ $patch: 'delete', uid })), (refs) => refs.filter((ref) => !uids.includes(ref.uid)), parts);

const unblock = (node: GraphNode, parts: CollectorParts): Promise<void> =>
  patchReferences(node.identity, node.owners.filter((ref) => ref.blockOwnerDeletion).map((ref) => ({ ...ref, blockOwnerDeletion: false })), (refs) => refs.map((ref) => ({ ...ref, blockOwnerDeletion: false })), parts);

/** Frees the dependents of an object that is deleted with `Orphan`, then lets it go. */
export async function orphan(node: GraphNode, parts: CollectorParts): Promise<void> {
  const results = await Promise.allSettled([...node.dependents].map((child) => dropReferences(child, [node.identity.uid], parts)));
  const failed = results.find((result) => result.status === 'rejected' && !isNotFound(result.reason));
  if (failed) throw new Error(`failed to orphan dependents of owner ${node.identity.kind} ${node.identity.namespace}/${node.identity.name}`, { cause: (failed as PromiseRejectedResult).reason });
  await removeFinalizer(node.identity, orphanFinalizer, parts);
}

async function removeFinalizer(identity: Identity, finalizer: string, parts: CollectorParts): Promise<void> {
  await retryOnConflict(parts.clock, async () => {
    const object = await live(parts, identity);
    if (!object?.metadata.finalizers?.includes(finalizer)) return;
    const entry = entryOf(parts, identity);
    const patch = { metadata: { resourceVersion: object.metadata.resourceVersion, finalizers: object.metadata.finalizers.filter((f) => f !== finalizer) } };
    await parts.client.patch(entry.type, identity.name, patch, { ...scopeOf(entry, identity.namespace), type: 'merge', signal: parts.signal });
  });
}
