/** What may come next in a rule, and which way a choice goes: ANTLR's lookahead over the network. */
import { callers, rules, type State } from './grammar.ts';
import type { Token, TokenKind } from './tokens.ts';

/** A rule being read: where its caller goes on. */
export interface Context {
  rule: string;
  precedence: number;
  follow?: State;
  parent?: Context;
}

/** What can come next; `EPSILON` where the rule may end. With a context, what comes after the rule's end counts too. */
export function nextTokens(state: State, context?: Context, whole = false): Set<TokenKind | 'EPSILON'> {
  const found = new Set<TokenKind | 'EPSILON'>();
  const seen = new Set<string>();
  const look = (at: State, returns: readonly State[], outer: Context | undefined): void => {
    const key = `${at.id}/${returns.map(({ id }) => id)}/${outer?.follow?.id}`;
    if (seen.has(key) || returns.length > 24) return;
    seen.add(key);
    if (at.stop) {
      if (returns.length) look(returns[returns.length - 1], returns.slice(0, -1), outer);
      else if (!whole) found.add('EPSILON');
      else if (outer?.follow) look(outer.follow, [], outer.parent);
      else found.add('EOF');
      return;
    }
    for (const edge of at.edges) {
      if (edge.kind === 'match') for (const kind of edge.tokens) found.add(kind);
      else if (edge.kind === 'call') look(rules[edge.rule].start, [...returns, edge.follow], outer);
      else look(edge.target, returns, outer);
    }
  };
  look(state, [], context);
  return found;
}

/** What would have been right in a state, callers counted. */
export function expectedTokens(state: State, context: Context): Set<TokenKind> {
  const found = new Set<TokenKind>();
  let following = nextTokens(state);
  let at: Context | undefined = context;
  for (;;) {
    for (const kind of following) if (kind !== 'EPSILON') found.add(kind);
    if (!following.has('EPSILON')) return found;
    if (!at?.follow) break;
    following = nextTokens(at.follow);
    at = at.parent;
  }
  found.add('EOF');
  return found;
}

interface Stack {
  follow: State;
  rest?: Stack;
  key: string;
}
const push = (follow: State, rest: Stack | undefined): Stack => ({ follow, rest, key: `${follow.id},${rest?.key ?? ''}` });
interface Config {
  state: State;
  alt: number;
  stack?: Stack;
  /** Went beyond the rule that decides. */
  outer: boolean;
}
const place = ({ state, stack }: Config): string => `${state.id}:${stack?.key ?? ''}`;

/** Nothing fits: read from the decision up to `offending`. */
export class NoViable {
  readonly offending: number;
  constructor(offending: number) {
    this.offending = offending;
  }
}

function closure(configs: Config[], precedence: number, full: boolean): Config[] {
  const seen = new Set<string>();
  const done: Config[] = [];
  const visit = (config: Config, inside: boolean): void => {
    const { state, alt, stack, outer } = config;
    const key = `${place(config)}/${alt}/${outer}`;
    if (seen.has(key)) return;
    seen.add(key);
    done.push(config);
    if (state.stop) {
      if (stack) visit({ state: stack.follow, alt, stack: stack.rest, outer }, false);
      else if (!full) for (const follow of callers[state.rule] ?? []) visit({ state: follow, alt, outer: true }, false);
      return;
    }
    for (const edge of state.edges) {
      if (edge.kind === 'call') visit({ state: rules[edge.rule].start, alt, stack: push(edge.follow, stack), outer }, false);
      else if (edge.kind === 'step') visit({ state: edge.target, alt, stack, outer }, inside);
      else if (edge.kind === 'guard' && (!inside || edge.precedence >= precedence)) visit({ state: edge.target, alt, stack, outer }, false);
    }
  };
  for (const config of configs) visit(config, !config.outer);
  return done;
}

const advance = (configs: Config[], kind: TokenKind): Config[] => configs.flatMap(({ state, alt, stack, outer }) => state.edges.flatMap((edge) => (edge.kind === 'match' && edge.tokens.has(kind) ? [{ state: edge.target, alt, stack, outer }] : [])));

function group(configs: Config[], by: (config: Config) => string | number): Map<string | number, Set<number>> {
  const groups = new Map<string | number, Set<number>>();
  for (const config of configs) {
    const key = by(config);
    const alts = groups.get(key) ?? new Set();
    groups.set(key, alts.add(config.alt));
  }
  return groups;
}

const least = (alts: Iterable<number>): number => Math.min(...alts);

/**
 * The number (from 0) of the way to take from `state`, by as many tokens as it takes.
 * @throws NoViable
 */
export function predict(state: State, context: Context, tokens: readonly Token[], start: number): number {
  let stack: Stack | undefined;
  const chain: State[] = [];
  for (let at: Context | undefined = context; at?.follow; at = at.parent) chain.push(at.follow);
  for (const follow of chain.reverse()) stack = push(follow, stack);
  const ways = (full: boolean) => closure(state.edges.flatMap((edge, alt) => (edge.kind === 'guard' && edge.precedence < context.precedence ? [] : [{ state: edge.target, alt, outer: false, ...(full && stack && { stack }) }])), context.precedence, full);
  let full = false;
  let configs = ways(full);
  for (let at = start; ; at++) {
    const next = advance(configs, tokens[Math.min(at, tokens.length - 1)].kind);
    if (!next.length) {
      const finished = configs.filter((config) => config.outer || (config.state.stop && !config.stack));
      if (finished.length) return least(finished.map(({ alt }) => alt));
      throw new NoViable(Math.min(at, tokens.length - 1));
    }
    configs = closure(next, 0, full);
    const alts = new Set(configs.map(({ alt }) => alt));
    if (alts.size === 1) return least(alts);
    const places = [...group(configs, place).values()];
    if (full) {
      const firsts = new Set(places.map(least));
      if (firsts.size === 1) return least(firsts);
    } else {
      const conflict = configs.every((config) => config.state.stop) || (places.some((set) => set.size > 1) && ![...group(configs, (config) => config.state.id).values()].some((set) => set.size === 1));
      if (conflict) {
        full = true;
        configs = ways(full);
        at = start - 1;
      }
    }
    if (at >= tokens.length) return least(alts);
  }
}
