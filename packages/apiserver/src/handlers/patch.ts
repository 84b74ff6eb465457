import { type ApiResponse, applyJsonPatch, applyMergePatch, applyStrategicMergePatch, badRequestError, conflictError, type KubeObject, parseJson, readJsonPatch, StatusError } from '@pilothouse/apimachinery';
import { builtinTypes } from '@pilothouse/api-schemas';
import { messageOf } from '@pilothouse/base';
import { cloneJson } from '../objects/clone.ts';
import { decodeValue } from '../objects/decode.ts';
import { bareMediaType } from '../request/body.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { checkName } from './update.ts';
import { applied, trackUpdate } from './field-tracking.ts';
import { onlyStatus } from './subresources/status.ts';
import { updateStored } from './update-stored.ts';
import { viewOf } from './view.ts';
import { fromYaml } from './yaml.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

const unsupported = (): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: '415: Unsupported Media Type', reason: 'UnsupportedMediaType', details: {}, code: 415 });

/** Changes the object as the patch in the body says; an apply creates what does not exist. */
export async function patchObject(call: Call, subresource = ''): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const type = patchTypes[bareMediaType(request.headers['content-type'])];
  if (!type) throw unsupported();
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
      const changed = subresource === 'status' && old ? onlyStatus(resource, object, old) : object;
      if (type !== 'apply') trackUpdate(call, changed, old!, options.fieldManager, subresource);
      return changed;
    },
  });
  return answerObject(call, viewOf(resource, entry), created ? 201 : 200);
}

/** A function from an object to the patched object, checked and decoded. */
export function patcher(call: Call, type: PatchType, options: WriteOptions, subresource: string): (old: KubeObject | undefined) => KubeObject {
  const { resource, request, info } = call;
  const { group, version, kind } = resource.definition.type;
  const expected = { group, version, kind, codec: resource.codec };
  const decode = (value: unknown): KubeObject => {
    const object = decodeValue<KubeObject>({ value, duplicateFields: [] }, expected, options.fieldValidation, call.warnings, request.body);
    checkName(call, object);
    return object;
  };
  if (type === 'apply') {
    const { value, duplicateFields } = parseApply(call);
    const findings = [...duplicateFields, ...resource.codec.decode(value).unknownFields];
    if (findings.length && options.fieldValidation === 'Strict') throw badRequestError(`error decoding patch: strict decoding error: ${findings.join(', ')}`);
    if (findings.length && options.fieldValidation === 'Warn') call.warnings.push(...findings);
    return (old) => {
      const uid = (value.metadata as { uid?: string } | undefined)?.uid;
      if (!old && uid) throw conflictError(resource.subject, info.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
      const merged = applied(call, old, value, { manager: options.fieldManager, force: options.force === true, subresource });
      const object = decodeValue<KubeObject>({ value: merged, duplicateFields: [] }, expected, 'Ignore', []);
      if (!object.metadata.name) object.metadata.name = info.name;
      checkName(call, object);
      return object;
    };
  }
  const body = parsePatch(call);
  const json = type === 'json' ? readJsonPatch(body, { strict: options.fieldValidation !== 'Ignore' }) : undefined;
  if (json?.strictErrors.length) {
    if (options.fieldValidation === 'Strict') throw badRequestError(`strict decoding error: ${json.strictErrors.join(', ')}`);
    call.warnings.push(...json.strictErrors);
  }
  const schema = builtinTypes.get(resource.definition.schema);
  if (type === 'strategic' && (!schema || resource.definition.codec)) throw unsupported();
  return (old) => {
    const document = cloneJson(old!) as KubeObject & Record<string, unknown>;
    if (json) return decode(applyJsonPatch(document, json.operations));
    return decode(type === 'strategic' ? applyStrategicMergePatch(document, body, schema!) : applyMergePatch(document, body));
  };
}

/** The YAML body of an apply, as an object. */
function parseApply(call: Call): { value: Record<string, unknown>; duplicateFields: readonly string[] } {
  const { request } = call;
  let value: unknown = request.bodyObject;
  if (value === undefined) {
    try {
      value = fromYaml(Buffer.from(request.body ?? new Uint8Array()).toString());
    } catch (error) {
      throw badRequestError(`error decoding YAML: ${messageOf(error)}`);
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequestError('error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}');
  return { value: value as Record<string, unknown>, duplicateFields: [] };
}

function parsePatch({ request }: Call): unknown {
  if (request.bodyObject !== undefined) return request.bodyObject;
  try {
    return parseJson(request.body ?? new Uint8Array());
  } catch (error) {
    throw badRequestError(`error decoding patch: ${messageOf(error)}`);
  }
}
