/**
 * Kubernetes protobuf straight from and to objects in their JSON shape, by the field numbers in api-schemas. Encoding
 * matches the Go API server byte for byte: fields in the order of their numbers, values that Go keeps without a pointer
 * written even when empty. @see https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';
import { intOrString, jsonBytes, microTime, quantity, schemaUnion, time, type ValueCodec, eachField } from './values.ts';
import { fromBase64, type Reader, toBase64, WireError, type Writer } from './wire.ts';

type FieldWriter = (writer: Writer, object: any) => void;
/** Reads one occurrence of a field into the object. */
type FieldReader = (reader: Reader, object: any) => void;

interface Slot {
  number: number;
  name: string;
  wireType: 0 | 1 | 2;
  /** Of a list of numbers, which may also come packed into one field. */
  packed?: true;
  write: FieldWriter;
  read: FieldReader;
}

const compiled = new Map<string, ValueCodec>();

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const metaBeta = 'io.k8s.apimachinery.pkg.apis.meta.v1beta1';
const partialType = (name: string, fields: FieldSchema[]): [string, TypeSchema] => [name, { name, fields }];
const metadataAlone = (name: string): [string, TypeSchema] => partialType(name, [{ name: 'metadata', type: { t: 'ref', ref: `${meta}.ObjectMeta` }, number: 1 }]);
const metadataList = (name: string, metadata: number, items: number): [string, TypeSchema] =>
  partialType(name, [
    { name: 'metadata', type: { t: 'ref', ref: `${meta}.ListMeta` }, number: metadata },
    { name: 'items', type: { t: 'list', of: { t: 'ref', ref: `${meta}.PartialObjectMetadata` } }, number: items },
  ]);

/** Forms of objects that clients may ask for, but that no OpenAPI document has. The beta list numbers its fields the other way round. */
const partialTypes = new Map([
  metadataAlone(`${meta}.PartialObjectMetadata`),
  metadataList(`${meta}.PartialObjectMetadataList`, 1, 2),
  metadataAlone(`${metaBeta}.PartialObjectMetadata`),
  metadataList(`${metaBeta}.PartialObjectMetadataList`, 2, 1),
]);

/** The codec of a built-in type by its OpenAPI name; compiled once. */
export function messageCodec(name: string): ValueCodec {
  let codec = compiled.get(name);
  if (!codec) {
    const type = builtinTypes.get(name) ?? partialTypes.get(name);
    if (!type) throw new Error(`no built-in type ${name}`);
    let slots: ReturnType<typeof fieldsCodec> | undefined;
    const get = () => (slots ??= fieldsCodec(type, type.fields, 0));
    codec = { write: (writer, value) => get().write(writer, value), read: (reader) => { const object = {}; get().readInto(reader, object); return object; } };
    compiled.set(name, codec);
  }
  return codec;
}

/** Codec of a group of fields; `depth`: how many of the inlining messages have been entered. */
function fieldsCodec(type: TypeSchema, fields: readonly FieldSchema[], depth: number) {
  const slots: Slot[] = [];
  const inlined = new Map<number, FieldSchema[]>();
  for (const field of fields) {
    const outer = field.inlinedIn?.[depth];
    if (outer !== undefined) inlined.set(outer, [...(inlined.get(outer) ?? []), field]);
    else if (field.number !== undefined) slots.push(slotOf(type, field));
  }
  for (const [number, members] of inlined) {
    const inner = fieldsCodec(type, members, depth + 1);
    slots.push({
      number,
      name: type.name,
      wireType: 2,
      write(writer, object) {
        const mark = writer.length;
        inner.write(writer, object);
        writer.closeMessage(number, mark);
      },
      read: (reader, object) => inner.readInto(reader.message(), object),
    });
  }
  slots.sort((a, b) => b.number - a.number);
  const byNumber = new Map(slots.map((slot) => [slot.number, slot]));
  return {
    write(writer: Writer, object: any) {
      for (const slot of slots) slot.write(writer, object ?? {});
    },
    readInto(reader: Reader, object: any) {
      eachField(reader, (number, wireType) => {
        const slot = byNumber.get(number);
        if (!slot) return false;
        if (wireType === slot.wireType) slot.read(reader, object);
        else if (wireType === 2 && slot.packed) for (const values = reader.message(); !values.done; ) slot.read(values, object);
        else throw wrongWireType(wireType, slot.name);
        return true;
      });
    },
  };
}

const wrongWireType = (wireType: number, name: string): WireError => new WireError(`proto: wrong wireType = ${wireType} for field ${name.charAt(0).toUpperCase()}${name.slice(1)}`);

/** Codec of a message-valued type; undefined for plain values. */
function messageValue(type: TypeRef, owner: string, field: string): ValueCodec | undefined {
  switch (type.t) {
    case 'ref': return lazily(() => messageCodec(type.ref));
    case 'quantity': return quantity;
    case 'intOrString': return intOrString;
    case 'time': return time;
    case 'microTime': return microTime;
    case 'raw': return jsonBytes;
    case 'json': return schemaUnion(owner, field, () => messageCodec(owner)) ?? jsonBytes;
    // A list inside a map is a message of its own.
    case 'list': return wrappedList(type, owner, field);
    default: return undefined;
  }
}
function lazily(get: () => ValueCodec): ValueCodec {
  return { write: (writer, value) => get().write(writer, value), read: (reader) => get().read(reader) };
}
function wrappedList(type: TypeRef & { t: 'list' }, owner: string, field: string): ValueCodec {
  const slot = listSlot(1, 'items', type.of, owner, field);
  return { write: (writer, value) => slot.write(writer, { items: value }), read: (reader) => { const o: any = {}; eachField(reader, (n, w) => n === 1 && w === slot.wireType && (slot.read(reader, o), true)); return o.items ?? []; } };
}

interface Plain {
  wireType: 0 | 1 | 2;
  zero: unknown;
  write(writer: Writer, value: any): void;
  read(reader: Reader): unknown;
}
const plain: Partial<Record<TypeRef['t'], Plain>> = {
  string: { wireType: 2, zero: '', write: (writer, value) => { const mark = writer.length; writer.text(value); writer.varint(writer.length - mark); }, read: (reader) => reader.text() },
  bool: { wireType: 0, zero: false, write: (writer, value) => writer.varint(value ? 1 : 0), read: (reader) => reader.varint() !== 0 },
  int32: { wireType: 0, zero: 0, write: (writer, value) => writer.varint(value), read: (reader) => reader.varint() | 0 },
  int64: { wireType: 0, zero: 0, write: (writer, value) => writer.varint(value), read: (reader) => reader.varint() },
  double: { wireType: 1, zero: 0, write: (writer, value) => writer.double(value), read: (reader) => reader.double() },
  bytes: { wireType: 2, zero: undefined, write: (writer, value) => { const bytes = fromBase64(value); writer.raw(bytes); writer.varint(bytes.length); }, read: (reader) => toBase64(reader.bytes()) },
  // A duration on the wire is a message of nanoseconds; in JSON, Go's notation.
};

function slotOf(type: TypeSchema, field: FieldSchema): Slot {
  const number = field.number!;
  const { name } = field;
  if (field.type.t === 'list') return listSlot(number, name, field.type.of, type.name, name);
  if (field.type.t === 'map') return mapSlot(number, name, field.type.of, type.name, name);
  const message = messageValue(field.type, type.name, name);
  if (message) {
    // Free-form values are pointers or byte slices in Go: absent when unset; structs without a pointer are always there.
    const always = !field.pointer && field.type.t !== 'json';
    return {
      number,
      name,
      wireType: 2,
      write(writer, object) {
        const value = object[name];
        if ((value === undefined || value === null) && !always) return;
        const mark = writer.length;
        message.write(writer, value ?? (field.type.t === 'quantity' ? '0' : undefined));
        writer.closeMessage(number, mark);
      },
      read: (reader, object) => { object[name] = message.read(reader.message()); },
    };
  }
  const value = plain[field.type.t];
  if (!value) throw new Error(`no protobuf form of ${field.type.t} (${type.name}.${name})`);
  const key = number * 8 + value.wireType;
  const always = !field.pointer && value.zero !== undefined;
  return {
    number,
    name,
    wireType: value.wireType,
    write(writer, object) {
      const v = object[name] ?? (always ? value.zero : undefined);
      if (v === undefined) return;
      value.write(writer, v);
      writer.varint(key);
    },
    read: (reader, object) => { object[name] = value.read(reader); },
  };
}

function listSlot(number: number, name: string, of: TypeRef, owner: string, field: string): Slot {
  const message = messageValue(of, owner, field);
  const value = plain[of.t];
  return {
    number,
    name,
    wireType: message ? 2 : value!.wireType,
    ...(!message && value!.wireType !== 2 && { packed: true as const }),
    write(writer, object) {
      const list = object[name];
      if (!Array.isArray(list)) return;
      for (let i = list.length - 1; i >= 0; i--) {
        if (message) {
          const mark = writer.length;
          message.write(writer, list[i]);
          writer.closeMessage(number, mark);
        } else {
          value!.write(writer, list[i]);
          writer.varint(number * 8 + value!.wireType);
        }
      }
    },
    read(reader, object) {
      object[name] ??= [];
      object[name].push(message ? message.read(reader.message()) : value!.read(reader));
    },
  };
}

function mapSlot(number: number, name: string, of: TypeRef, owner: string, field: string): Slot {
  const message = messageValue(of, owner, field);
  const value = plain[of.t];
  return {
    number,
    name,
    wireType: 2,
    write(writer, object) {
      const map = object[name];
      if (!map) return;
      const keys = Object.keys(map).sort();
      for (let i = keys.length - 1; i >= 0; i--) {
        const entry = writer.length;
        if (message) {
          const mark = writer.length;
          message.write(writer, map[keys[i]]);
          writer.closeMessage(2, mark);
        } else {
          value!.write(writer, map[keys[i]]);
          writer.varint(2 * 8 + value!.wireType);
        }
        const mark = writer.length;
        writer.text(keys[i]);
        writer.closeMessage(1, mark);
        writer.closeMessage(number, entry);
      }
    },
    read(reader, object) {
      object[name] ??= {};
      let key = '';
      let found: unknown = message ? undefined : value!.zero;
      const entry = reader.message();
      eachField(entry, (n, w) => {
        if (n === 1 && w === 2) key = entry.text();
        else if (n === 2 && w === (message ? 2 : value!.wireType)) found = message ? message.read(entry.message()) : value!.read(entry);
        else return false;
        return true;
      });
      const decoded = found ?? (of.t === 'bytes' ? '' : of.t === 'list' ? [] : {});
      if (key === '__proto__') Object.defineProperty(object[name], key, { value: decoded, enumerable: true, configurable: true, writable: true });
      else object[name][key] = decoded;
    },
  };
}
