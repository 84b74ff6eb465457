/** The lexer: the longest match wins; what matches nothing is told as ANTLR's lexers tell it. */
import type { Issue } from './source.ts';

/** Kinds as the grammar orders them; what is expected is listed in this order. */
export const tokenKinds = ['EOF', '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', '*', '/', '%', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER', 'ESC_IDENTIFIER'] as const;
export type TokenKind = (typeof tokenKinds)[number];

export interface Token {
  kind: TokenKind;
  text: string;
  /** In UTF-16 units. */
  offset: number;
}

const keywords = new Set(['in', 'true', 'false', 'null']);
const operators = ['==', '!=', '<=', '>=', '&&', '||', '<', '>', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', '*', '/', '%'] as const;
const blank = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const float = /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?/y;
const integer = /(?:0x[0-9a-fA-F]+|\d+)/y;
const identifier = /[A-Za-z_]\w*/y;
const escaped = /`[\w.\-/ ]+`/y;

/** The end of a quoted string, or where reading it broke off (negated, minus one). */
function scanString(source: string, start: number): number {
  let pos = start;
  const raw = source[pos] === 'r' || source[pos] === 'R';
  if (raw) pos++;
  const quote = source[pos];
  if (quote !== '"' && quote !== "'") return -1 - pos;
  const triple = source.startsWith(quote.repeat(3), pos);
  if (triple) {
    const end = scanBody(source, pos + 3, quote.repeat(3), raw, true);
    // An empty string followed by a quote, where the triple quote is never closed.
    return end < 0 ? pos + 2 : end;
  }
  return scanBody(source, pos + 1, quote, raw, false);
}

function scanBody(source: string, start: number, close: string, raw: boolean, multiline: boolean): number {
  let pos = start;
  while (pos < source.length) {
    if (source.startsWith(close, pos)) return pos + close.length;
    const character = source[pos];
    if (character === '\\' && !raw) {
      const length = escapeLength(source, pos);
      if (length < 0) return -1 - (pos - length);
      pos += length;
    } else if (!multiline && (character === '\n' || character === '\r')) return -1 - pos;
    else pos += source.codePointAt(pos)! > 0xffff ? 2 : 1;
  }
  return -1 - pos;
}

const hexDigits: Record<string, number> = { x: 2, X: 2, u: 4, U: 8 };

/** How many units an escape takes; negative: how many were read before it went wrong. */
function escapeLength(source: string, at: number): number {
  const kind = source[at + 1];
  if (kind === undefined) return -1;
  if ('abfnrtv"\'\\?`'.includes(kind)) return 2;
  const digits = hexDigits[kind];
  const wanted = digits ? /[0-9a-fA-F]/ : /[0-7]/;
  const count = digits ?? 2;
  if (!digits && !/[0-3]/.test(kind)) return -1;
  for (let i = 0; i < count; i++) if (!wanted.test(source[at + 2 + i] ?? '')) return -2 - i;
  return 2 + count;
}

const matchAt = (pattern: RegExp, source: string, offset: number): number => {
  pattern.lastIndex = offset;
  return pattern.test(source) ? pattern.lastIndex : -1;
};

/** All tokens, ending in EOF. */
export function tokenize(source: string, issues: Issue[]): Token[] {
  const tokens: Token[] = [];
  let pos = 0;
  const add = (kind: TokenKind, end: number) => {
    tokens.push({ kind, text: source.slice(pos, end), offset: pos });
    pos = end;
  };
  const fail = (at: number) => {
    const wide = at < source.length && source.codePointAt(at)! > 0xffff;
    const end = Math.min(at + (wide ? 2 : 1), source.length);
    issues.push({ offset: pos, message: `Syntax error: token recognition error at: '${source.slice(pos, end)}'` });
    pos = end;
  };
  while (pos < source.length) {
    const afterBlank = matchAt(blank, source, pos);
    if (afterBlank > 0) {
      pos = afterBlank;
      continue;
    }
    const character = source[pos];
    if (/[\d.]/.test(character)) {
      const floatEnd = matchAt(float, source, pos);
      if (floatEnd > 0) {
        add('NUM_FLOAT', floatEnd);
        continue;
      }
      const end = matchAt(integer, source, pos);
      if (end > 0) {
        if (/[uU]/.test(source[end] ?? '')) add('NUM_UINT', end + 1);
        else add('NUM_INT', end);
        continue;
      }
    }
    if (/["'rRbB]/.test(character)) {
      const bytes = /[bB]/.test(character);
      const end = scanString(source, bytes ? pos + 1 : pos);
      if (end > 0) {
        add(bytes ? 'BYTES' : 'STRING', end);
        continue;
      }
      if (character === '"' || character === "'") {
        fail(-1 - end);
        continue;
      }
    }
    const name = matchAt(identifier, source, pos);
    if (name > 0) {
      const text = source.slice(pos, name);
      add(keywords.has(text) ? (text as TokenKind) : 'IDENTIFIER', name);
      continue;
    }
    if (character === '`') {
      const end = matchAt(escaped, source, pos);
      if (end > 0) add('ESC_IDENTIFIER', end);
      else {
        let at = pos + 1;
        while (/[\w.\-/ ]/.test(source[at] ?? '')) at++;
        fail(at);
      }
      continue;
    }
    const operator = operators.find((text) => source.startsWith(text, pos));
    if (operator) add(operator, pos + operator.length);
    else fail('=&|'.includes(character) ? pos + 1 : pos);
  }
  tokens.push({ kind: 'EOF', text: '<EOF>', offset: source.length });
  return tokens;
}

const literalLike = /^[A-Z]/;
/** As messages show a kind: `'('`, `NUM_INT`, `<EOF>`. */
export const displayKind = (kind: TokenKind): string => (kind === 'EOF' ? '<EOF>' : literalLike.test(kind) ? kind : `'${kind}'`);
