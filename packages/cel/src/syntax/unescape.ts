/** The text of string and bytes literals, quotes and escapes resolved. */

const simple: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, "'": 39, '"': 34, '`': 96, '?': 63 };
const encoder = new TextEncoder();

/** The inside of the quotes, and whether escapes count in it. */
function body(token: string): { text: string; raw: boolean } {
  const normal = token.replace(/\r\n?/g, '\n');
  const raw = /^[rR]/.test(normal);
  const quoted = raw ? normal.slice(1) : normal;
  const width = quoted.length >= 6 && /^('''|""")/.test(quoted) ? 3 : 1;
  return { text: quoted.slice(width, quoted.length - width), raw };
}

/** Each unit of the literal: a code point, or (bytes only) a byte that an escape names. @throws Error with upstream's text */
function* units(text: string, bytes: boolean): Generator<{ value: number; byte: boolean }> {
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!;
    if (point !== 92) {
      yield { value: point, byte: false };
      i += point > 0xffff ? 2 : 1;
      continue;
    }
    const kind = text[i + 1];
    if (kind in simple) {
      yield { value: simple[kind], byte: false };
      i += 2;
      continue;
    }
    const octal = /[0-3]/.test(kind);
    const width = octal ? 3 : kind === 'u' ? 4 : kind === 'U' ? 8 : 2;
    if (bytes && (kind === 'u' || kind === 'U')) throw new Error('unable to unescape string');
    const start = octal ? i + 1 : i + 2;
    const value = Number.parseInt(text.slice(start, start + width), octal ? 8 : 16);
    if (!bytes && (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))) throw new Error('invalid unicode code point');
    yield { value, byte: bytes };
    i = start + width;
  }
}

/** @throws Error with upstream's text */
export function unescapeString(token: string): string {
  const { text, raw } = body(token);
  if (raw || !text.includes('\\')) return text;
  return Array.from(units(text, false), ({ value }) => String.fromCodePoint(value)).join('');
}

/** `token` without its `b`. @throws Error with upstream's text */
export function unescapeBytes(token: string): Uint8Array {
  const { text, raw } = body(token);
  if (raw || !text.includes('\\')) return encoder.encode(text);
  return Uint8Array.from([...units(text, true)].flatMap(({ value, byte }) => (byte ? [value] : [...encoder.encode(String.fromCodePoint(value))])));
}
