import { type ApiResponse, badRequestError, type KubeObject, notAcceptableError } from '@pilothouse/apimachinery';
import { waitForRevision } from '../cache/freshness.ts';
import { jsonBytes, protobufBytes } from '../request/respond.ts';
import { answerValue } from './answer.ts';
import type { Call } from './call.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { checkListRevision, type ListOptions, listOptions, selectionOf } from './list-options.ts';
import { joinedPieces, listBody, listLength, pieceBytes } from './list-body.ts';
import { type Page, pageAt, pageNow } from './list-source.ts';
import { protobufList } from './protobuf.ts';
import { internalTypeName, partialMetadata, tableOf } from './transform.ts';
import { prepareViews, type View, viewOf } from './view.ts';

/** Answers a list: whole or in pages, as new as the request asks for. */
export async function listObjects(call: Call): Promise<ApiResponse> {
  const options = listOptions(call.resource, call.info, false);
  const page = await listPage(call, options);
  return answerList(call, page, listMeta(call, page));
}

/** The objects of a list request, ready to be shown. @throws StatusError */
export async function listPage(call: Call, options: ListOptions): Promise<Page> {
  const page = await findPage(call, options);
  const ready = prepareViews(call.resource, page.items);
  if (ready) await ready;
  return page;
}

async function findPage(call: Call, options: ListOptions): Promise<Page> {
  const { core, resource, info } = call;
  const { selection } = selectionOf(resource, info, options);
  // What takes any state gets all of it.
  const limit = options.resourceVersion === '0' ? 0 : Math.max(0, options.limit);
  const base = resource.stored!.cache.rangeOf(info.namespace).start;
  const { resourceVersion } = options;
  if (options.continueToken) {
    const token = decodeContinue(options.continueToken);
    if (resourceVersion !== '' && resourceVersion !== '0') throw continueWithRevision();
    const start = base + token.start;
    if (token.revision > 0) return pageAt(call, selection, start, limit, token.revision, token.start);
    await waitForRevision(core, await core.store.revision());
    return pageNow(resource, selection, start, limit);
  }
  checkListRevision(resourceVersion);
  if (options.resourceVersionMatch === 'Exact') return pageAt(call, selection, undefined, limit, Number(resourceVersion));
  if (resourceVersion === '') await waitForRevision(core, await core.store.revision());
  else if (resourceVersion !== '0') {
    // A page with a limit and no match rule is read exactly there, as it was before resourceVersionMatch existed.
    if (limit && !options.resourceVersionMatch) return pageAt(call, selection, undefined, limit, Number(resourceVersion));
    await waitForRevision(core, Number(resourceVersion));
  }
  return pageNow(resource, selection, undefined, limit);
}

export function listMeta(call: Call, page: Page): Record<string, unknown> {
  const base = call.resource.stored!.cache.rangeOf(call.info.namespace).start;
  return {
    resourceVersion: String(page.revision),
    ...(page.next !== undefined && { continue: encodeContinue({ revision: page.revision, start: `${page.items[page.items.length - 1].key.slice(base.length)}\0` }) }),
    ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
  };
}

export function answerList(call: Call, page: Page, metadata: Record<string, unknown>): ApiResponse {
  const { resource } = call;
  return answerViews(call, resource.conversion ? page.items.map((entry) => viewOf(resource, entry)) : page.items, metadata);
}

/** Objects as a list, in the representation asked for. */
export function answerViews(call: Call, views: readonly View[], metadata: Record<string, unknown>): ApiResponse {
  const { resource, accept, request } = call;
  const { apiVersion, listKind } = resource;
  if (request.wantObjects) return { status: 200, headers: {}, object: { kind: listKind, apiVersion, metadata, items: views.map((view) => view.object) } };
  if (accept.as) {
    if (accept.as.kind === 'PartialObjectMetadata') throw notAcceptableError(`you requested PartialObjectMetadata, but the requested object is a list (${internalTypeName(resource, true)})`);
    if (accept.as.kind === 'Table') return answerValue(call, tableOf(call, views, metadata));
    return answerValue(call, { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${accept.as.version}`, metadata, items: views.length ? views.map((view) => partialMetadata(view.object, accept.as!.version)) : null });
  }
  // Lists of custom resources say of every page whether there is another.
  if (resource.codec.statesKind) metadata = { continue: '', ...metadata };
  if (accept.format === 'json' && !accept.pretty) return jsonList(call, views, metadata);
  if (accept.format === 'protobuf') return protobufBytes(protobufList(resource, views, metadata));
  return answerValue(call, { kind: listKind, apiVersion, metadata, items: views.map((view) => bare(view.object, call)) });
}

function bare(object: KubeObject, call: Call): unknown {
  if (call.resource.definition.codec) return object;
  const { kind, apiVersion, ...rest } = object;
  return rest;
}

/** The list's JSON from the objects' own bytes; a long one is put together as the client takes it. */
function jsonList(call: Call, views: readonly View[], metadata: Record<string, unknown>): ApiResponse {
  const { head, skip } = call.resource.pieces;
  const parts = { start: Buffer.from(`${head}${JSON.stringify(metadata)},"items":[`), skip, views };
  const length = listLength(parts);
  if (length <= pieceBytes) return jsonBytes([...joinedPieces(parts, () => Buffer.allocUnsafeSlow(length))]);
  const answer = jsonBytes([]);
  return { ...answer, headers: { ...answer.headers, 'content-length': String(length) }, body: listBody(parts) };
}

const continueWithRevision = () => badRequestError('specifying resource version is not allowed when using continue');
