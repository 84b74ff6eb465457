/**
 * Protobuf from tables: as much of the wire format as etcd's messages need. A table names a message's fields; fields of
 * a message that are not in its table are skipped when reading. Integers are JavaScript numbers (those beyond 2^53 lose
 * digits: leave such fields out of the table).
 */

export interface Field {
  name: string;
  number: number;
  /** `text` is UTF-8, for keys; a table is an embedded message. */
  kind: 'int' | 'bool' | 'text' | 'bytes' | Table;
  repeated?: boolean;
}

export interface Table {
  fields: readonly Field[];
  /** By number; filled by `message`. */
  byNumber: (Field | undefined)[];
}

type FieldSpec = readonly [number: number, name: string, kind: Field['kind'], repeated?: 'repeated'];

/** A table from lines of number, name, kind. */
export function message(...specs: FieldSpec[]): Table {
  const fields = specs.map(([number, name, kind, repeated]): Field => ({ number, name, kind, repeated: repeated !== undefined }));
  const byNumber: (Field | undefined)[] = [];
  for (const field of fields) byNumber[field.number] = field;
  return { fields, byNumber };
}

type Value = Record<string, any>;

/** Fields that are undefined or have their default value are left out; an embedded message that is given is not. */
export function encode(table: Table, value: object): Buffer {
  const out = Buffer.allocUnsafe(sizeOf(table, value as Value));
  writeMessage(table, value as Value, out, 0);
  return out;
}

const varintSize = (n: number): number => {
  let size = 1;
  for (let rest = n; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
};

function writeVarint(n: number, out: Buffer, start: number): number {
  let at = start;
  let rest = n;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 128;
  out[at++] = rest;
  return at;
}

const isDefault = (field: Field, v: any): boolean => v === undefined || v === 0 || v === false || v === '' || (field.kind === 'bytes' && v.length === 0);
const itemsOf = (field: Field, v: any): readonly any[] => (field.repeated ? (v ?? []) : isDefault(field, v) ? [] : [v]);

function contentSize(field: Field, v: any): number {
  switch (field.kind) {
    case 'text':
      return Buffer.byteLength(v);
    case 'bytes':
      return v.length;
    default:
      return sizeOf(field.kind as Table, v);
  }
}

function sizeOf(table: Table, value: Value): number {
  let size = 0;
  for (const field of table.fields) {
    for (const item of itemsOf(field, value[field.name])) {
      size += varintSize(field.number << 3);
      if (field.kind === 'int') size += varintSize(item);
      else if (field.kind === 'bool') size++;
      else {
        const content = contentSize(field, item);
        size += varintSize(content) + content;
      }
    }
  }
  return size;
}

function writeMessage(table: Table, value: Value, out: Buffer, start: number): number {
  let at = start;
  for (const field of table.fields) {
    for (const item of itemsOf(field, value[field.name])) {
      if (field.kind === 'int' || field.kind === 'bool') {
        at = writeVarint(field.number << 3, out, at);
        at = writeVarint(Number(item), out, at);
        continue;
      }
      at = writeVarint((field.number << 3) | 2, out, at);
      at = writeVarint(contentSize(field, item), out, at);
      if (field.kind === 'text') at += out.write(item, at);
      else if (field.kind === 'bytes') {
        out.set(item, at);
        at += item.length;
      } else at = writeMessage(field.kind, item, out, at);
    }
  }
  return at;
}

const noBytes = Buffer.alloc(0);
const defaultOf = (field: Field): unknown =>
  field.repeated ? [] : field.kind === 'int' ? 0 : field.kind === 'bool' ? false : field.kind === 'text' ? '' : field.kind === 'bytes' ? noBytes : undefined;

/** Fields that are absent have their default value; embedded messages then are undefined. Bytes are views of `bytes`. @throws Error on malformed input */
export function decode<T>(table: Table, bytes: Buffer): T {
  return readMessage(table, { bytes, at: 0 }, bytes.length) as T;
}

interface Cursor {
  bytes: Buffer;
  at: number;
}

/** A varint as a signed 64-bit integer, rounded to a number. */
function readVarint(cursor: Cursor): number {
  const { bytes } = cursor;
  const first = bytes[cursor.at++];
  if (first < 128) return first;
  let low = first & 127;
  let high = 0;
  for (let shift = 7; shift < 70; shift += 7) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new Error('a message ends inside a number');
    const part = byte & 127;
    if (shift < 28) low |= part << shift;
    else if (shift === 28) {
      low |= (part & 15) << 28;
      high = part >> 4;
    } else high |= part << (shift - 32);
    if (byte < 128) return (high | 0) * 4294967296 + (low >>> 0);
  }
  throw new Error('a message has a number of more than 64 bits');
}

function readMessage(table: Table, cursor: Cursor, end: number): Value {
  const value: Value = {};
  for (const field of table.fields) value[field.name] = defaultOf(field);
  while (cursor.at < end) {
    const tag = readVarint(cursor);
    const field = table.byNumber[tag >>> 3];
    const wire = tag & 7;
    let item: unknown;
    if (wire === 0) {
      const n = readVarint(cursor);
      item = field?.kind === 'bool' ? n !== 0 : n;
    } else if (wire === 2) {
      const length = readVarint(cursor);
      const to = cursor.at + length;
      if (length < 0 || to > end) throw new Error('a message is cut short');
      if (!field) cursor.at = to;
      else if (field.kind === 'text') item = cursor.bytes.toString('utf8', cursor.at, to);
      else if (field.kind === 'bytes') item = cursor.bytes.subarray(cursor.at, to);
      else item = readMessage(field.kind as Table, cursor, to);
      cursor.at = to;
    } else if (wire === 1 || wire === 5) cursor.at += wire === 1 ? 8 : 4;
    else throw new Error(`a message has a field of wire type ${wire}`);
    if (!field || item === undefined) continue;
    if (field.repeated) value[field.name].push(item);
    else value[field.name] = item;
  }
  return value;
}
