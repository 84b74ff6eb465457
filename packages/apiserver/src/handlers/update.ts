import { type ApiResponse, badRequestError, type KubeObject } from '@pilothouse/apimachinery';
import { copyDecoded, decodeBody, settleEmptyLists } from '../objects/decode.ts';
import { writeOptions } from '../request/write-options.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { placeInNamespace } from './create.ts';
import { trackUpdate } from './field-tracking.ts';
import { partOf } from './subresources/parts.ts';
import { updateStored } from './update-stored.ts';
import { viewOf } from './view.ts';

/** Replaces the object (or the part of it that the subresource is about) by the one in the body. */
export async function updateObject(call: Call, subresource = ''): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const options = writeOptions(info.query, 'UpdateOptions');
  const { group, version, kind } = resource.definition.type;
  const decoded = decodeBody<KubeObject>(request, { group, version, kind, codec: resource.codec }, options.fieldValidation, call.warnings);
  checkName(call, decoded);
  placeInNamespace(call, decoded);
  const { strategy } = resource.definition;
  const { entry, created } = await updateStored(call, {
    name: info.name,
    subresource,
    options,
    ...(decoded.metadata.uid && { uid: decoded.metadata.uid }),
    create: subresource === '' && strategy.allowCreateOnUpdate === true,
    change: (old) => {
      const object = copyDecoded(decoded);
      strategy.defaults?.(object);
      const changed = old ? partOf(resource, subresource, object, old) : object;
      if (old) {
        trackUpdate(call, changed, old, options.fieldManager, subresource);
        settleEmptyLists(resource.codec, changed, decoded);
      }
      return changed;
    },
  });
  return answerObject(call, viewOf(resource, entry), created ? 201 : 200);
}

/** The body must name what the path names. @throws StatusError 400 */
export function checkName({ info, resource }: Call, object: KubeObject): void {
  const { name = '', namespace = '' } = object.metadata;
  if (resource.definition.type.namespaced && namespace && namespace !== info.namespace) throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  if (!name) throw badRequestError(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`);
  if (name !== info.name) throw badRequestError(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
}
