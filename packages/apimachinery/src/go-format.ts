/** JSON values as Go's `%v` prints them; some messages of the API server carry that form. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goFormat).join(' ')}]`;
  if (typeof value === 'object') {
    const object = value as Record<string, unknown>;
    return `map[${Object.keys(object).sort().map((key) => `${key}:${goFormat(object[key])}`).join(' ')}]`;
  }
  return String(value);
}

/** JSON values as Go's `%#v` prints them. */
export function goSyntax(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (typeof value === 'object' && value !== null) return `map[string]interface {}{${Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => `${goQuote(key)}:${goSyntax(item)}`).join(', ')}}`;
  return typeof value === 'string' ? goQuote(value) : value === null || value === undefined ? 'interface {}(nil)' : String(value);
}

/** The name of a JSON value's Go type, as decoding errors name it. */
export function goTypeName(value: unknown): string {
  if (value === null || value === undefined) return '%!s(<nil>)';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'object':
      return 'map[string]interface {}';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'bigint':
      return 'int64';
    case 'boolean':
      return 'bool';
    default:
      return typeof value;
  }
}

/** What encoding/json calls the kind of a JSON value. */
export const jsonKind = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value);

/**
 * Text as Go's `%q` (strconv.Quote) writes it: `\x01` and `\u200b` where JSON has `\u0001` and the character itself.
 * @see https://pkg.go.dev/strconv#Quote
 */
export const goQuote = (text: string): string => (plain.test(text) ? `"${text}"` : `"${Array.from(text, quotedCharacter).join('')}"`);

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const shortEscapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' };

function quotedCharacter(c: string): string {
  const short = shortEscapes[c];
  if (short) return short;
  if (printable.test(c)) return c;
  const code = c.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** JSON as Go's encoding/json writes it: `<`, `>`, `&` and the two line separators are escaped in strings. `indent` as JSON.stringify's. */
export const goJson = (value: unknown, indent?: number): string => JSON.stringify(value ?? null, null, indent).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
