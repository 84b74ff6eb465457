/** The values whose protobuf form differs from their JSON form. */
import { Reader, type Writer, WireError, decodeText, encodeText } from './wire.ts';

const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

export interface ValueCodec {
  /** Writes the content of the message, from the end. */
  write(writer: Writer, value: any): void;
  read(reader: Reader): any;
}

const varintField = (writer: Writer, number: number, value: number) => {
  writer.varint(value);
  writer.varint(number * 8);
};
const textField = (writer: Writer, number: number, text: string) => {
  const mark = writer.length;
  writer.text(text);
  writer.closeMessage(number, mark);
};
/** Calls `take` for each field; what it does not take (returns false) is passed over. */
export function eachField(reader: Reader, take: (number: number, wireType: number) => boolean): void {
  while (!reader.done) {
    const key = reader.varint();
    const number = Math.floor(key / 8);
    if (number <= 0) throw new WireError(`proto: illegal tag ${number} (wire type ${key % 8})`);
    if (!take(number, key % 8)) reader.skip(key % 8);
  }
}

/** `{ string: 1 }` */
export const quantity: ValueCodec = {
  write: (writer, value) => textField(writer, 1, String(value)),
  read(reader) {
    let text = '';
    eachField(reader, (n) => n === 1 && ((text = reader.text()), true));
    return text || '0';
  },
};

/** `{ type: 1, intVal: 2, strVal: 3 }`, all written. */
export const intOrString: ValueCodec = {
  write(writer, value) {
    const isText = typeof value === 'string';
    textField(writer, 3, isText ? value : '');
    varintField(writer, 2, isText ? 0 : (value ?? 0));
    varintField(writer, 1, isText ? 1 : 0);
  },
  read(reader) {
    let type = 0;
    let number = 0;
    let text = '';
    eachField(reader, (n) => {
      if (n === 1) type = reader.varint();
      else if (n === 2) number = reader.varint();
      else if (n === 3) text = reader.text();
      else return false;
      return true;
    });
    return type === 1 ? text : number;
  },
};

/** `{ seconds: 1, nanos: 2 }`; the zero time is an empty message. `digits`: of the second's fraction in JSON. */
const timestamp = (digits: 0 | 6): ValueCodec => ({
  write(writer, value) {
    if (!value) return;
    const ms = Date.parse(value);
    const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
    varintField(writer, 2, digits ? Number(fraction.padEnd(9, '0').slice(0, 6)) * 1000 : 0);
    varintField(writer, 1, Math.floor(ms / 1000));
  },
  read(reader) {
    if (reader.done) return null;
    let seconds = 0;
    let nanos = 0;
    eachField(reader, (n) => {
      if (n === 1) seconds = reader.varint();
      else if (n === 2) nanos = reader.varint();
      else return false;
      return true;
    });
    const carried = digits ? Math.floor(nanos / 1e9) : 0;
    const date = new Date((seconds + carried) * 1000);
    const year = date.getUTCFullYear();
    // What RFC 3339 has no form for could not be read back.
    if (!(year >= 0 && year <= 9999)) throw new WireError('time out of range');
    const base = date.toISOString().slice(0, 19);
    return digits ? `${base}.${String(Math.floor((nanos - carried * 1e9) / 1000)).padStart(6, '0')}Z` : `${base}Z`;
  },
});
export const time = timestamp(0);
export const microTime = timestamp(6);

/** JSON text inside a bytes field: `{ raw: 1 }`. */
export const jsonBytes: ValueCodec = {
  write(writer, value) {
    if (value === undefined || value === null) return;
    const mark = writer.length;
    writer.raw(encodeText(JSON.stringify(value)));
    writer.closeMessage(1, mark);
  },
  read(reader) {
    let value: unknown;
    eachField(reader, (n) => {
      if (n !== 1) return false;
      const bytes = reader.bytes();
      if (bytes.length) {
        try {
          value = JSON.parse(decodeText(bytes));
        } catch (error) {
          throw new WireError((error as Error).message);
        }
      }
      return true;
    });
    return value;
  },
};

/** The unions of CustomResourceDefinition schemas, by the JSON field that holds one. */
export function schemaUnion(owner: string, field: string, schema: () => ValueCodec): ValueCodec | undefined {
  if (owner !== `${extensions}.JSONSchemaProps`) return undefined;
  const nested = (writer: Writer, number: number, value: any) => {
    const mark = writer.length;
    schema().write(writer, value);
    writer.closeMessage(number, mark);
  };
  if (field === 'items') {
    return {
      write(writer, value) {
        if (Array.isArray(value)) for (let i = value.length - 1; i >= 0; i--) nested(writer, 2, value[i]);
        else nested(writer, 1, value);
      },
      read(reader) {
        let one: unknown;
        const many: unknown[] = [];
        eachField(reader, (n) => {
          if (n === 1) one = schema().read(reader.message());
          else if (n === 2) many.push(schema().read(reader.message()));
          else return false;
          return true;
        });
        return many.length ? many : one;
      },
    };
  }
  if (field === 'additionalItems' || field === 'additionalProperties') {
    return {
      write(writer, value) {
        if (typeof value !== 'boolean') nested(writer, 2, value);
        varintField(writer, 1, value === false ? 0 : 1);
      },
      read(reader) {
        let allows = false;
        let inner: unknown;
        eachField(reader, (n) => {
          if (n === 1) allows = reader.varint() !== 0;
          else if (n === 2) inner = schema().read(reader.message());
          else return false;
          return true;
        });
        return inner ?? allows;
      },
    };
  }
  return undefined;
}
