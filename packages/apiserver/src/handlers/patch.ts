import { type ApiResponse, applyJsonPatch, applyMergePatch, applyStrategicMergePatch, badRequestError, type KubeObject, parseJson, readJsonPatch, StatusError } from '@pilothouse/apimachinery';
import { builtinTypes } from '@pilothouse/api-schemas';
import { messageOf } from '@pilothouse/base';
import { cloneJson } from '../objects/clone.ts';
import { decodeValue } from '../objects/decode.ts';
import { bareMediaType } from '../request/body.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { checkName } from './update.ts';
import { trackUpdate } from './field-tracking.ts';
import { onlyStatus } from './subresources/status.ts';
import { updateStored } from './update-stored.ts';
import { viewOf } from './view.ts';

type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

const unsupported = (): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: '415: Unsupported Media Type', reason: 'UnsupportedMediaType', details: {}, code: 415 });

/** Changes the object as the patch in the body says. */
export async function patchObject(call: Call, subresource = ''): Promise<ApiResponse> {
  const { resource, request, info } = call;
  const type = patchTypes[bareMediaType(request.headers['content-type'])];
  if (!type) throw unsupported();
  const options = writeOptions(info.query, 'PatchOptions', type === 'apply');
  const apply = patcher(call, type, options);
  const { entry, created } = await updateStored(call, {
    name: info.name,
    subresource,
    options,
    create: false,
    change: (old) => {
      const object = apply(old!);
      const changed = subresource === 'status' ? onlyStatus(resource, object, old!) : object;
      trackUpdate(call, changed, old!, options.fieldManager, subresource);
      return changed;
    },
  });
  return answerObject(call, viewOf(resource, entry), created ? 201 : 200);
}

/** A function from an object to the patched object, checked and decoded. */
function patcher(call: Call, type: PatchType, options: WriteOptions): (old: KubeObject) => KubeObject {
  const { resource, request } = call;
  const { group, version, kind } = resource.definition.type;
  const body = parsePatch(call);
  const json = type === 'json' ? readJsonPatch(body, { strict: options.fieldValidation !== 'Ignore' }) : undefined;
  const schema = builtinTypes.get(resource.definition.schema);
  return (old) => {
    const document = cloneJson(old) as KubeObject & Record<string, unknown>;
    let patched: unknown;
    if (json) patched = applyJsonPatch(document, json.operations);
    else if (type === 'strategic' && schema) patched = applyStrategicMergePatch(document, body, schema);
    else patched = applyMergePatch(document, body);
    const object = decodeValue<KubeObject>({ value: patched, duplicateFields: [] }, { group, version, kind, codec: resource.codec }, options.fieldValidation, call.warnings, request.body);
    checkName(call, object);
    return object;
  };
}

function parsePatch({ request }: Call): unknown {
  if (request.bodyObject !== undefined) return request.bodyObject;
  try {
    return parseJson(request.body ?? new Uint8Array());
  } catch (error) {
    throw badRequestError(`error decoding patch: ${messageOf(error)}`);
  }
}
