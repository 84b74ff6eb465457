import { type ApiResponse, type KubeObject } from '@pilothouse/apimachinery';
import type { DeleteOptions } from '@pilothouse/api-schemas/types/meta/v1';
import { formatTime } from '@pilothouse/base';
import type { CachedObject } from '../../cache/cached-object.ts';
import { cloneJson } from '../../objects/clone.ts';
import { decodeBody } from '../../objects/decode.ts';
import { putObject, unwritten } from '../../objects/storage.ts';
import { writeOptions } from '../../request/write-options.ts';
import { answerObject } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Deleted } from '../delete.ts';
import { collectionFinalizers } from '../deletion.ts';
import { checkName } from '../update.ts';
import { updateStored } from '../update-stored.ts';
import { viewOf } from '../view.ts';

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

/** PUT namespaces/x/finalize: sets spec.finalizers alone. */
export async function finalizeNamespace(call: Call): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const options = writeOptions(info.query, 'UpdateOptions');
  const { group, version, kind } = resource.definition.type;
  const given = decodeBody<NamespaceObject>(request, { group, version, kind, codec: resource.codec }, options.fieldValidation, call.warnings);
  const named = { ...call, info: { ...info, namespace: '' } };
  checkName(named, given);
  const { entry } = await updateStored(named, {
    name: info.name,
    subresource: 'finalize',
    options,
    change: (old) => {
      const object = cloneJson(old) as NamespaceObject;
      object.metadata.resourceVersion = given.metadata.resourceVersion;
      object.spec = { ...object.spec, finalizers: given.spec?.finalizers };
      if (!object.spec.finalizers?.length) delete object.spec.finalizers;
      return object;
    },
  });
  return answerObject(call, viewOf(resource, entry));
}
