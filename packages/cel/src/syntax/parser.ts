/** From text to a tree. */
import { Double, Uint } from '../eval/values.ts';
import { inInt64, intOf } from '../eval/integers.ts';
import { accumulatorName, type Entry, type Expr, type FieldInit } from './ast.ts';
import { type Macro, MacroError } from './macros.ts';
import type { Issue } from './source.ts';
import { explainSyntax } from './syntax-errors.ts';
import { type Token, type TokenKind, tokenize } from './tokens.ts';
import { unescapeBytes, unescapeString } from './unescape.ts';

const maxDepth = 250;
const maxCodePoints = 100_000;
/** Words that are no names. */
export const reservedWords: ReadonlySet<string> = new Set('as break const continue else false for function if import in let loop package namespace null return true var void while'.split(' '));

/** Macros by name, arguments and style. */
export type MacroTable = ReadonlyMap<string, Macro>;
const macroKey = (name: string, args: number, receiver: boolean): string => `${name}:${args}:${receiver}`;
export const macroTable = (macros: readonly Macro[]): MacroTable => new Map(macros.map((macro) => [macroKey(macro.name, macro.args, macro.receiver), macro]));

/** Reading went wrong: what, the explanation of the whole text says. */
class Mismatch {}
class TooDeep {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

const relations = new Map<TokenKind, string>([['<', '_<_'], ['<=', '_<=_'], ['>=', '_>=_'], ['>', '_>_'], ['==', '_==_'], ['!=', '_!=_'], ['in', '@in']]);
const sums = new Map<TokenKind, string>([['+', '_+_'], ['-', '_-_']]);
const products = new Map<TokenKind, string>([['*', '_*_'], ['/', '_/_'], ['%', '_%_']]);

class Parser {
  readonly #tokens: Token[];
  readonly #macros: MacroTable;
  readonly #issues: Issue[];
  #pos = 0;
  #depth = 0;

  constructor(tokens: Token[], macros: MacroTable, issues: Issue[]) {
    this.#tokens = tokens;
    this.#macros = macros;
    this.#issues = issues;
  }

  start(): Expr {
    const expr = this.#expr();
    this.#expect('EOF');
    return expr;
  }

  get #next(): Token {
    return this.#tokens[this.#pos];
  }
  #peek(ahead: number): TokenKind {
    return this.#tokens[Math.min(this.#pos + ahead, this.#tokens.length - 1)].kind;
  }
  #accept(kind: TokenKind): Token | undefined {
    if (this.#next.kind !== kind) return undefined;
    return this.#tokens[this.#pos++];
  }
  #expect(kind: TokenKind): Token {
    const token = this.#accept(kind);
    if (!token) throw new Mismatch();
    return token;
  }
  #fault(offset: number, message: string): Expr {
    this.#issues.push({ offset, message });
    return { kind: 'unspecified', offset };
  }

  #expr(): Expr {
    if (++this.#depth > maxDepth) throw new TooDeep(`expression recursion limit exceeded: ${maxDepth}`);
    const condition = this.#or();
    const mark = this.#accept('?');
    if (!mark) {
      this.#depth--;
      return condition;
    }
    const truthy = this.#or();
    this.#expect(':');
    const falsy = this.#expr();
    this.#depth--;
    return this.#call(mark.offset, '_?_:_', [condition, truthy, falsy]);
  }

  #or(): Expr {
    return this.#logic('||', '_||_', () => this.#logic('&&', '_&&_', () => this.#relation()));
  }

  /** Chains become balanced trees, so that long ones are not deep. */
  #logic(kind: TokenKind, name: string, operand: () => Expr): Expr {
    const terms = [operand()];
    const offsets: number[] = [];
    for (let op = this.#accept(kind); op; op = this.#accept(kind)) {
      offsets.push(op.offset);
      terms.push(operand());
    }
    const balance = (low: number, high: number): Expr => {
      const middle = (low + high + 1) >> 1;
      const left = middle === low ? terms[middle] : balance(low, middle - 1);
      const right = middle === high ? terms[middle + 1] : balance(middle + 1, high);
      return { kind: 'call', offset: offsets[middle], name, args: [left, right] };
    };
    return offsets.length ? balance(0, offsets.length - 1) : terms[0];
  }

  #chain(table: Map<TokenKind, string>, operand: () => Expr): Expr {
    let left = operand();
    for (let name = table.get(this.#next.kind), depth = 1; name; name = table.get(this.#next.kind), depth++) {
      if (depth > maxDepth) throw new TooDeep('max recursion depth exceeded');
      const { offset } = this.#tokens[this.#pos++];
      left = this.#call(offset, name, [left, operand()]);
    }
    return left;
  }
  #relation(): Expr {
    return this.#chain(relations, () => this.#chain(sums, () => this.#chain(products, () => this.#unary())));
  }

  #unary(): Expr {
    const { kind, offset } = this.#next;
    if (kind !== '!' && kind !== '-') return this.#member();
    if (kind === '-' && ['NUM_INT', 'NUM_FLOAT'].includes(this.#peek(1))) return this.#member();
    let count = 0;
    while (this.#accept(kind)) count++;
    const operand = this.#member();
    return count % 2 ? this.#call(offset, kind === '!' ? '!_' : '-_', [operand]) : operand;
  }

  #member(): Expr {
    let expr = this.#primary();
    for (let depth = 0; ; depth++) {
      if (depth > maxDepth) throw new TooDeep('max recursion depth exceeded');
      const dot = this.#accept('.');
      if (dot) {
        const optional = this.#accept('?');
        const name = this.#accept('ESC_IDENTIFIER') ?? this.#expect('IDENTIFIER');
        const field = name.kind === 'IDENTIFIER' ? name.text : name.text.slice(1, -1);
        const open = !optional && name.kind === 'IDENTIFIER' ? this.#accept('(') : undefined;
        if (open) expr = this.#call(open.offset, field, this.#arguments(), expr);
        else if (optional) expr = { kind: 'call', offset: dot.offset, name: '_?._', args: [expr, { kind: 'literal', offset: name.offset, value: field }] };
        else expr = { kind: 'select', offset: dot.offset, operand: expr, field, testOnly: false };
        continue;
      }
      const bracket = this.#accept('[');
      if (!bracket) return expr;
      const optional = this.#accept('?');
      const index = this.#expr();
      this.#expect(']');
      expr = this.#call(bracket.offset, optional ? '_[?_]' : '_[_]', [expr, index]);
    }
  }

  #arguments(): Expr[] {
    const args: Expr[] = [];
    if (this.#accept(')')) return args;
    do args.push(this.#expr());
    while (this.#accept(','));
    this.#expect(')');
    return args;
  }

  #primary(): Expr {
    const token = this.#next;
    switch (token.kind) {
      case '(': {
        this.#pos++;
        const inner = this.#expr();
        this.#expect(')');
        return inner;
      }
      case '[':
        this.#pos++;
        return this.#list(token.offset);
      case '{':
        this.#pos++;
        return { kind: 'map', offset: token.offset, entries: this.#entries() };
      case '.':
      case 'IDENTIFIER':
        return this.#name();
      default:
        return this.#literal();
    }
  }

  #list(offset: number): Expr {
    const elements: Expr[] = [];
    const optional = new Set<number>();
    while (![']', ','].includes(this.#peek(0))) {
      if (this.#accept('?')) optional.add(elements.length);
      elements.push(this.#expr());
      if (this.#peek(0) !== ',' || this.#peek(1) === ']') break;
      this.#pos++;
      if (this.#tokens[this.#pos].kind === ',') throw new Mismatch();
    }
    this.#accept(',');
    this.#expect(']');
    return { kind: 'list', offset, elements, optional };
  }

  /** Comma-separated parts up to `}`. */
  #braced<T>(part: () => T): T[] {
    const parts: T[] = [];
    while (!['}', ','].includes(this.#peek(0))) {
      parts.push(part());
      if (this.#peek(0) !== ',' || this.#peek(1) === '}') break;
      this.#pos++;
      if (this.#tokens[this.#pos].kind === ',') throw new Mismatch();
    }
    this.#accept(',');
    this.#expect('}');
    return parts;
  }
  #entries(): Entry[] {
    return this.#braced(() => {
      const optional = Boolean(this.#accept('?'));
      const key = this.#expr();
      const { offset } = this.#expect(':');
      return { offset, key, value: this.#expr(), optional };
    });
  }
  #fields(): FieldInit[] {
    return this.#braced(() => {
      const optional = Boolean(this.#accept('?'));
      const name = this.#accept('ESC_IDENTIFIER') ?? this.#expect('IDENTIFIER');
      const { offset } = this.#expect(':');
      return { offset, name: name.kind === 'IDENTIFIER' ? name.text : name.text.slice(1, -1), value: this.#expr(), optional };
    });
  }

  #name(): Expr {
    const start = this.#next.offset;
    const lead = this.#accept('.') ? '.' : '';
    const name = this.#expect('IDENTIFIER');
    let ahead = 0;
    while (this.#peek(ahead) === '.' && this.#peek(ahead + 1) === 'IDENTIFIER') ahead += 2;
    if (this.#peek(ahead) === '{') {
      const parts = [name.text];
      for (let i = 0; i < ahead; i += 2) {
        this.#pos++;
        parts.push(this.#expect('IDENTIFIER').text);
      }
      const { offset } = this.#expect('{');
      return { kind: 'struct', offset, name: lead + parts.join('.'), fields: this.#fields() };
    }
    const open = this.#accept('(');
    const args = open && this.#arguments();
    if (reservedWords.has(name.text)) return this.#fault(start, `reserved identifier: ${name.text}`);
    if (open && args) return this.#call(open.offset, lead + name.text, args);
    return { kind: 'ident', offset: name.offset, name: lead + name.text };
  }

  #literal(): Expr {
    const { offset } = this.#next;
    const minus = this.#accept('-') ? '-' : '';
    const { kind, text } = this.#tokens[this.#pos++];
    if (minus && kind !== 'NUM_INT' && kind !== 'NUM_FLOAT') throw new Mismatch();
    switch (kind) {
      case 'NUM_INT': {
        const value = BigInt(text) * (minus ? -1n : 1n);
        return inInt64(value) ? { kind: 'literal', offset, value: intOf(value) } : this.#fault(offset, 'invalid int literal');
      }
      case 'NUM_UINT': {
        const value = BigInt(text.slice(0, -1));
        return value < 1n << 64n ? { kind: 'literal', offset, value: new Uint(value) } : this.#fault(offset, 'invalid uint literal');
      }
      case 'NUM_FLOAT': {
        const value = Number(minus + text);
        return Number.isFinite(value) ? { kind: 'literal', offset, value: new Double(value) } : this.#fault(offset, 'invalid double literal');
      }
      case 'STRING':
      case 'BYTES':
        try {
          return { kind: 'literal', offset, value: kind === 'STRING' ? unescapeString(text) : unescapeBytes(text.slice(1)) };
        } catch (error) {
          return this.#fault(offset, (error as Error).message);
        }
      case 'true':
      case 'false':
        return { kind: 'literal', offset, value: kind === 'true' };
      case 'null':
        return { kind: 'literal', offset, value: null };
      default:
        throw new Mismatch();
    }
  }

  /** A call, or what a macro makes of it. */
  #call(offset: number, name: string, args: Expr[], target?: Expr): Expr {
    const macro = this.#macros.get(macroKey(name, args.length, target !== undefined));
    if (macro) {
      try {
        const expanded = macro.expand(offset, args, target ?? { kind: 'ident', offset, name: accumulatorName });
        if (expanded) return expanded;
      } catch (error) {
        if (!(error instanceof MacroError)) throw error;
        return this.#fault(error.offset, error.message);
      }
    }
    return { kind: 'call', offset, name, args, ...(target && { target }) };
  }
}

/** The tree of an expression, or what is wrong with its text. */
export function parse(source: string, macros: MacroTable): { expr?: Expr; issues: Issue[] } {
  const issues: Issue[] = [];
  if (source.length > maxCodePoints) {
    const size = [...source].length;
    if (size > maxCodePoints) return { issues: [{ offset: -1, message: `expression code point size exceeds limit: size: ${size}, limit ${maxCodePoints}` }] };
  }
  const tokens = tokenize(source, issues);
  try {
    const expr = new Parser(tokens, macros, issues).start();
    return issues.length ? { issues } : { expr, issues };
  } catch (error) {
    if (error instanceof TooDeep) return { issues: [...issues, { offset: -1, message: error.message }] };
    if (!(error instanceof Mismatch)) throw error;
    return { issues: [...issues, ...explainSyntax(source, tokens)] };
  }
}
