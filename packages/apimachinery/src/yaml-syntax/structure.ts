import { YamlFault } from './fault.ts';
import { type Token, TokenReader, type TokenType } from './tokens.ts';

/** A node of a document as far as keys and lines are concerned. */
export interface YamlNode {
  /** Where it begins, from 0. */
  line: number;
  /** Of a scalar that is no alias. */
  scalar?: { text: string; plain: boolean };
  /** The pairs of a mapping, in order. */
  pairs?: readonly (readonly [key: YamlNode, value: YamlNode])[];
  items?: readonly YamlNode[];
}

/**
 * The structure of the first document; undefined where there is none. What follows it is not looked at.
 * @throws YamlFault in the words of go-yaml
 */
export function readStructure(text: string): YamlNode | undefined {
  const reader = new StructureReader(new TokenReader(text));
  return reader.document();
}

class StructureReader {
  #tokens: TokenReader;
  #handles = new Set(['', '!', '!!']);
  #anchors = new Set<string>();

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  #at(...types: TokenType[]): boolean {
    return types.includes(this.#tokens.peek().type);
  }

  #fail(problem: string, partOf: number, token: Token): never {
    throw YamlFault.ofStructure(problem, partOf, token.line);
  }

  document(): YamlNode | undefined {
    if (this.#at('stream-end')) return undefined;
    if (this.#at('version', 'tag-directive', 'document-start')) {
      this.#directives();
      const start = this.#tokens.peek();
      if (start.type !== 'document-start') this.#fail('did not find expected <document start>', 0, start);
      this.#tokens.next();
      if (this.#at('version', 'tag-directive', 'document-start', 'document-end', 'stream-end')) return this.#empty(this.#tokens.peek().line);
    }
    const root = this.#node(true, false);
    this.#tokens.peek();
    return root;
  }

  #directives(): void {
    let versions = 0;
    const own = new Set<string>();
    while (this.#at('version', 'tag-directive')) {
      const token = this.#tokens.peek();
      if (token.type === 'version') {
        if (versions++) this.#fail('found duplicate %YAML directive', 0, token);
        if (token.text !== '1.1') this.#fail('found incompatible YAML document', 0, token);
      } else {
        if (own.has(token.text)) this.#fail('found duplicate %TAG directive', 0, token);
        own.add(token.text);
        this.#handles.add(token.text);
      }
      this.#tokens.next();
    }
  }

  #empty(line: number): YamlNode {
    return { line, scalar: { text: '', plain: true } };
  }

  /** `indentless`: a list may stand at the indentation of its key. */
  #node(block: boolean, indentless: boolean): YamlNode {
    let token = this.#tokens.peek();
    if (token.type === 'alias') {
      if (!this.#anchors.has(token.text)) throw new YamlFault(`unknown anchor '${token.text}' referenced`);
      return { line: this.#tokens.next().line };
    }
    const { line } = token;
    let properties = 0;
    let tag: Token | undefined;
    for (const type of token.type === 'tag' ? (['tag', 'anchor'] as const) : (['anchor', 'tag'] as const)) {
      if (!this.#at(type)) continue;
      const property = this.#tokens.next();
      properties++;
      if (type === 'tag') tag = property;
      else this.#anchors.add(property.text);
    }
    if (tag && !this.#handles.has(tag.text)) this.#fail('found undefined tag handle', line, tag);
    token = this.#tokens.peek();
    switch (token.type) {
      case '-':
        if (indentless) return { line, items: this.#indentlessItems() };
        break;
      case 'scalar':
        this.#tokens.next();
        return { line, scalar: { text: token.text, plain: !!token.plain && !tag } };
      case '[':
        return { line, items: this.#flowItems() };
      case '{':
        return { line, pairs: this.#flowPairs() };
      case 'block-sequence':
        if (block) return { line, items: this.#blockItems() };
        break;
      case 'block-mapping':
        if (block) return { line, pairs: this.#blockPairs() };
        break;
    }
    if (properties) return this.#empty(line);
    this.#fail('did not find expected node content', line, token);
  }

  #blockItems(): YamlNode[] {
    const start = this.#tokens.next().line;
    const items: YamlNode[] = [];
    while (this.#at('-')) {
      const { endLine } = this.#tokens.next();
      items.push(this.#at('-', 'block-end') ? this.#empty(endLine) : this.#node(true, false));
    }
    if (!this.#at('block-end')) this.#fail("did not find expected '-' indicator", start, this.#tokens.peek());
    this.#tokens.next();
    return items;
  }

  #indentlessItems(): YamlNode[] {
    const items: YamlNode[] = [];
    while (this.#at('-')) {
      const { endLine } = this.#tokens.next();
      items.push(this.#at('-', 'key', 'value', 'block-end') ? this.#empty(endLine) : this.#node(true, false));
    }
    return items;
  }

  #blockPairs(): [YamlNode, YamlNode][] {
    const start = this.#tokens.next().line;
    const pairs: [YamlNode, YamlNode][] = [];
    const part = (endLine: number): YamlNode => (this.#at('key', 'value', 'block-end') ? this.#empty(endLine) : this.#node(true, true));
    while (this.#at('key')) {
      const key = part(this.#tokens.next().endLine);
      pairs.push([key, this.#at('value') ? part(this.#tokens.next().endLine) : this.#empty(this.#tokens.peek().line)]);
    }
    if (!this.#at('block-end')) this.#fail('did not find expected key', start, this.#tokens.peek());
    this.#tokens.next();
    return pairs;
  }

  #flowItems(): YamlNode[] {
    const start = this.#tokens.next().line;
    const items: YamlNode[] = [];
    for (let first = true; !this.#at(']'); first = false) {
      if (!first) {
        if (!this.#at(',')) this.#fail("did not find expected ',' or ']'", start, this.#tokens.peek());
        this.#tokens.next();
      }
      if (this.#at('key')) items.push(this.#singlePair());
      else if (this.#at(']')) break;
      else items.push(this.#node(false, false));
    }
    this.#tokens.next();
    return items;
  }

  /** `[a: b]`: a mapping of one pair. A key that is empty takes the next token with it, as libyaml's does. */
  #singlePair(): YamlNode {
    const { line } = this.#tokens.next();
    const key = this.#at('value', ',', ']') ? this.#empty(this.#tokens.next().endLine) : this.#node(false, false);
    return { line, pairs: [[key, this.#flowValue(']')]] };
  }

  #flowPairs(): [YamlNode, YamlNode][] {
    const start = this.#tokens.next().line;
    const pairs: [YamlNode, YamlNode][] = [];
    for (let first = true; !this.#at('}'); first = false) {
      if (!first) {
        if (!this.#at(',')) this.#fail("did not find expected ',' or '}'", start, this.#tokens.peek());
        this.#tokens.next();
      }
      if (this.#at('key')) {
        this.#tokens.next();
        const key = this.#at('value', ',', '}') ? this.#empty(this.#tokens.peek().line) : this.#node(false, false);
        pairs.push([key, this.#flowValue('}')]);
      } else if (this.#at('}')) break;
      else pairs.push([this.#node(false, false), this.#empty(this.#tokens.peek().line)]);
    }
    this.#tokens.next();
    return pairs;
  }

  #flowValue(end: ']' | '}'): YamlNode {
    if (this.#at('value')) {
      this.#tokens.next();
      if (!this.#at(',', end)) return this.#node(false, false);
    }
    return this.#empty(this.#tokens.peek().line);
  }
}
