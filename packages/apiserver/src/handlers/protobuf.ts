import { encodeListMeta, encodeProtobufContent, protobufItemHead, wrapProtobuf } from '@pilothouse/apimachinery';
import { CachedObject } from '../cache/cached-object.ts';
import type { ServedResource } from '../registry.ts';
import type { View } from './view.ts';

/** Whether objects of the resource have a protobuf form: built-in ones do, custom ones do not. */
export const hasProtobufForm = (resource: ServedResource): boolean => !resource.definition.codec;

/** The object's own message; shared between answers as long as one of them holds it. */
function contentOf(resource: ServedResource, view: View): Uint8Array {
  const { apiVersion, kind } = resource;
  const encode = (): Buffer => asBuffer(encodeProtobufContent(apiVersion, kind, view.object));
  return view instanceof CachedObject ? view.form(`protobuf ${apiVersion}`, encode) : encode();
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The object as a whole protobuf message, in pieces. */
export function protobufOf(resource: ServedResource, view: View): Uint8Array[] {
  const content = contentOf(resource, view);
  const { head, tail } = wrapProtobuf(resource.apiVersion, resource.kind, content.length);
  return [head, content, tail];
}

/** Objects are joined up to this many bytes a piece. */
const pieceBytes = 256 * 1024;

/** The list as a whole protobuf message, in pieces worth a write each. */
export function protobufList(resource: ServedResource, views: readonly View[], metadata: object): Uint8Array[] {
  const meta = encodeListMeta(metadata);
  const parts: Uint8Array[] = [meta];
  let length = meta.length;
  for (const view of views) {
    const content = contentOf(resource, view);
    const head = protobufItemHead(content.length);
    parts.push(head, content);
    length += head.length + content.length;
  }
  const { head, tail } = wrapProtobuf(resource.apiVersion, resource.listKind, length);
  return joined([head, ...parts, tail]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  let size = 0;
  for (let i = 0; i < parts.length; i++) {
    size += parts[i].length;
    if (size < pieceBytes && i < parts.length - 1) continue;
    pieces.push(Buffer.concat(parts.slice(from, i + 1), size));
    from = i + 1;
    size = 0;
  }
  return pieces;
}
