import { type ApiResponse, badRequestError, conflictError, duplicateYamlKeys, invalid, invalidError, jsonKind, type KubeObject, parseYaml, StatusError, unstructuredError } from '@pilothouse/apimachinery';
import { builtinTypes, type TypeSchema } from '@pilothouse/api-schemas';
import { messageOf } from '@pilothouse/base';
import { cloneJson } from '../objects/clone.ts';
import { type BodyKind, decodeValue, settleEmptyLists } from '../objects/decode.ts';
import { bareMediaType, unsupportedBody } from '../request/body.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { checkName } from './update.ts';
import { applied, trackUpdate } from './field-tracking.ts';
import { readPatch } from './patch-body.ts';
import { partOf } from './subresources/parts.ts';
import { updateStored } from './update-stored.ts';
import { viewOf } from './view.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The kind of patch that the body's type says; undefined for any other type. */
function patchTypeOf({ headers }: Pick<Call['request'], 'headers'>): PatchType | undefined {
  const type = bareMediaType(headers['content-type']);
  return Object.hasOwn(patchTypes, type) ? patchTypes[type] : undefined;
}

const unsupportedPatch = (custom: boolean): StatusError => custom ? unsupportedBody(Object.keys(patchTypes).filter((type) => patchTypes[type] !== 'strategic')) : new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: '415: Unsupported Media Type', reason: 'UnsupportedMediaType', details: {}, code: 415 });

/** The same, where the resource takes it: custom ones have no Go type to merge by strategically. @throws StatusError 415 */
export function acceptedPatch({ request, resource }: Call): PatchType {
  const custom = resource.codec.statesKind === true;
  const type = patchTypeOf(request);
  if (!type || (custom && type === 'strategic')) throw unsupportedPatch(custom);
  return type;
}

/** Changes the object as the patch in the body says; an apply creates what does not exist. */
export async function patchObject(call: Call, subresource = ''): Promise<ApiResponse> {
  const { resource, info } = call;
  const type = acceptedPatch(call);
  const options = writeOptions(info.query, 'PatchOptions', type === 'apply');
  const patched = patcher(call, type, options, subresource);
  const { entry, created } = await updateStored(call, {
    name: info.name,
    subresource,
    options,
    create: type === 'apply' && subresource === '',
    tracked: true,
    change: (old) => {
      const object = patched(old);
      resource.definition.strategy.defaults?.(object);
      const changed = old ? partOf(resource, subresource, object, old) : object;
      if (type !== 'apply') trackUpdate(call, changed, old!, options.fieldManager, subresource);
      settleEmptyLists(resource.codec, changed, object);
      return changed;
    },
  });
  return answerObject(call, viewOf(resource, entry), created ? 201 : 200);
}

/** A function from an object to the patched object, checked and decoded. */
export function patcher(call: Call, type: PatchType, options: WriteOptions, subresource: string): (old: KubeObject | undefined) => KubeObject {
  const { definition, codec } = call.resource;
  if (type === 'apply') return applier(call, options, subresource);
  const { group, version, kind } = definition.type;
  const patched = bodyPatcher(call, type, options, { group, version, kind, codec }, definition.codec ? undefined : builtinTypes.get(definition.schema));
  return (old) => patched(old!);
}

/** As `patcher`, for what is patched by a body: objects of the kind expected. `schema`: a built-in type's. */
export function bodyPatcher(call: Call, type: Exclude<PatchType, 'apply'>, options: WriteOptions, expected: BodyKind, schema: TypeSchema | undefined): (old: KubeObject) => KubeObject {
  if (type === 'strategic' && !schema) throw unsupportedPatch(true);
  const patch = readPatch(call, type, options, { codec: expected.codec, schema });
  return (old) => {
    const document = cloneJson(old) as KubeObject & Record<string, unknown>;
    const value = patch.apply(document);
    // Its kind is its type's, whatever the patch says of it.
    if (type === 'strategic') Object.assign(value as object, { kind: document.kind, apiVersion: document.apiVersion });
    const refuse = (why: string): never => {
      throw invalidError({ group: '', kind: '' }, '', [invalid('patch', patch.shown(old as KubeObject & Record<string, unknown>), why)]);
    };
    const unknownFields: string[] = [];
    let object: KubeObject;
    try {
      object = decodeValue<KubeObject>({ value, duplicateFields: [] }, expected, 'Warn', unknownFields);
    } catch (error) {
      return refuse((type === 'strategic' && unstructuredError(schema!, value)) || reasonOf(error));
    }
    const findings = [...patch.findings, ...(type === 'strategic' ? unknownFields.sort() : unknownFields)];
    if (findings.length && options.fieldValidation === 'Strict') refuse(`strict decoding error: ${findings.join(', ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...findings);
    checkName(call, object);
    return object;
  };
}

/** Why a value cannot be read, without what the error says around it. */
const reasonOf = (error: unknown): string => messageOf((error as { cause?: unknown }).cause ?? error);

/** A server-side apply as a function from what there is (undefined: nothing) to what it becomes. */
function applier(call: Call, options: WriteOptions, subresource: string): (old: KubeObject | undefined) => KubeObject {
  const { resource, info } = call;
  const { group, version, kind } = resource.definition.type;
  const expected = { group, version, kind, codec: resource.codec };
  const { value, duplicateKeys } = readApply(call, options);
  return (old) => {
    const uid = (value.metadata as { uid?: string } | undefined)?.uid;
    if (!old && uid) throw conflictError(resource.subject, info.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    const merged = applied(call, old, value, { manager: options.fieldManager, force: options.force === true, subresource });
    if (duplicateKeys.length && options.fieldValidation === 'Strict') throw badRequestError(`error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${duplicateKeys.join('\n  ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...duplicateKeys);
    const object = decodeValue<KubeObject>({ value: merged, duplicateFields: [] }, expected, 'Ignore', []);
    if (!object.metadata.name) object.metadata.name = info.name;
    checkName(call, object);
    return object;
  };
}

/** The YAML body of an apply, as an object, and the keys that stand in it twice. */
export function readApply({ request }: Call, options: WriteOptions): { value: Record<string, unknown>; duplicateKeys: readonly string[] } {
  const { bodyObject } = request;
  if (bodyObject !== undefined) return { value: bodyObject as Record<string, unknown>, duplicateKeys: [] };
  const text = Buffer.from(request.body ?? new Uint8Array()).toString();
  let value: unknown;
  let duplicateKeys: readonly string[];
  try {
    value = parseYaml(text) ?? {};
    duplicateKeys = options.fieldValidation === 'Ignore' ? [] : duplicateYamlKeys(text);
  } catch (error) {
    throw badRequestError(`error decoding YAML: error converting YAML to JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequestError(`error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
  return { value: value as Record<string, unknown>, duplicateKeys };
}
