import { badRequestError, goQuote, pathSegmentName } from '@pilothouse/apimachinery';
import { methodNotAllowed, noSuchRoute } from '../request/errors.ts';
import type { Call, Handler } from './call.ts';
import { getComponentStatus, listComponentStatuses } from './component-statuses.ts';
import { customHandler } from './custom.ts';
import { objectVerbs } from './object-verbs.ts';
import { bindPod } from './subresources/binding.ts';
import { subresourceHandler } from './subresources/index.ts';
import { createVirtual } from './virtual.ts';

/**
 * The handler of a request, by its verb and subresource.
 * @throws StatusError 404 where no route has the path's form, 405 where the resource does not know the verb
 */
export function handlerOf(call: Call): Handler {
  const { info, resource } = call;
  const { facts } = resource.definition;
  if (info.verb === 'proxy') throw noSuchRoute();
  if (resource.codec.statesKind) return customHandler(call);
  if (info.parts[1]) checkPathName(info.parts[1]);
  if (info.subresource) return subresourceHandler(call);
  if (info.parts.length > 2) throw noSuchRoute();
  if (info.namespace && !resource.definition.type.namespaced && info.resource !== 'namespaces') throw noSuchRoute();
  if (resource.definition.virtual && info.resource === 'bindings' && info.verb === 'create' && !resource.subject.group && info.namespace && !info.parts[1]) return bindPod;
  if (resource.definition.virtual && info.resource === 'componentstatuses' && !resource.subject.group) {
    if (info.verb === 'list') return listComponentStatuses;
    if (info.verb === 'get') return getComponentStatus;
  }
  if (resource.definition.virtual) {
    if (info.parts[1]) throw noSuchRoute();
    if (info.verb !== 'create' || !facts.verbs.includes('create')) throw methodNotAllowed();
    return createVirtual;
  }
  const onObject = !!info.parts[1];
  const verb = info.verb;
  if (!facts.verbs.includes(verb) || !objectVerbs[verb]) throw methodNotAllowed();
  if (verb === 'create' && (onObject || (resource.definition.type.namespaced && !info.namespace))) throw methodNotAllowed();
  if ((verb === 'update' || verb === 'patch' || verb === 'delete') && !onObject) throw methodNotAllowed();
  if ((verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete') && resource.definition.type.namespaced && !info.namespace) throw noSuchRoute();
  if (verb === 'deletecollection' && resource.definition.type.namespaced && !info.namespace) throw methodNotAllowed();
  return objectVerbs[verb];
}

/** @throws StatusError 400 for a name that no object can have */
function checkPathName(name: string): void {
  const problems = pathSegmentName(name);
  if (problems.length) throw badRequestError(`Name parameter invalid: ${goQuote(name)}: ${problems.join(';')}`);
}
