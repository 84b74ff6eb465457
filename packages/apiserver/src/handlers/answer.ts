import { type ApiResponse, type KubeObject, notAcceptableError, parseStored } from '@pilothouse/apimachinery';
import { jsonBytes, protobufBytes, valueAnswer } from '../request/respond.ts';
import type { Call } from './call.ts';
import type { View } from './view.ts';
import { protobufOf } from './protobuf.ts';
import { internalTypeName, partialMetadata, tableOf } from './transform.ts';

/** Answers with one object, in the representation asked for. */
export function answerObject(call: Call, view: View, status = 200): ApiResponse {
  const { accept } = call;
  if (call.request.wantObjects) return { status, headers: {}, object: view.object };
  if (!accept.as && accept.format === 'json' && !accept.pretty) return jsonBytes(view.bytes, status);
  if (!accept.as && accept.format === 'protobuf') return protobufBytes(protobufOf(call.resource, view), status);
  return answerValue(call, accept.as ? transformOne(call, view) : (parseStored(view.bytes.toString()) as object), status);
}

function transformOne(call: Call, view: View): object {
  const { as } = call.accept;
  if (as!.kind === 'PartialObjectMetadataList') throw notAcceptableError(`you requested PartialObjectMetadataList, but the requested object is not a list (${internalTypeName(call.resource)})`);
  if (as!.kind === 'Table') return tableOf(call, [view], { resourceVersion: view.object.metadata.resourceVersion ?? '' });
  return partialMetadata(view.object, as!.version);
}

/** Answers with a value of a built-in kind, in the format asked for. */
export function answerValue(call: Pick<Call, 'accept' | 'request'>, value: object, status = 200): ApiResponse {
  return call.request.wantObjects ? { status, headers: {}, object: value } : valueAnswer(call.accept, value, status);
}

/** What a create without an object of its own answers. */
export const createdStatus = Object.freeze({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });

/** `Status` of success, as a delete answers. */
export const successStatus = (details: Record<string, unknown>): KubeObject => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }) as unknown as KubeObject;
