import { methodNotAllowed, noSuchRoute } from '../../request/errors.ts';
import { getObject } from '../get.ts';
import type { Call, Handler } from '../call.ts';
import { patchObject } from '../patch.ts';
import { updateObject } from '../update.ts';
import { createVirtual } from '../virtual.ts';
import { finalizeNamespace } from './namespace.ts';

/** What answers a subresource, by verb. Keys: `*` for any resource, else `plural.group`; then the subresource. */
const builtin: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  '*/status': { get: getObject, update: (call) => updateObject(call, 'status'), patch: (call) => patchObject(call, 'status') },
  'namespaces/finalize': { update: finalizeNamespace },
};

/** @throws StatusError 404 where the resource has no such subresource, 405 where that does not know the verb */
export function subresourceHandler(call: Call): Handler {
  const { info, resource, core } = call;
  const { definition, subject } = resource;
  const facts = definition.subresources.find((s) => s.name === info.subresource);
  if (!facts) throw noSuchRoute();
  if (definition.type.namespaced ? !info.namespace : info.namespace && info.resource !== 'namespaces') throw noSuchRoute();
  const name = subject.group ? `${subject.plural}.${subject.group}` : subject.plural;
  const handlers = builtin[`${name}/${info.subresource}`] ?? builtin[`*/${info.subresource}`];
  if (info.parts.length > 3) throw noSuchRoute();
  const handler = handlers?.[info.verb];
  if (handler && facts.verbs.includes(info.verb)) return handler;
  if (info.verb === 'create' && core.virtualHandlers.some((h) => h.group === subject.group && h.plural === subject.plural && h.subresource === info.subresource)) return createVirtual;
  throw methodNotAllowed();
}
