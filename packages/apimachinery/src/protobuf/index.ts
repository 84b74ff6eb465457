/** Kubernetes protobuf: the magic `k8s\0` and a `runtime.Unknown` that says what is inside. */
import { typeOfKind } from '@pilothouse/api-schemas';
import { goQuote } from '../go-format.ts';
import { parseApiVersion } from '../meta.ts';
import { messageCodec } from './codec.ts';
import { eachField } from './values.ts';
import { Reader, WireError, Writer } from './wire.ts';

export { WireError, Writer } from './wire.ts';

const magic = [0x6b, 0x38, 0x73, 0x00];
const magicBytes = Uint8Array.from(magic);
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const metaBeta = 'io.k8s.apimachinery.pkg.apis.meta.v1beta1';
/** Kinds that every group shares. */
const metaKinds = new Set(['Status', 'DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'ListOptions', 'GetOptions', 'WatchEvent', 'Table', 'PartialObjectMetadata', 'PartialObjectMetadataList', 'APIVersions', 'APIGroup', 'APIGroupList', 'APIResourceList']);

/** OpenAPI name of the type of a kind; undefined where it has no protobuf form. */
function typeName(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  if (group === 'meta.k8s.io' && version === 'v1beta1' && kind.startsWith('PartialObjectMetadata')) return `${metaBeta}.${kind}`;
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

/** What a whole message says of itself, and its object's own message. @throws WireError */
export function protobufEnvelope(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  if (!bytes.length) throw new WireError('empty data');
  if (!isProtobuf(bytes)) throw new WireError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (bytes.length === magic.length) throw new WireError('empty body');
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
  return { apiVersion, kind, raw };
}

/**
 * Reads a whole message. The object has every field that Go keeps without a pointer, at its zero value where unset:
 * the schema's decoder drops those. `like` is the type to read by where the message's own version of the kind is not
 * known: versions of a kind share their numbers. @throws WireError
 */
export function decodeProtobuf(bytes: Uint8Array, like?: { apiVersion: string; kind: string }): { apiVersion?: string; kind?: string; [field: string]: unknown } {
  const { apiVersion, kind, raw } = protobufEnvelope(bytes);
  return { kind, apiVersion, ...decodeProtobufContent(raw, apiVersion, kind, like) };
}

/** Reads an object's own message. @throws WireError, also for a kind that is not known */
export function decodeProtobufContent(raw: Uint8Array, apiVersion: string, kind: string, like?: { apiVersion: string; kind: string }): object {
  const name = typeName(apiVersion, kind) ?? (like && like.kind === kind ? typeName(like.apiVersion, kind) : undefined);
  if (!name) throw new WireError(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`);
  return messageCodec(name).read(new Reader(raw)) as object;
}

/** Writes a whole message. @throws WireError for a kind without a protobuf form */
export function encodeProtobuf(object: { apiVersion?: string; kind?: string }): Uint8Array {
  const { apiVersion = '', kind = '' } = object;
  const writer = new Writer();
  writer.raw(wrapTail);
  const content = writer.length;
  codecOf(apiVersion, kind).write(writer, object);
  writer.closeMessage(2, content);
  writeKind(writer, apiVersion, kind);
  return writer.bytes();
}

/** The object's own message, as it stands in lists and inside `wrapProtobuf`. @throws WireError for a kind without a protobuf form */
export function encodeProtobufContent(apiVersion: string, kind: string, object: object): Uint8Array {
  const writer = new Writer(2048);
  codecOf(apiVersion, kind).write(writer, object);
  return writer.bytes();
}

/** What stands before and after content of this many bytes to make a whole message of it. */
export function wrapProtobuf(apiVersion: string, kind: string, length: number): { head: Uint8Array; tail: Uint8Array } {
  const writer = new Writer(128);
  writer.varint(length);
  writer.varint(2 * 8 + 2);
  writeKind(writer, apiVersion, kind);
  return { head: writer.bytes(), tail: wrapTail };
}

/** A list's metadata as the list's first field; objects follow as `protobufItemHead` and their content. */
export function encodeListMeta(metadata: object): Uint8Array {
  const writer = new Writer(256);
  messageCodec(`${meta}.ListMeta`).write(writer, metadata);
  writer.closeMessage(1, 0);
  return writer.bytes();
}

/** What stands before an object of this many bytes in a list. */
export function protobufItemHead(length: number): Uint8Array {
  const writer = new Writer(16);
  writer.varint(length);
  writer.varint(2 * 8 + 2);
  return writer.bytes();
}

/** contentEncoding and contentType, written though empty. */
const wrapTail = Uint8Array.from([3 * 8 + 2, 0, 4 * 8 + 2, 0]);

function codecOf(apiVersion: string, kind: string) {
  const name = typeName(apiVersion, kind);
  if (!name) throw new WireError(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)}`);
  return messageCodec(name);
}

function writeKind(writer: Writer, apiVersion: string, kind: string): void {
  const typeMeta = writer.length;
  let mark = writer.length;
  writer.text(kind);
  writer.closeMessage(2, mark);
  mark = writer.length;
  writer.text(apiVersion);
  writer.closeMessage(1, mark);
  writer.closeMessage(1, typeMeta);
  writer.raw(magicBytes);
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
