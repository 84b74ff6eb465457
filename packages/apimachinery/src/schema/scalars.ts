import { goQuote } from '../go-format.ts';
import { canonicalQuantity } from '../quantity.ts';
import { DecodeError, mismatch, type DecodeContext } from './decode-context.ts';

/** Reads one JSON value that is not null. */
export type Decode = (value: unknown, context: DecodeContext, depth: number) => unknown;

const decodeString: Decode = (value, context, depth) => {
  if (typeof value === 'string') return value;
  throw mismatch(context, depth, value, 'string');
};

const decodeBool: Decode = (value, context, depth) => {
  if (typeof value === 'boolean') return value;
  throw mismatch(context, depth, value, 'bool');
};

const decodeInt32: Decode = (value, context, depth) => {
  if (typeof value === 'number' && (value | 0) === value) return value | 0;
  throw mismatch(context, depth, value, 'int32');
};

const decodeInt64: Decode = (value, context, depth) => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) return value;
  if (typeof value === 'bigint') return Number(value);
  throw mismatch(context, depth, value, 'int64');
};

const decodeDouble: Decode = (value, context, depth) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  throw mismatch(context, depth, value, 'float64');
};

const decodeBytes: Decode = (value, context, depth) => {
  if (typeof value !== 'string') throw mismatch(context, depth, value, '[]uint8');
  const bad = badBase64At(value);
  if (bad >= 0) throw new DecodeError(`illegal base64 data at input byte ${bad}`);
  return value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]/g, '') : value;
};

/** Where Go's standard base64 decoder stops, or -1. Line ends are skipped. */
function badBase64At(text: string): number {
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return -1;
  const compact = text.replace(/[\r\n]/g, '');
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) return -1;
  const first = /[^A-Za-z0-9+/\r\n]/.exec(text);
  if (!first) return text.length - (compact.length % 4 === 1 ? 1 : compact.length % 4);
  return first.index;
}

const decodeQuantity: Decode = (value) => {
  try {
    return canonicalQuantity(typeof value === 'string' || typeof value === 'number' ? value : typeof value === 'bigint' ? String(value) : JSON.stringify(value));
  } catch (error) {
    throw new DecodeError((error as Error).message, { cause: error });
  }
};

const decodeIntOrString: Decode = (value, context, depth) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && (value | 0) === value) return value | 0;
  throw mismatch(context, depth, value, 'int32');
};

const timeGrammar = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** Reads RFC 3339 and writes it in UTC: with seconds, or with microseconds. */
const decodeTime =
  (micro: boolean): Decode =>
  (value, context, depth) => {
    if (typeof value !== 'string') throw mismatch(context, depth, value, 'string');
    if (value === '') return undefined;
    const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    const match = timeGrammar.exec(value);
    if (!match) throw new DecodeError(`parsing time ${goQuote(value)} as ${goQuote(layout)}: cannot parse ${goQuote(value)} as "2006"`);
    const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
    const instant = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
    if (Number.isNaN(instant.getTime()) || new Date(`${year}-${month}-${day}T00:00:00Z`).getUTCDate() !== Number(day)) throw new DecodeError(`parsing time ${goQuote(value)}: day out of range`);
    const seconds = zone === 'Z' ? value.slice(0, 19) : instant.toISOString().slice(0, 19);
    if (seconds === '0001-01-01T00:00:00') return undefined;
    return micro ? `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z` : `${seconds}Z`;
  };

const decodeDuration: Decode = (value, context, depth) => {
  if (typeof value === 'string') return value;
  throw mismatch(context, depth, value, 'string');
};

/** Any value; numbers beyond a float64 (`1e400`) could not be written again. */
const keepFinite: Decode = (value, context, depth) => {
  const infinite = (item: unknown): boolean => (typeof item === 'number' ? !Number.isFinite(item) : typeof item === 'object' && item !== null && Object.values(item).some(infinite));
  if (infinite(value)) throw mismatch(context, depth, Number.POSITIVE_INFINITY, 'float64');
  return value;
};
/** As `keepFinite`, without a look inside: fieldsV1 is one of these and holds no numbers. */
const keep: Decode = (value, context, depth) => (typeof value === 'number' ? keepFinite(value, context, depth) : value);

/** Decoders of the leaves; lists, maps and structs are compiled. */
export const scalarDecoders: Record<string, Decode> = {
  string: decodeString,
  bool: decodeBool,
  int32: decodeInt32,
  int64: decodeInt64,
  double: decodeDouble,
  bytes: decodeBytes,
  quantity: decodeQuantity,
  intOrString: decodeIntOrString,
  time: decodeTime(false),
  microTime: decodeTime(true),
  duration: decodeDuration,
  json: keep,
  raw: keepFinite,
};

/** The zero value of a leaf, as JSON shows it where the field is always written. */
export const scalarZeros: Record<string, unknown> = { string: '', bool: false, int32: 0, int64: 0, double: 0, bytes: null, quantity: '0', intOrString: 0, time: null, microTime: null, duration: '0s', json: null, raw: null };
