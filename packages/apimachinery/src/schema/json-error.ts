/** What encoding/json would say of a text that is not JSON: a scanner that stops at the first bad character. */
export function jsonSyntaxError(text: string): string {
  try {
    const end = skipValue(text, skipBlank(text, 0));
    const rest = skipBlank(text, end);
    return rest < text.length ? bad(text, rest, 'after top-level value') : 'unexpected end of JSON input';
  } catch (error) {
    if (error instanceof Stop) return error.message;
    // Nested so deep that not even looking for the fault gets to the end.
    if (error instanceof RangeError) return `invalid character '${/[[{]/.exec(text)?.[0] ?? '{'}' exceeded max depth`;
    throw error;
  }
}

class Stop extends Error {}

const unexpectedEnd = 'unexpected end of JSON input';

function bad(text: string, at: number, where: string): string {
  if (at >= text.length) return unexpectedEnd;
  const c = String.fromCodePoint(text.codePointAt(at)!);
  const shown = c === "'" ? "\\'" : c === '"' ? '"' : JSON.stringify(c).slice(1, -1);
  return `invalid character '${shown}' ${where}`;
}

function stop(text: string, at: number, where: string): never {
  throw new Stop(bad(text, at, where));
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at])) at++;
  return at;
}

function skipValue(text: string, at: number): number {
  const c = text[at];
  if (c === '{') return skipObject(text, at);
  if (c === '[') return skipList(text, at);
  if (c === '"') return skipString(text, at);
  if (c === 't') return skipLiteral(text, at, 'true');
  if (c === 'f') return skipLiteral(text, at, 'false');
  if (c === 'n') return skipLiteral(text, at, 'null');
  if (c === '-' || (c >= '0' && c <= '9')) return skipNumber(text, at);
  return stop(text, at, 'looking for beginning of value');
}

function skipObject(text: string, start: number): number {
  let at = skipBlank(text, start + 1);
  if (text[at] === '}') return at + 1;
  for (;;) {
    if (text[at] !== '"') stop(text, at, 'looking for beginning of object key string');
    at = skipBlank(text, skipString(text, at));
    if (text[at] !== ':') stop(text, at, 'after object key');
    at = skipBlank(text, skipValue(text, skipBlank(text, at + 1)));
    if (text[at] === '}') return at + 1;
    if (text[at] !== ',') stop(text, at, 'after object key:value pair');
    at = skipBlank(text, at + 1);
  }
}

function skipList(text: string, start: number): number {
  let at = skipBlank(text, start + 1);
  if (text[at] === ']') return at + 1;
  for (;;) {
    at = skipBlank(text, skipValue(text, at));
    if (text[at] === ']') return at + 1;
    if (text[at] !== ',') stop(text, at, 'after array element');
    at = skipBlank(text, at + 1);
  }
}

function skipString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at];
    if (c === '"') return at + 1;
    if (c < ' ') stop(text, at, 'in string literal');
    if (c !== '\\') continue;
    at++;
    if (text[at] === 'u') {
      for (let i = 1; i <= 4; i++) if (!/[0-9a-fA-F]/.test(text[at + i] ?? '')) stop(text, at + i, 'in \\u hexadecimal character escape');
      at += 4;
    } else if (!'"\\/bfnrt'.includes(text[at] ?? ' ')) stop(text, at, 'in string escape code');
  }
  throw new Stop(unexpectedEnd);
}

function skipLiteral(text: string, start: number, literal: string): number {
  for (let i = 1; i < literal.length; i++) if (text[start + i] !== literal[i]) stop(text, start + i, `in literal ${literal} (expecting '${literal[i]}')`);
  return start + literal.length;
}

const isDigit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';

function skipDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text[at])) at++;
  return at;
}

function skipNumber(text: string, start: number): number {
  let at = start;
  if (text[at] === '-') {
    at++;
    if (!isDigit(text[at])) stop(text, at, 'in numeric literal');
  }
  at = text[at] === '0' ? at + 1 : skipDigits(text, at);
  if (text[at] === '.') {
    if (!isDigit(text[at + 1])) stop(text, at + 1, 'after decimal point in numeric literal');
    at = skipDigits(text, at + 1);
  }
  if (text[at] === 'e' || text[at] === 'E') {
    at++;
    if (text[at] === '+' || text[at] === '-') at++;
    if (!isDigit(text[at])) stop(text, at, 'in exponent of numeric literal');
    at = skipDigits(text, at);
  }
  return at;
}
