import { type ApiResponse, apiVersionOf, invalidError, type KubeObject } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { VirtualContext } from '../contract.ts';
import { inWireOrder } from '../cache/encoding.ts';
import { builtinCodec } from '../objects/codec.ts';
import { decodeBody } from '../objects/decode.ts';
import { wipeSystemFields } from '../objects/system-fields.ts';
import { methodNotAllowed } from '../request/errors.ts';
import { writeOptions } from '../request/write-options.ts';
import { admit, mutate } from './admit.ts';
import { answerValue } from './answer.ts';
import { placeInNamespace } from './create.ts';
import type { Call } from './call.ts';
import { trackBody, trackCreate } from './field-tracking.ts';
import { writeContext } from './write-context.ts';

/** Creates that are answered by computing: the body goes through admission to the handler registered for the resource. */
export async function createVirtual(call: Call): Promise<ApiResponse> {
  const { core, resource, request, info } = call;
  const { group, plural } = resource.subject;
  const handler = core.virtualHandlers.find((h) => h.group === group && h.plural === plural && h.subresource === info.subresource);
  if (!handler) throw methodNotAllowed();
  const options = writeOptions(info.query, 'CreateOptions');
  const facts = info.subresource ? resource.definition.subresources.find((s) => s.name === info.subresource) : undefined;
  const type = facts ? { group: facts.bodyGroup ?? group, version: facts.bodyVersion ?? resource.definition.type.version, kind: facts.kind } : resource.definition.type;
  const codec = facts ? builtinCodec(typeOfKind(type.group, type.version, type.kind)!.name) : resource.codec;
  const object = decodeBody<KubeObject>(request, { group: type.group, version: type.version, kind: type.kind, codec }, options.fieldValidation, call.warnings);
  const { strategy } = resource.definition;
  if (!facts) strategy.defaults?.(object);
  wipeSystemFields(object);
  placeInNamespace(call, object);
  const admission = { operation: 'CREATE' as const, subresource: info.subresource, object, old: undefined, dryRun: options.dryRun, options: {} };
  handler.defaults?.(object);
  if (!facts) trackCreate(call, object, options.fieldManager);
  else {
    const apiVersion = apiVersionOf(type.group, type.version);
    const schema = typeOfKind(type.group, type.version, type.kind)!.name;
    trackBody(call, object, options.fieldManager, { schema, apiVersion, kind: type.kind, empty: codec.decode({ kind: type.kind, apiVersion }).object, subresource: info.subresource });
  }
  await mutate(call, admission);
  const context = writeContext(call, options.dryRun, info.subresource);
  const errors = facts ? [] : (strategy.validate?.(object, context) ?? []);
  if (errors.length) throw invalidError(type, object.metadata.name ?? '', errors);
  const virtual: VirtualContext = { clock: core.clock, random: core.random, log: core.log, request, user: call.user, namespace: info.namespace, name: info.subresource ? info.name : '', object, dryRun: options.dryRun, read: core.read, admit: async () => admit(call, admission) };
  return answerValue(call, inWireOrder((await handler.create(virtual)) as KubeObject), 201);
}
