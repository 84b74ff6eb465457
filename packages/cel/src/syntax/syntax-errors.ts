/** Explains texts that are no expressions, in the words of ANTLR's default error strategy, which upstream's parser speaks. */
import { type Part, rules, type State } from './grammar.ts';
import { type Context, expectedTokens, nextTokens, NoViable, predict } from './prediction.ts';
import type { Issue } from './source.ts';
import { displayKind, type Token, type TokenKind, tokenKinds } from './tokens.ts';

/** A rule gives up at a token. */
class Recognition {
  readonly message: string;
  readonly token: Token;
  constructor(message: string, token: Token) {
    this.message = message;
    this.token = token;
  }
}
class GaveUp {}

const maxRecoveries = 30;
const quote = (text: string): string => `'${text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`;

function listKinds(kinds: ReadonlySet<TokenKind>): string {
  const shown = tokenKinds.filter((kind) => kinds.has(kind)).map(displayKind);
  return shown.length === 1 ? shown[0] : `{${shown.join(', ')}}`;
}

class Explanation {
  readonly issues: Issue[] = [];
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #pos = 0;
  /** No second complaint until a token fits. */
  #recovering = false;
  #lastErrorAt = -1;
  #lastErrorStates = new Set<State>();
  #state!: State;
  #attempts = 0;

  constructor(source: string, tokens: readonly Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  #token(ahead = 0): Token {
    return this.#tokens[Math.min(this.#pos + ahead, this.#tokens.length - 1)];
  }
  #consume(): void {
    if (this.#pos < this.#tokens.length - 1) this.#pos++;
  }
  #matched(): void {
    this.#recovering = false;
    this.#lastErrorAt = -1;
    this.#lastErrorStates.clear();
  }
  #report(message: string, token: Token): void {
    if (this.#recovering) return;
    this.#recovering = true;
    this.issues.push({ offset: token.offset, message: `Syntax error: ${message}` });
  }
  #attempt(): void {
    if (this.#attempts++ < maxRecoveries) return;
    this.issues.push({ offset: this.#token().offset, message: `Syntax error: error recovery attempt limit exceeded: ${maxRecoveries}` });
    throw new GaveUp();
  }

  run(): Issue[] {
    try {
      this.#rule('start', { rule: 'start', precedence: 0 });
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
    }
    return this.issues;
  }

  #rule(name: string, context: Context): void {
    try {
      this.#part(rules[name].part, context);
    } catch (error) {
      if (!(error instanceof Recognition)) throw error;
      this.#report(error.message, error.token);
      this.#recover(context);
    }
  }

  #recover(context: Context): void {
    this.#attempt();
    if (this.#lastErrorAt === this.#pos && this.#lastErrorStates.has(this.#state)) this.#consume();
    this.#lastErrorAt = this.#pos;
    this.#lastErrorStates.add(this.#state);
    this.#skipTo(this.#recoverySet(context));
  }
  #recoverySet(context: Context): Set<TokenKind | 'EPSILON'> {
    const found = new Set<TokenKind | 'EPSILON'>();
    for (let at: Context | undefined = context; at?.follow; at = at.parent) for (const kind of nextTokens(at.follow)) found.add(kind);
    return found;
  }
  #skipTo(wanted: ReadonlySet<TokenKind | 'EPSILON'>): void {
    while (this.#token().kind !== 'EOF' && !wanted.has(this.#token().kind)) this.#consume();
  }

  #mismatch(context: Context): Recognition {
    const token = this.#token();
    return new Recognition(`mismatched input ${quote(token.text)} expecting ${listKinds(expectedTokens(this.#state, context))}`, token);
  }
  #unwanted(context: Context): void {
    const token = this.#token();
    this.#report(`extraneous input ${quote(token.text)} expecting ${listKinds(expectedTokens(this.#state, context))}`, token);
  }
  /** Goes on past one token that should not be there. */
  #dropOne(context: Context): boolean {
    if (!expectedTokens(this.#state, context).has(this.#token(1).kind) || this.#token().kind === 'EOF') return false;
    this.#unwanted(context);
    this.#consume();
    this.#matched();
    return true;
  }

  /** Before a choice or a loop: is the next token any good? */
  #sync(state: State, context: Context, again = false): void {
    this.#state = state;
    if (this.#recovering) return;
    const next = nextTokens(state);
    if (next.has('EPSILON') || next.has(this.#token().kind)) return;
    if (again) {
      this.#unwanted(context);
      this.#skipTo(new Set([...expectedTokens(state, context), ...this.#recoverySet(context)]));
    } else if (!this.#dropOne(context)) throw this.#mismatch(context);
  }

  #predict(state: State, context: Context): number {
    const start = this.#pos;
    try {
      return predict(state, context, this.#tokens, start);
    } catch (error) {
      if (!(error instanceof NoViable)) throw error;
      const from = this.#tokens[start];
      const to = this.#tokens[error.offending];
      const text = from.kind === 'EOF' ? '<EOF>' : this.#textOf(start, error.offending);
      const word = /^.(true|false|null)$/.exec(text)?.[1];
      throw new Recognition(word ? `mismatched input '${word}' expecting IDENTIFIER` : `no viable alternative at input ${quote(text)}`, to);
    }
  }

  /** The text of tokens and the blanks between them; what was no token is not in it. */
  #textOf(start: number, end: number): string {
    let text = '';
    for (let i = start; i <= end; i++) {
      const { kind, text: own, offset } = this.#tokens[i];
      const before = i > start ? this.#tokens[i - 1] : undefined;
      if (before) text += this.#source.slice(before.offset + before.text.length, offset).match(/[\t \r\n\f]+|\/\/[^\n]*/g)?.join('') ?? '';
      if (kind !== 'EOF') text += own;
    }
    return text;
  }

  #match(part: Part & { kind: 'tokens' }, context: Context): void {
    this.#state = part.at;
    if (part.tokens.has(this.#token().kind)) {
      this.#matched();
      return void this.#consume();
    }
    this.#attempt();
    if (this.#dropOne(context)) return void this.#consume();
    const after = part.at.edges[0].target;
    if (nextTokens(after, context, true).has(this.#token().kind)) {
      this.#report(`missing ${listKinds(expectedTokens(part.at, context))} at ${quote(this.#token().text)}`, this.#token());
      return;
    }
    throw this.#mismatch(context);
  }

  #part(part: Part, context: Context): void {
    switch (part.kind) {
      case 'tokens':
        return void this.#match(part, context);
      case 'call':
        this.#state = part.at;
        return void this.#rule(part.rule, { rule: part.rule, precedence: part.precedence, follow: part.follow, parent: context });
      case 'sequence':
        for (const inner of part.parts) this.#part(inner, context);
        return;
      case 'choice':
        this.#sync(part.at, context);
        return void this.#part(part.choices[this.#predict(part.at, context)], context);
      case 'optional':
        this.#sync(part.at, context);
        if (part.first.has(this.#token().kind)) this.#part(part.part, context);
        return;
      case 'repeat':
        return void this.#repeat(part, context);
      default:
        return;
    }
  }

  #repeat(part: Part & { kind: 'repeat' }, context: Context): void {
    this.#sync(part.at, context);
    const another = (state: State) => (part.first ? part.first.has(this.#token().kind) : this.#predict(state, context) === 0);
    if (part.least === 0) {
      while (another(part.at)) {
        this.#part(part.part, context);
        this.#sync(part.at, context);
      }
      return;
    }
    do {
      this.#part(part.part, context);
      this.#sync(part.again, context, true);
    } while (another(part.again));
  }
}

/** What is wrong with the tokens of a text. */
export const explainSyntax = (source: string, tokens: readonly Token[]): Issue[] => new Explanation(source, tokens).run();
