import { YamlFault } from './fault.ts';
import { CharacterReader } from './reader.ts';
import { readPlain, readQuoted, skipBlockScalar } from './scalars.ts';
import { readDirective, readTag } from './tags.ts';

/** Indicators are their own names; `key` and `value` come for `?` and `:` and for simple keys. */
export type TokenType = 'document-start' | 'document-end' | 'stream-end' | 'version' | 'tag-directive' | 'block-sequence' | 'block-mapping' | 'block-end' | '[' | ']' | '{' | '}' | ',' | '-' | 'key' | 'value' | 'alias' | 'anchor' | 'tag' | 'scalar';

export interface Token {
  type: TokenType;
  /** Where it begins, from 0. */
  line: number;
  endLine: number;
  text: string;
  /** A scalar without quotes. */
  plain?: boolean;
}

/** A place where a key may have begun that no `?` announces. */
interface SimpleKey {
  /** In block context at the indentation of the block: here a key must stand. */
  required: boolean;
  /** Number of the token that would be the key. */
  token: number;
  at: number;
  line: number;
  column: number;
}

/** Characters within which the `:` of a simple key must come. */
const longestKey = 1024;

/**
 * The tokens of a YAML text as libyaml finds them, which go-yaml is a translation of: what it refuses, and in which
 * words, follows from its rules for simple keys. @see https://pyyaml.org/wiki/LibYAML
 */
export class TokenReader {
  #reader: CharacterReader;
  #queue: Token[] = [];
  #taken = 0;
  #indent = -1;
  #indents: number[] = [];
  /** One for each level of flow collections, and one for the block context. */
  #keys: (SimpleKey | undefined)[] = [undefined];
  #keyAllowed = true;
  #ended = false;

  /** @throws YamlFault */
  constructor(text: string) {
    this.#reader = new CharacterReader(text.startsWith('\ufeff') ? text.slice(1) : text);
  }

  /** @throws YamlFault */
  peek(): Token {
    while (!this.#queue.length || this.#keys.some((key) => key?.token === this.#taken && this.#isStillPossible(key))) {
      if (this.#ended) break;
      this.#fetch();
    }
    return this.#queue[0];
  }

  next(): Token {
    const token = this.peek();
    this.#queue.shift();
    this.#taken++;
    return token;
  }

  get #inFlow(): boolean {
    return this.#keys.length > 1;
  }

  #fail(problem: string, partOf = this.#reader.line): never {
    throw YamlFault.ofTokens(problem, partOf, this.#reader.line);
  }

  #fetch(): void {
    const r = this.#reader;
    this.#skipToToken();
    this.#unroll(r.column);
    if (r.isEnd()) return void this.#fetchEnd();
    if (r.column === 0 && r.peek() === '%') return void this.#fetchOutsideBlocks(() => readDirective(r));
    if (r.atDocumentMark()) return void this.#fetchOutsideBlocks(() => this.#mark(r.peek() === '-' ? 'document-start' : 'document-end', 3));
    const c = r.peek();
    switch (c) {
      case '[': case '{':
        this.#saveKey();
        this.#keys.push(undefined);
        this.#keyAllowed = true;
        return void this.#add(this.#mark(c, 1));
      case ']': case '}':
        this.#dropKey();
        if (this.#inFlow) this.#keys.pop();
        this.#keyAllowed = false;
        return void this.#add(this.#mark(c, 1));
      case ',':
        this.#dropKey();
        this.#keyAllowed = true;
        return void this.#add(this.#mark(c, 1));
    }
    if (c === '-' && r.isSpaceOrEnd(1)) return void this.#fetchEntry();
    if (c === '?' && (this.#inFlow || r.isSpaceOrEnd(1))) return void this.#fetchKey();
    if (c === ':' && (this.#inFlow || r.isSpaceOrEnd(1))) return void this.#fetchValue();
    if (c === '*' || c === '&') return void this.#fetchScalarLike(() => this.#readAnchor(c));
    if (c === '!') return void this.#fetchScalarLike(() => readTag(r));
    if ((c === '|' || c === '>') && !this.#inFlow) {
      this.#dropKey();
      this.#keyAllowed = true;
      return void this.#add(this.#around('scalar', () => (skipBlockScalar(r, this.#indent), '')));
    }
    if (c === "'" || c === '"') return void this.#fetchScalarLike(() => this.#around('scalar', () => readQuoted(r)));
    const startsPlain = !(r.isSpaceOrEnd() || '-?:,[]{}#&*!|>\'"%@`'.includes(c)) || (c === '-' && !r.isBlank(1)) || (!this.#inFlow && (c === '?' || c === ':') && !r.isSpaceOrEnd(1));
    if (startsPlain) return void this.#fetchPlain();
    this.#fail('found character that cannot start any token');
  }

  #skipToToken(): void {
    const r = this.#reader;
    for (;;) {
      if (r.column === 0 && r.peek() === '\ufeff') r.skip();
      while (r.peek() === ' ' || ((this.#inFlow || !this.#keyAllowed) && r.peek() === '\t')) r.skip();
      r.skipComment();
      if (!r.isBreak()) return;
      r.skipBreak();
      if (!this.#inFlow) this.#keyAllowed = true;
    }
  }

  #mark(type: TokenType, length: number): Token {
    const { line } = this.#reader;
    this.#reader.skip(length);
    return { type, line, endLine: line, text: '' };
  }

  #around(type: TokenType, read: () => string): Token {
    const { line } = this.#reader;
    const text = read();
    return { type, line, endLine: this.#reader.line, text };
  }

  #add(token: Token, number?: number): void {
    if (number === undefined) this.#queue.push(token);
    else this.#queue.splice(number - this.#taken, 0, token);
  }

  #fetchEnd(): void {
    const r = this.#reader;
    if (r.column !== 0) {
      r.column = 0;
      r.line++;
    }
    this.#unroll(-1);
    this.#dropKey();
    this.#keyAllowed = false;
    this.#ended = true;
    this.#add(this.#mark('stream-end', 0));
  }

  /** Directives and document marks end all blocks. */
  #fetchOutsideBlocks(read: () => Token): void {
    this.#unroll(-1);
    this.#dropKey();
    this.#keyAllowed = false;
    this.#add(read());
  }

  #fetchEntry(): void {
    if (!this.#inFlow) {
      if (!this.#keyAllowed) this.#fail('block sequence entries are not allowed in this context');
      this.#roll(this.#reader.column, 'block-sequence');
    }
    this.#dropKey();
    this.#keyAllowed = true;
    this.#add(this.#mark('-', 1));
  }

  #fetchKey(): void {
    if (!this.#inFlow) {
      if (!this.#keyAllowed) this.#fail('mapping keys are not allowed in this context');
      this.#roll(this.#reader.column, 'block-mapping');
    }
    this.#dropKey();
    this.#keyAllowed = !this.#inFlow;
    this.#add(this.#mark('key', 1));
  }

  #fetchValue(): void {
    const level = this.#keys.length - 1;
    const key = this.#keys[level];
    if (key && this.#isStillPossible(key)) {
      this.#add({ type: 'key', line: key.line, endLine: key.line, text: '' }, key.token);
      this.#roll(key.column, 'block-mapping', key);
      this.#keys[level] = undefined;
      this.#keyAllowed = false;
    } else {
      if (!this.#inFlow) {
        if (!this.#keyAllowed) this.#fail('mapping values are not allowed in this context');
        this.#roll(this.#reader.column, 'block-mapping');
      }
      this.#keyAllowed = !this.#inFlow;
    }
    this.#add(this.#mark('value', 1));
  }

  /** What may be a simple key and is followed by none. */
  #fetchScalarLike(read: () => Token): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#add(read());
  }

  #fetchPlain(): void {
    this.#saveKey();
    this.#keyAllowed = false;
    const { line } = this.#reader;
    const { text, brokenLine } = readPlain(this.#reader, this.#indent, this.#inFlow);
    if (brokenLine) this.#keyAllowed = true;
    this.#add({ type: 'scalar', line, endLine: this.#reader.line, text, plain: true });
  }

  #readAnchor(indicator: '*' | '&'): Token {
    const r = this.#reader;
    const { line } = r;
    return this.#around(indicator === '*' ? 'alias' : 'anchor', () => {
      r.skip();
      let name = '';
      while (/[\w-]/.test(r.peek())) name += r.take();
      if (!name || !(r.isSpaceOrEnd() || '?:,]}%@`'.includes(r.peek()))) this.#fail('did not find expected alphabetic or numeric character', line);
      return name;
    });
  }

  #isStillPossible(key: SimpleKey): boolean {
    const r = this.#reader;
    if (key.line >= r.line && key.at + longestKey >= r.at) return true;
    if (key.required) this.#fail("could not find expected ':'", key.line);
    this.#keys[this.#keys.indexOf(key)] = undefined;
    return false;
  }

  #saveKey(): void {
    const { at, line, column } = this.#reader;
    if (!this.#keyAllowed) return;
    this.#dropKey();
    this.#keys[this.#keys.length - 1] = { required: !this.#inFlow && this.#indent === column, token: this.#taken + this.#queue.length, at, line, column };
  }

  #dropKey(): void {
    const key = this.#keys.at(-1);
    if (key?.required) this.#fail("could not find expected ':'", key.line);
    this.#keys[this.#keys.length - 1] = undefined;
  }

  #roll(column: number, type: TokenType, before?: SimpleKey): void {
    if (this.#inFlow || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    const line = before?.line ?? this.#reader.line;
    this.#add({ type, line, endLine: line, text: '' }, before?.token);
  }

  #unroll(column: number): void {
    if (this.#inFlow) return;
    while (this.#indent > column) {
      this.#add(this.#mark('block-end', 0));
      this.#indent = this.#indents.pop()!;
    }
  }
}
