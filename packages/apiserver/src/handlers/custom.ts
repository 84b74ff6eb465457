import { badRequestError, methodNotSupportedError, notFoundError } from '@pilothouse/apimachinery';
import { textAnswer } from '../request/respond.ts';
import type { Call, Handler } from './call.ts';
import { getObject } from './get.ts';
import { objectVerbs } from './object-verbs.ts';
import { patchObject } from './patch.ts';
import { getScale, patchScale, updateScale } from './subresources/scale.ts';
import { updateObject } from './update.ts';

type Verbs = Readonly<Record<string, Handler>>;

const subresourceVerbs: Readonly<Record<string, Verbs>> = {
  status: { get: getObject, update: (call) => updateObject(call, 'status'), patch: (call) => patchObject(call, 'status') },
  scale: { get: getScale, update: updateScale, patch: patchScale },
};

/** No path of any custom resource. */
const noPage: Handler = () => textAnswer('404 page not found\n', 404);

/**
 * The handler of a request to a custom resource. Upstream serves these by the request's parts alone, without a route for
 * each: so what is no path of theirs is answered in words of its own. @throws StatusError 400, 404, 405
 */
export function customHandler({ info, resource }: Call): Handler {
  const { definition, subject } = resource;
  const { namespaced } = definition.type;
  const acrossNamespaces = info.verb === 'list' || info.verb === 'watch';
  if (namespaced ? !info.namespace && !acrossNamespaces : info.namespace) return noPage;
  const served = !info.subresource || definition.subresources.some(({ name }) => name === info.subresource);
  const verbs = served ? (info.subresource ? subresourceVerbs[info.subresource] : objectVerbs) : undefined;
  if (!verbs) throw notFoundError(subject, info.name);
  const handler = verbs[info.verb];
  if (!handler) throw methodNotSupportedError(subject, info.verb);
  if (!info.name && (info.verb === 'update' || info.verb === 'patch')) throw badRequestError('name must be provided');
  return handler;
}
