/** Kubernetes protobuf: the magic `k8s\0` and a `runtime.Unknown` that says what is inside. */
import { typeOfKind } from '@pilothouse/api-schemas';
import { parseApiVersion } from '../meta.ts';
import { messageCodec } from './codec.ts';
import { eachField } from './values.ts';
import { Reader, WireError, Writer } from './wire.ts';

export { WireError } from './wire.ts';

const magic = [0x6b, 0x38, 0x73, 0x00];
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** Kinds that every group shares. */
const metaKinds = new Set(['Status', 'DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'ListOptions', 'GetOptions', 'WatchEvent', 'Table', 'PartialObjectMetadata', 'PartialObjectMetadataList', 'APIVersions', 'APIGroup', 'APIGroupList', 'APIResourceList']);

/** OpenAPI name of the type of a kind; undefined where it has no protobuf form. */
function typeName(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  return typeOfKind(group, version, kind)?.name ?? (metaKinds.has(kind) ? `${meta}.${kind}` : undefined);
}

/** True for bytes that begin as Kubernetes protobuf does. */
export const isProtobuf = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte);

/** True where objects of the kind can be written as protobuf. Custom resources cannot. */
export function hasProtobuf(apiVersion: string, kind: string): boolean {
  const name = typeName(apiVersion, kind);
  if (!name) return false;
  try {
    messageCodec(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a whole message. The object has every field that Go keeps without a pointer, at its zero value where unset:
 * the schema's decoder drops those. `fallback` names the type where the message does not. @throws WireError
 */
export function decodeProtobuf(bytes: Uint8Array, fallback?: { apiVersion: string; kind: string }): { apiVersion?: string; kind?: string; [field: string]: unknown } {
  if (!isProtobuf(bytes)) throw new WireError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const reader = new Reader(bytes, 4);
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  eachField(reader, (n) => {
    if (n === 1) {
      const inner = reader.message();
      eachField(inner, (m) => {
        if (m === 1) apiVersion = inner.text();
        else if (m === 2) kind = inner.text();
        else return false;
        return true;
      });
    } else if (n === 2) raw = reader.bytes();
    else return false;
    return true;
  });
  apiVersion ||= fallback?.apiVersion ?? '';
  kind ||= fallback?.kind ?? '';
  const name = typeName(apiVersion, kind);
  if (!name) throw new WireError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return { kind, apiVersion, ...messageCodec(name).read(new Reader(raw)) };
}

/** Writes a whole message. @throws WireError for a kind without a protobuf form */
export function encodeProtobuf(object: { apiVersion?: string; kind?: string }): Uint8Array {
  const { apiVersion = '', kind = '' } = object;
  const name = typeName(apiVersion, kind);
  if (!name) throw new WireError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  const writer = new Writer();
  // contentType and contentEncoding are written though empty.
  writer.varint(0);
  writer.varint(4 * 8 + 2);
  writer.varint(0);
  writer.varint(3 * 8 + 2);
  const content = writer.length;
  messageCodec(name).write(writer, object);
  writer.closeMessage(2, content);
  const typeMeta = writer.length;
  let mark = writer.length;
  writer.text(kind);
  writer.closeMessage(2, mark);
  mark = writer.length;
  writer.text(apiVersion);
  writer.closeMessage(1, mark);
  writer.closeMessage(1, typeMeta);
  writer.raw(Uint8Array.from(magic));
  return writer.bytes();
}

/** A watch event around an object that is encoded already: `WatchEvent { type: 1, object: 2 { raw: 1 } }`, with its length in four bytes before it. */
export function watchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new Writer(object.length + 64);
  const outer = writer.length;
  writer.raw(object);
  writer.closeMessage(1, outer);
  writer.closeMessage(2, outer);
  const mark = writer.length;
  writer.text(type);
  writer.closeMessage(1, mark);
  const { length } = writer;
  writer.raw(Uint8Array.from([length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]));
  return writer.bytes();
}
