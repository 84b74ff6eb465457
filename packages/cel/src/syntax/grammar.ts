/**
 * CEL's grammar (CEL.g4 of cel-go) as an augmented transition network: what may follow where.
 * Only texts with errors are read by it; the parser proper is written by hand.
 */
import type { TokenKind } from './tokens.ts';

/** Where a rule's reading stands. */
export interface State {
  id: number;
  rule: string;
  /** The end of its rule. */
  stop: boolean;
  edges: Edge[];
}
export type Edge = { target: State } & ({ kind: 'step' } | { kind: 'match'; tokens: ReadonlySet<TokenKind> } | { kind: 'call'; rule: string; precedence: number; follow: State } | { kind: 'guard'; precedence: number });

/** A part of a rule, with the states that it begins and repeats in. */
export type Part =
  | { kind: 'tokens'; tokens: ReadonlySet<TokenKind>; at: State; only?: TokenKind }
  | { kind: 'call'; rule: string; precedence: number; at: State; follow: State }
  | { kind: 'sequence'; parts: Part[] }
  | { kind: 'choice'; choices: Part[]; at: State }
  | { kind: 'optional'; part: Part; at: State; first: ReadonlySet<TokenKind> }
  | { kind: 'repeat'; part: Part; at: State; again: State; least: 0 | 1; /** Decided by the next token alone. */ first?: ReadonlySet<TokenKind> }
  | { kind: 'nothing' };

type Build = (from: State, to: State) => Part;

export interface Rule {
  start: State;
  stop: State;
  part: Part;
}
export const rules: Record<string, Rule> = {};
/** The states after each call of a rule. */
export const callers: Record<string, State[]> = {};

let count = 0;
let building = '';
const newState = (stop = false): State => ({ id: count++, rule: building, stop, edges: [] });

const tokens = (...kinds: TokenKind[]): Build => (from, to) => {
  const set = new Set(kinds);
  from.edges.push({ kind: 'match', tokens: set, target: to });
  return { kind: 'tokens', tokens: set, at: from, ...(kinds.length === 1 && { only: kinds[0] }) };
};
/** The edge's target is looked up when it is followed: rules call each other. */
const call = (rule: string, precedence = 0): Build => (from, to) => {
  from.edges.push({ kind: 'call', rule, precedence, follow: to, target: to });
  (callers[rule] ??= []).push(to);
  return { kind: 'call', rule, precedence, at: from, follow: to };
};
const guard = (precedence: number): Build => (from, to) => {
  from.edges.push({ kind: 'guard', precedence, target: to });
  return { kind: 'nothing' };
};
const sequence = (...builds: Build[]): Build => (from, to) => {
  let at = from;
  const parts = builds.map((build, i) => {
    const next = i === builds.length - 1 ? to : newState();
    const part = build(at, next);
    at = next;
    return part;
  });
  return { kind: 'sequence', parts };
};
const choice = (...builds: Build[]): Build => (from, to) => ({
  kind: 'choice',
  at: from,
  choices: builds.map((build) => {
    const start = newState();
    from.edges.push({ kind: 'step', target: start });
    return build(start, to);
  }),
});
const optional = (first: readonly TokenKind[], build: Build): Build => (from, to) => {
  const start = newState();
  from.edges.push({ kind: 'step', target: start }, { kind: 'step', target: to });
  return { kind: 'optional', at: from, part: build(start, to), first: new Set(first) };
};
const repeat = (least: 0 | 1, build: Build, first?: readonly TokenKind[]): Build => (from, to) => {
  const entry = newState();
  const start = newState();
  const again = newState();
  from.edges.push({ kind: 'step', target: entry });
  entry.edges.push({ kind: 'step', target: start });
  if (least === 0) entry.edges.push({ kind: 'step', target: to });
  const part = build(start, again);
  again.edges.push({ kind: 'step', target: entry });
  if (least === 1) again.edges.push({ kind: 'step', target: to });
  return { kind: 'repeat', at: entry, again, part, least, ...(first && { first: new Set(first) }) };
};

function define(name: string, build: Build): void {
  building = name;
  const start = newState();
  const stop = newState(true);
  rules[name] = { start, stop, part: build(start, stop) };
}

const startsExpr: TokenKind[] = ['[', '{', '(', '.', '-', '!', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const startsElement: TokenKind[] = [...startsExpr, '?'];
const startsField: TokenKind[] = ['?', 'IDENTIFIER', 'ESC_IDENTIFIER'];
const comma = optional([','], tokens(','));
const question = optional(['?'], tokens('?'));
const dot = optional(['.'], tokens('.'));
const args = optional(startsExpr, call('exprList'));

define('start', sequence(call('expr'), tokens('EOF')));
define('expr', sequence(call('conditionalOr'), optional(['?'], sequence(tokens('?'), call('conditionalOr'), tokens(':'), call('expr')))));
define('conditionalOr', sequence(call('conditionalAnd'), repeat(0, sequence(tokens('||'), call('conditionalAnd')), ['||'])));
define('conditionalAnd', sequence(call('relation'), repeat(0, sequence(tokens('&&'), call('relation')), ['&&'])));
define('relation', sequence(call('calc'), repeat(0, sequence(guard(1), tokens('==', '!=', 'in', '<', '<=', '>=', '>'), call('relation', 2)))));
define('calc', sequence(call('unary'), repeat(0, choice(sequence(guard(2), tokens('*', '/', '%'), call('calc', 3)), sequence(guard(1), tokens('+', '-'), call('calc', 2))))));
define('unary', choice(call('member'), sequence(repeat(1, tokens('!'), ['!']), call('member')), sequence(repeat(1, tokens('-')), call('member'))));
define(
  'member',
  sequence(
    call('primary'),
    repeat(
      0,
      choice(
        sequence(guard(3), tokens('.'), question, call('escapeIdent')),
        sequence(guard(2), tokens('.'), tokens('IDENTIFIER'), tokens('('), args, tokens(')')),
        sequence(guard(1), tokens('['), question, call('expr'), tokens(']')),
      ),
    ),
  ),
);
define(
  'primary',
  choice(
    sequence(dot, tokens('IDENTIFIER')),
    sequence(dot, tokens('IDENTIFIER'), tokens('('), args, tokens(')')),
    sequence(tokens('('), call('expr'), tokens(')')),
    sequence(tokens('['), optional(startsElement, call('listInit')), comma, tokens(']')),
    sequence(tokens('{'), optional(startsElement, call('mapInitializerList')), comma, tokens('}')),
    sequence(dot, tokens('IDENTIFIER'), repeat(0, sequence(tokens('.'), tokens('IDENTIFIER')), ['.']), tokens('{'), optional(startsField, call('fieldInitializerList')), comma, tokens('}')),
    call('literal'),
  ),
);
define('exprList', sequence(call('expr'), repeat(0, sequence(tokens(','), call('expr')), [','])));
define('listInit', sequence(call('optExpr'), repeat(0, sequence(tokens(','), call('optExpr')))));
define('fieldInitializerList', sequence(call('optField'), tokens(':'), call('expr'), repeat(0, sequence(tokens(','), call('optField'), tokens(':'), call('expr')))));
define('optField', sequence(question, call('escapeIdent')));
define('mapInitializerList', sequence(call('optExpr'), tokens(':'), call('expr'), repeat(0, sequence(tokens(','), call('optExpr'), tokens(':'), call('expr')))));
define('escapeIdent', choice(tokens('IDENTIFIER'), tokens('ESC_IDENTIFIER')));
define('optExpr', sequence(question, call('expr')));
const minus = optional(['-'], tokens('-'));
define('literal', choice(sequence(minus, tokens('NUM_INT')), tokens('NUM_UINT'), sequence(minus, tokens('NUM_FLOAT')), tokens('STRING'), tokens('BYTES'), tokens('true'), tokens('false'), tokens('null')));
