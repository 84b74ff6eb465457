import { type ApiResponse, type KubeObject, notFoundError } from '@pilothouse/apimachinery';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import { RevisionConflict, StoreUnavailable } from '@pilothouse/storage';
import type { CachedObject } from '../cache/cached-object.ts';
import { cloneJson } from '../objects/clone.ts';
import { encodeStored } from '../cache/encoding.ts';
import { fromEntry, putObject, readObject, sameAsStored, unwritten } from '../objects/storage.ts';
import { deleteOptions } from '../request/delete-options.ts';
import { admit, mutate } from './admit.ts';
import { answerObject, answerValue, successStatus } from './answer.ts';
import type { Call } from './call.ts';
import { checkPreconditions, collectionFinalizers, markDeleting, markGraceful, orphansByDefault } from './deletion.ts';
import { startNamespaceDeletion } from './subresources/namespace.ts';
import { objectOf, prepareViews, storedForm, viewOf } from './view.ts';
import { writeContext } from './write-context.ts';

/** What a delete left behind. `gone`: nothing; otherwise the object waits for its grace period or its finalizers. */
export interface Deleted {
  entry: CachedObject;
  gone: boolean;
}

/** Kinds whose deletion answers with the object rather than with a Status. */
const answersWithObject = new Set(['pods', 'podtemplates', 'persistentvolumes', 'persistentvolumeclaims', 'resourcequotas', 'serviceaccounts', 'services', 'deviceclasses.resource.k8s.io', 'resourceclaims.resource.k8s.io', 'resourceclaimtemplates.resource.k8s.io', 'resourceslices.resource.k8s.io', 'csidrivers.storage.k8s.io', 'csinodes.storage.k8s.io', 'storageclasses.storage.k8s.io', 'volumeattachments.storage.k8s.io', 'volumeattributesclasses.storage.k8s.io']);

/** Deletes one object. */
export async function deleteObject(call: Call): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const options = deleteOptions(request, info.query);
  const deleted = await deleteStored(call, info.name, options);
  const ready = deleted.gone ? undefined : prepareViews(resource, [deleted.entry]);
  if (ready) await ready;
  const status = !deleted.gone && options.orphanDependents === false ? 202 : 200;
  const { group, plural } = resource.subject;
  if (deleted.gone && !answersWithObject.has(group ? `${plural}.${group}` : plural)) return answerValue(call, deletedStatus(call, deleted.entry), status);
  return answerObject(call, viewOf(resource, deleted.entry), status);
}

function deletedStatus({ resource }: Call, entry: CachedObject): KubeObject {
  const { group, plural } = resource.subject;
  return successStatus({ name: entry.name, ...(group && { group }), kind: plural, uid: entry.parsed.metadata.uid });
}

/** Attempts after which a deletion that is always overtaken gives up. */
const mostAttempts = 100;

/** Takes an object through graceful deletion, finalizers and removal, as far as it goes now. @throws StatusError */
export async function deleteStored(call: Call, name: string, options: DeleteOptions): Promise<Deleted> {
  const { resource, core, info } = call;
  const stored = resource.stored!;
  if (orphansByDefault(resource.definition, options)) call.warnings.push('child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning');
  let current = stored.cache.get(info.namespace, name);
  let fresh = false;
  if (!current) {
    current = await readObject(core.store, stored, info.namespace, name);
    fresh = true;
  }
  for (let attempt = 1; ; attempt++) {
    if (!current) throw notFoundError(resource.subject, name);
    try {
      return await tryDelete(call, current, options);
    } catch (error) {
      if (error instanceof RevisionConflict && attempt < mostAttempts) {
        current = error.current && fromEntry(stored, error.current);
        fresh = true;
        continue;
      }
      // What may have been done must not be answered by what is found afterwards.
      if (fresh || error instanceof StoreUnavailable) throw error;
      const newest = await readObject(core.store, stored, info.namespace, name);
      fresh = true;
      if (newest?.revision === current.revision) throw error;
      current = newest;
    }
  }
}

async function tryDelete(call: Call, current: CachedObject, options: DeleteOptions): Promise<Deleted> {
  const { resource, core } = call;
  const { definition, stored } = { definition: resource.definition, stored: resource.stored! };
  const dryRun = !!options.dryRun?.length;
  const ready = prepareViews(resource, [current]);
  if (ready) await ready;
  const old = objectOf(resource, current);
  // Deletes of a collection name nothing.
  const admission = { operation: 'DELETE' as const, subresource: '', object: undefined, old, dryRun, options: { ...options }, name: call.info.name && current.name };
  await mutate(call, admission);
  await admit(call, admission);
  const object = cloneJson(old);
  if (definition.strategy.startDeletion?.(object, options, core.clock.now())) return { entry: await store(call, object, current, dryRun), gone: false };
  checkPreconditions({ group: resource.subject.group, plural: resource.kind }, old, options);
  if (definition.type.plural === 'namespaces' && !definition.type.group) {
    const waiting = await startNamespaceDeletion(call, current, object, options);
    if (waiting) return waiting;
  }
  const now = core.clock.now();
  const grace = markGraceful(definition, object, options, now);
  if (grace.kind === 'pending') return { entry: current, gone: false };
  const finalizers = collectionFinalizers(definition, object, options);
  if (finalizers) object.metadata.finalizers = finalizers;
  const held = !!object.metadata.finalizers?.length;
  if (!held) delete object.metadata.finalizers;
  let entry = current;
  if (grace.kind === 'graceful' || held) {
    if (grace.kind === 'now') markDeleting(object, now);
    entry = await store(call, object, current, dryRun);
    if (held || (grace.kind === 'graceful' && grace.seconds > 0)) return { entry, gone: false };
  }
  // Of what was first marked as deleted, whoever removes it removes it for this request too.
  if (!dryRun) entry = await remove(call, entry, entry !== current);
  return { entry, gone: true };

  async function store(of: Call, changed: KubeObject, from: CachedObject, dry: boolean): Promise<CachedObject> {
    const toStore = await storedForm(of.resource, changed);
    if (dry) return unwritten(stored, toStore, from.revision);
    const form = encodeStored(toStore);
    if (sameAsStored(toStore, from, form)) return from;
    return putObject(core.store, stored, toStore, from.revision, form);
  }
}

/** Removes from the store. `shared`: what somebody else removed meanwhile counts as removed. @throws RevisionConflict */
async function remove(call: Call, entry: CachedObject, shared: boolean): Promise<CachedObject> {
  const { resource, core } = call;
  let gone: CachedObject = entry;
  try {
    const result = await core.store.delete(entry.key, { ifRevision: entry.revision });
    if (result) gone = entry.atRevision(result.revision);
    await resource.definition.strategy.afterDelete?.(objectOf(resource, entry), writeContext(call, false));
  } catch (error) {
    if (!shared || !(error instanceof RevisionConflict) || error.current) throw error;
  }
  return gone;
}
