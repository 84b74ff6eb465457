import { type ApiRequest, applyMergePatch, badRequestError, parseJson, type KubeObject, unsupportedMediaTypeError } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base/errors';

const mergePatch = 'application/merge-patch+json';

/** The request with the patched object for a body. Only JSON merge patches are known, as kubectl sends for types that it does not know. @throws StatusError 400, 415 */
export function mergedBody(request: ApiRequest, current: KubeObject): ApiRequest {
  const type = String(request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type !== mergePatch) throw unsupportedMediaTypeError(`the body of the request was in an unknown format - accepted media types include: ${mergePatch}`);
  let patch: unknown;
  try {
    patch = request.bodyObject ?? parseJson(request.body ?? new Uint8Array());
  } catch (error) {
    throw badRequestError(`error decoding patch: ${messageOf(error)}`);
  }
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) throw badRequestError('error decoding patch: an object is needed');
  // A version that the patch does not state is not the client's to be held to.
  const { resourceVersion: _current, ...metadata } = current.metadata;
  return { ...request, headers: { ...request.headers, 'content-type': 'application/json' }, bodyObject: applyMergePatch({ ...current, metadata } as never, patch) };
}
