import { alreadyExistsError, type ApiResponse, badRequestError, type FieldError, forbiddenError, invalidError, isAlreadyExists, type KubeObject, parseApiVersion, StatusError } from '@pilothouse/apimachinery';
import type { CachedObject } from '../cache/cached-object.ts';
import type { ServedResource } from '../registry.ts';
import type { WriteContext } from '../contract.ts';
import { decodeBody, settleEmptyLists } from '../objects/decode.ts';
import { dedupOwnerReferences } from '../objects/owner-references.ts';
import { createFailure, mayBeWritten, putObject, unwritten } from '../objects/storage.ts';
import { fillSystemFields, generatedName, validateCommon, wipeSystemFields } from '../objects/system-fields.ts';
import { plainError } from '../request/errors.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import { admit, mutate } from './admit.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { checkAfterAdmission, trackCreate } from './field-tracking.ts';
import { prepareViews, storedForm, viewOf } from './view.ts';
import { writeContext } from './write-context.ts';

/** How often a drawn name that is taken is drawn anew. */
const nameTries = 8;

/** Creates the object in the body. */
export async function createObject(call: Call): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const options = writeOptions(info.query, 'CreateOptions');
  const { group, version, kind } = resource.definition.type;
  const object = decodeBody(request, { group, version, kind, codec: resource.codec }, options.fieldValidation, call.warnings);
  const created = await createDecoded(call, object, options);
  return answerObject(call, viewOf(resource, created), 201);
}

/** The object's namespace must be the request's, or unsaid. @throws StatusError 400 */
export function placeInNamespace(call: Call, object: KubeObject): void {
  const { info, resource } = call;
  const { metadata } = object;
  if (!resource.definition.type.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (!metadata.namespace) metadata.namespace = info.namespace;
  else if (metadata.namespace !== info.namespace) throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
}

/** Takes a decoded object through defaults, admission, preparation and validation into the store. */
export async function createDecoded(call: Call, object: KubeObject, options: WriteOptions, forced: { name?: string; /** managedFields are as they shall be. */ tracked?: boolean; /** The request asks for an update: whether it may create is still to be asked. */ byUpdate?: boolean } = {}): Promise<CachedObject> {
  const { resource, core } = call;
  const { definition } = resource;
  const { strategy } = definition;
  wipeSystemFields(object);
  placeInNamespace(call, object);
  if (forced.name) object.metadata.name = forced.name;
  strategy.defaults?.(object);
  dedupOwnerReferences(object, false, call.warnings);
  if (!forced.tracked) trackCreate(call, object, options.fieldManager);
  const managers = object.metadata.managedFields;
  const mutated = mutate(call, { operation: 'CREATE', subresource: '', object, old: undefined, dryRun: options.dryRun, options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', ...createOptionsOf(options) } });
  const replaced = mutated instanceof Promise ? await mutated : mutated;
  if (core.admission.length) {
    checkAfterAdmission(call, object, managers);
    dedupOwnerReferences(object, true, call.warnings);
    if (replaced) {
      resource.codec.defaults(object);
      strategy.defaults?.(object);
    }
  }
  const context = writeContext(call, options.dryRun);
  const generateName = object.metadata.name ? '' : (object.metadata.generateName ?? '');
  for (let attempt = 1; ; attempt++) {
    if (generateName) object.metadata.name = generatedName(generateName, core.random);
    try {
      return await prepareAndStore(call, object, context, options, forced.byUpdate === true);
    } catch (error) {
      if (!generateName || !isAlreadyExists(error)) throw error;
      if (attempt >= nameTries) throw generatedNameConflict(resource, object.metadata.name ?? '');
    }
  }
}

/** Every name that was drawn is taken. */
const generatedNameConflict = ({ subject }: ServedResource, name: string): StatusError => {
  const { status } = alreadyExistsError(subject, name);
  return new StatusError({ ...status, message: `${status.message}, the server was not able to generate a unique name for the object`, details: { ...status.details, retryAfterSeconds: 1 } }, { headers: { 'retry-after': '1' } });
};

const createOptionsOf = ({ dryRun, fieldManager, fieldValidation }: WriteOptions): Record<string, unknown> => ({ ...(dryRun && { dryRun: ['All'] }), ...(fieldManager && { fieldManager }), fieldValidation });

async function prepareAndStore(call: Call, object: KubeObject, context: WriteContext, options: WriteOptions, byUpdate: boolean): Promise<CachedObject> {
  const { resource, core } = call;
  const { strategy, type } = resource.definition;
  fillSystemFields(object, core);
  if (strategy.generation) object.metadata.generation = 1;
  strategy.prepareForCreate?.(object, context);
  const asked = object.metadata.resourceVersion;
  delete object.metadata.resourceVersion;
  const rights = validateNew(resource, object, context);
  if (rights) await rights;
  for (const text of strategy.warnings?.(object, undefined) ?? []) call.warnings.push(text);
  if (byUpdate) await authorizeCreate(call);
  const admitted = admit(call, { operation: 'CREATE', subresource: '', object, old: undefined, dryRun: options.dryRun, options: createOptionsOf(options), name: object.metadata.name ?? '' });
  if (admitted) await admitted;
  if (resource.codec.statesKind && asked && asked !== '0') throw plainError('resourceVersion should not be set on objects to be created');
  return storeNew(call, object, context, options.dryRun, type.namespaced);
}

/** An update or apply of what does not exist needs leave to create it. @throws StatusError 403 */
async function authorizeCreate({ core, info, user, resource }: Call): Promise<void> {
  const { decision, reason = '' } = await core.authorize({ user, verb: 'create', isResource: true, path: info.path, group: info.group, version: info.version, resource: info.resource, subresource: info.subresource, namespace: info.namespace, name: info.name });
  if (decision !== 'allow') throw forbiddenError(resource.subject, info.name, reason);
}

/** Findings name the kind as it is stored: events of the newer group report as the older. Custom resources report as what they say they are. */
export function kindInErrors({ definition, stored, codec }: ServedResource, object: KubeObject): { group: string; kind: string } {
  if (codec.statesKind) return { group: parseApiVersion(object.apiVersion ?? '').group, kind: object.kind ?? '' };
  return (stored?.definition ?? definition).type;
}

/** The answer, where there is one, says whether the user has the rights that the object takes. @throws StatusError */
function validateNew(resource: ServedResource, object: KubeObject, context: WriteContext): Promise<void> | undefined {
  const { strategy } = resource.definition;
  const own = [...(resource.codec.validate?.(object, undefined) ?? []), ...(strategy.validate?.(object, context) ?? [])];
  if (strategy.withRights) return strategy.withRights(own, object, undefined, context).then((all) => refuseNew(resource, object, all));
  refuseNew(resource, object, own);
  return undefined;
}

function refuseNew(resource: ServedResource, object: KubeObject, own: FieldError[]): void {
  const { type } = resource.definition;
  if (own.length) throw invalidError(kindInErrors(resource, object), object.metadata.name ?? '', own);
  const common = validateCommon(object, type.namespaced);
  if (common.length) throw invalidError(kindInErrors(resource, object), object.metadata.name ?? '', common);
}

async function storeNew(call: Call, object: KubeObject, context: WriteContext, dryRun: boolean, namespaced: boolean): Promise<CachedObject> {
  const { resource, core } = call;
  const stored = resource.stored!;
  const name = object.metadata.name ?? '';
  const taken = await resource.definition.strategy.begin?.(object, undefined, context);
  try {
    settleEmptyLists(resource.codec, object);
    const toStore = resource.conversion ? await storedForm(resource, object) : object;
    let result: CachedObject;
    if (dryRun) {
      await taken?.rollback();
      if (stored.cache.get(namespaced ? (object.metadata.namespace ?? '') : '', name)) throw alreadyExistsError(resource.subject, name);
      result = unwritten(stored, toStore, 0);
    } else {
      result = await putObject(core.store, stored, toStore, 0);
      await taken?.commit();
    }
    const ready = prepareViews(resource, [result]);
    if (ready) await ready;
    return result;
  } catch (error) {
    if (!dryRun && !mayBeWritten(error)) await taken?.rollback();
    throw createFailure(error, resource, name);
  }
}
