import type { ApiResponse, KubeObject } from '@pilothouse/apimachinery';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import { formatTime } from '@pilothouse/base';
import type { CachedObject } from '../../cache/cached-object.ts';
import { putObject, unwritten } from '../../objects/storage.ts';
import type { Call } from '../call.ts';
import type { Deleted } from '../delete.ts';
import { collectionFinalizers } from '../deletion.ts';
import { updateObject } from '../update.ts';

interface NamespaceObject extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: string };
}

/**
 * The first step of a namespace's deletion: it is marked and Terminating, and stays until its contents are gone.
 * Undefined: nothing holds it any longer, it can be deleted as anything else. Changes `object`.
 */
export async function startNamespaceDeletion(call: Call, current: CachedObject, object: KubeObject, options: DeleteOptions): Promise<Deleted | undefined> {
  const namespace = object as NamespaceObject;
  const { metadata } = namespace;
  const stored = call.resource.stored!;
  if (!metadata.deletionTimestamp) {
    metadata.deletionTimestamp = formatTime(call.core.clock.now());
    namespace.status = { ...namespace.status, phase: 'Terminating' };
    const finalizers = collectionFinalizers(call.resource.definition, object, options);
    if (finalizers) metadata.finalizers = finalizers;
    const entry = options.dryRun?.length ? unwritten(stored, object, current.revision) : await putObject(call.core.store, stored, object, current.revision);
    return { entry, gone: false };
  }
  if (namespace.spec?.finalizers?.length || metadata.finalizers?.length) return { entry: current, gone: false };
  return undefined;
}

/** PUT namespaces/x/finalize: an update that may change spec.finalizers too. Paths of namespaces name no namespace that they lie in. */
export const finalizeNamespace = (call: Call): Promise<ApiResponse> => updateObject({ ...call, info: { ...call.info, namespace: '' } }, 'finalize');
