import { methodNotAllowed, noSuchRoute } from '../../request/errors.ts';
import type { Call, Handler } from '../call.ts';
import { getObject } from '../get.ts';
import { patchObject } from '../patch.ts';
import { updateObject } from '../update.ts';
import { createVirtual } from '../virtual.ts';
import { bindPod } from './binding.ts';
import { connect } from './connect.ts';
import { evictPod } from './eviction.ts';
import { finalizeNamespace } from './namespace.ts';
import { getScale, patchScale, updateScale } from './scale.ts';

/** Reads the whole object; writes the part of it that the subresource is about. */
const partOfObject = (subresource: string): Readonly<Record<string, Handler>> => ({ get: getObject, update: (call) => updateObject(call, subresource), patch: (call) => patchObject(call, subresource) });

/** What answers a subresource, by verb: of any resource (`*`), or of one. */
const handlers: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  '*/status': partOfObject('status'),
  '*/scale': { get: getScale, update: updateScale, patch: patchScale },
  'namespaces/finalize': { update: finalizeNamespace },
  'pods/binding': { create: bindPod },
  'pods/eviction': { create: evictPod },
  'pods/ephemeralcontainers': partOfObject('ephemeralcontainers'),
  'pods/resize': partOfObject('resize'),
  'certificatesigningrequests.certificates.k8s.io/approval': partOfObject('approval'),
};

/** @throws StatusError 404 where the resource has no such subresource, 405 where that does not know the verb */
export function subresourceHandler(call: Call): Handler {
  const { info, resource, core, request } = call;
  const { definition, subject } = resource;
  const facts = definition.subresources.find((s) => s.name === info.subresource);
  if (!facts) throw noSuchRoute();
  if (definition.type.namespaced ? !info.namespace : info.namespace && info.resource !== 'namespaces') throw noSuchRoute();
  const connector = core.connectHandlers.find((h) => h.plural === subject.plural && h.subresource === info.subresource && !subject.group);
  if (connector) {
    if (!connector.methods.includes(request.method)) throw methodNotAllowed();
    return () => connect(call, connector);
  }
  if (info.parts.length > 3) throw noSuchRoute();
  const name = subject.group ? `${subject.plural}.${subject.group}` : subject.plural;
  const handler = (handlers[`${name}/${info.subresource}`] ?? handlers[`*/${info.subresource}`])?.[info.verb];
  if (handler && facts.verbs.includes(info.verb)) return handler;
  if (info.verb === 'create' && core.virtualHandlers.some((h) => h.group === subject.group && h.plural === subject.plural && h.subresource === info.subresource)) return createVirtual;
  throw methodNotAllowed();
}
