import { type ApiResponse, applyJsonPatch, applyMergePatch, applyStrategicMergePatch, badRequestError, conflictError, type FieldError, invalid, invalidError, type KubeObject, parseJsonStrict, parseYaml, readJsonPatch, StatusError } from '@pilothouse/apimachinery';
import { builtinTypes } from '@pilothouse/api-schemas';
import { messageOf } from '@pilothouse/base';
import { cloneJson } from '../objects/clone.ts';
import { decodeValue, settleEmptyLists } from '../objects/decode.ts';
import { bareMediaType } from '../request/body.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { checkName } from './update.ts';
import { applied, trackUpdate } from './field-tracking.ts';
import { partOf } from './subresources/parts.ts';
import { updateStored } from './update-stored.ts';
import { viewOf } from './view.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export const unsupportedPatch = (): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: '415: Unsupported Media Type', reason: 'UnsupportedMediaType', details: {}, code: 415 });

/** Changes the object as the patch in the body says; an apply creates what does not exist. */
export async function patchObject(call: Call, subresource = ''): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const type = patchTypes[bareMediaType(request.headers['content-type'])];
  if (!type) throw unsupportedPatch();
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
  const { resource, request } = call;
  const { group, version, kind } = resource.definition.type;
  const expected = { group, version, kind, codec: resource.codec };
  if (type === 'apply') return applier(call, options, subresource);
  const { value: body, duplicateFields } = parsePatch(call, type);
  const strict = options.fieldValidation === 'Strict';
  const refuse = (findings: readonly string[]): never => {
    throw invalidError({ group: '', kind: '' }, '', [strictFinding(call, type, body, findings)]);
  };
  const note = (findings: readonly string[]): void => {
    if (!findings.length || options.fieldValidation === 'Ignore') return;
    if (strict) refuse(findings);
    call.warnings.push(...findings);
  };
  const json = type === 'json' ? readJsonPatch(body, { strict: options.fieldValidation !== 'Ignore' }) : undefined;
  if (json) note([...duplicateFields, ...json.strictErrors]);
  const decode = (value: unknown): KubeObject => {
    const unknownFields: string[] = [];
    let object: KubeObject;
    try {
      object = decodeValue<KubeObject>({ value, duplicateFields: [] }, expected, 'Warn', unknownFields, request.body);
    } catch (error) {
      throw invalidError({ group: '', kind: '' }, '', [invalid('patch', shownPatch(call, type, body), messageOf(error))]);
    }
    note([...(json ? [] : duplicateFields), ...unknownFields]);
    checkName(call, object);
    return object;
  };
  const schema = builtinTypes.get(resource.definition.schema);
  if (type === 'strategic' && (!schema || resource.definition.codec)) throw unsupportedPatch();
  return (old) => {
    const document = cloneJson(old!) as KubeObject & Record<string, unknown>;
    if (json) return decode(applyJsonPatch(document, json.operations));
    return decode(type === 'strategic' ? applyStrategicMergePatch(document, body, schema!) : applyMergePatch(document, body));
  };
}

/** A server-side apply as a function from what there is (undefined: nothing) to what it becomes. */
function applier(call: Call, options: WriteOptions, subresource: string): (old: KubeObject | undefined) => KubeObject {
  const { resource, info } = call;
  const { group, version, kind } = resource.definition.type;
  const expected = { group, version, kind, codec: resource.codec };
  const { value, duplicateFields } = parseApply(call, options);
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

/** The YAML body of an apply, as an object. */
function parseApply(call: Call, options: WriteOptions): { value: Record<string, unknown>; duplicateFields: readonly string[] } {
  const { request } = call;
  let value: unknown = request.bodyObject;
  if (value === undefined) {
    try {
      value = parseYaml(Buffer.from(request.body ?? new Uint8Array()).toString(), { duplicates: options.fieldValidation === 'Ignore' ? 'last' : 'error' });
    } catch (error) {
      throw badRequestError(`error decoding YAML: ${messageOf(error)}`);
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequestError('error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}');
  return { value: value as Record<string, unknown>, duplicateFields: [] };
}

function parsePatch({ request }: Call, type: PatchType): { value: unknown; duplicateFields: readonly string[] } {
  if (request.bodyObject !== undefined) return { value: request.bodyObject, duplicateFields: [] };
  try {
    return parseJsonStrict(request.body ?? new Uint8Array());
  } catch (error) {
    throw badRequestError(type === 'strategic' ? messageOf(error) : `error decoding patch: ${messageOf(error)}`);
  }
}

/** What strict validation has against a patch. */
function strictFinding(call: Call, type: PatchType, body: unknown, findings: readonly string[]): FieldError {
  return invalid('patch', shownPatch(call, type, body), `strict decoding error: ${findings.join(', ')}`);
}

/** The patch as upstream's findings quote it. */
const shownPatch = ({ request }: Call, type: PatchType, body: unknown): string => (type === 'strategic' ? goMap(body) : request.body ? Buffer.from(request.body).toString() : JSON.stringify(body));

/** A JSON value as Go prints a map: `map[foo:1]`. */
function goMap(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return value === null ? '<nil>' : String(value);
  return `map[${Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => `${key}:${goMap(item)}`).join(' ')}]`;
}
