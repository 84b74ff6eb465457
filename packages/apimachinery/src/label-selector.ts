/**
 * Label selectors: the query string's grammar, `metav1.LabelSelector`, matching and formatting.
 * Facts: k8s.io/apimachinery/pkg/labels and pkg/apis/meta/v1 helpers.
 */
import { goQuote } from './go-format.ts';
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';
import { type FieldError, invalid, notSupported } from './field-error.ts';
import { labelValue, qualifiedName } from './validation/names.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted where they were parsed from a query string. */
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>> | undefined;

/** A compiled selector. Immutable; equal texts may share one. */
export interface LabelMatcher {
  /** By key. Empty both for "everything" and for "nothing". */
  readonly requirements: readonly LabelRequirement[];
  /** Selects every object. */
  readonly everything: boolean;
  /** Selects no object, whatever its labels. */
  readonly nothing: boolean;
  matches(labels: Labels): boolean;
  /** The one value that the label must have, if the selector says so: for look-ups in an index. */
  exactValue(key: string): string | undefined;
  /** The query string's form, keys sorted. */
  toString(): string;
}

/** A selector that cannot be read; the API server answers its message with 400. */
export class SelectorError extends Error {
  override name = 'SelectorError';
}

/** The text of several findings as Go's aggregate of errors shows them. */
function aggregate(errors: FieldError[]): string {
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}

const int64Text = /^[+-]?[0-9]+$/;
function int64(text: string): bigint | undefined {
  if (!int64Text.test(text)) return undefined;
  const n = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return n >= -(2n ** 63n) && n < 2n ** 63n ? n : undefined;
}

const operators = ['in', 'notin', '=', '==', '!=', 'gt', 'lt', 'exists', '!'];

/** Checks one requirement. @throws SelectorError with every finding */
export function labelRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const errors: FieldError[] = [];
  const keyTexts = qualifiedName(key);
  if (keyTexts.length) errors.push(invalid('key', key, keyTexts.join('; ')));
  const bad = (detail: string) => errors.push(invalid('values', values, detail));
  switch (operator) {
    case 'in':
    case 'notin':
      if (!values.length) bad("for 'in', 'notin' operators, values set can't be empty");
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1) bad('exact-match compatibility requires one single value');
      break;
    case 'exists':
    case '!':
      if (values.length) bad('values set must be empty for exists and does not exist');
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) bad("for 'Gt', 'Lt' operators, exactly one value is required");
      values.forEach((value, i) => {
        if (int64(value) === undefined) errors.push(invalid(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
      });
      break;
    default:
      errors.push(notSupported('operator', operator, operators));
  }
  values.forEach((value, i) => {
    const texts = labelValue(value);
    if (texts.length) errors.push(invalid(`values[${i}][${key}]`, value, texts.join('; ')));
  });
  if (errors.length) throw new SelectorError(aggregate(errors));
  return { key, operator, values };
}

const own = (labels: Labels, key: string): string | undefined => (labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined);

function compile({ key, operator, values }: LabelRequirement): (labels: Labels) => boolean {
  const [only = ''] = values;
  const set = values.length > 4 ? new Set(values) : undefined;
  const has = set ? (value: string) => set.has(value) : values.length === 1 ? (value: string) => value === only : (value: string) => values.includes(value);
  switch (operator) {
    case 'in':
    case '=':
    case '==':
      return (labels) => {
        const value = own(labels, key);
        return value !== undefined && has(value);
      };
    case 'notin':
    case '!=':
      return (labels) => {
        const value = own(labels, key);
        return value === undefined || !has(value);
      };
    case 'exists':
      return (labels) => own(labels, key) !== undefined;
    case '!':
      return (labels) => own(labels, key) === undefined;
    default: {
      const bound = int64(only);
      return (labels) => {
        const text = own(labels, key);
        const value = text === undefined ? undefined : int64(text);
        return value !== undefined && bound !== undefined && values.length === 1 && (operator === 'gt' ? value > bound : value < bound);
      };
    }
  }
}

/** A matcher for requirements already checked; an object must meet all. */
export function labelMatcher(requirements: readonly LabelRequirement[]): LabelMatcher {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const tests = sorted.map(compile);
  const [first] = tests;
  let text: string | undefined;
  return {
    requirements: sorted,
    everything: tests.length === 0,
    nothing: false,
    matches: tests.length === 0 ? () => true : tests.length === 1 ? (first as (labels: Labels) => boolean) : (labels) => tests.every((test) => test(labels)),
    exactValue(key) {
      const requirement = sorted.find((r) => r.key === key);
      return requirement && (requirement.operator === '=' || requirement.operator === '==' || requirement.operator === 'in') && requirement.values.length === 1 ? requirement.values[0] : undefined;
    },
    toString: () => (text ??= sorted.map(formatRequirement).join(',')),
  };
}

export const everyLabel: LabelMatcher = labelMatcher([]);
export const noLabel: LabelMatcher = { requirements: [], everything: false, nothing: true, matches: () => false, exactValue: () => undefined, toString: () => '' };

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const list = values.length === 1 ? (values[0] as string) : [...values].sort().join(',');
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${list})`;
    case 'gt':
      return `${key}>${list}`;
    case 'lt':
      return `${key}<${list}`;
    default:
      return `${key}${operator}${list}`;
  }
}

/** Exact matches for each pair, as Services and ReplicationControllers select. An empty set selects everything. */
export const matcherOfSet = (set: Readonly<Record<string, string>> | undefined): LabelMatcher => labelMatcher(Object.entries(set ?? {}).map(([key, value]) => ({ key, operator: '=' as const, values: [value] })));

const expressionOperators: Record<string, LabelOperator> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

const compiled = new WeakMap<LabelSelector, LabelMatcher>();

/**
 * The matcher of a selector inside an object: absent selects nothing, empty selects everything.
 * Remembered per selector object, which must not be changed afterwards.
 * @throws SelectorError
 */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher {
  if (!selector) return noLabel;
  const known = compiled.get(selector);
  if (known) return known;
  const requirements = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => labelRequirement(key, '=', [value]));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const parsed = Object.hasOwn(expressionOperators, operator) ? expressionOperators[operator] : undefined;
    if (!parsed) throw new SelectorError(`${goQuote(operator)} is not a valid label selector operator`);
    requirements.push(labelRequirement(key, parsed, values ?? []));
  }
  const matcher = requirements.length ? labelMatcher(requirements) : everyLabel;
  compiled.set(selector, matcher);
  return matcher;
}

/** As `kubectl` and columns show a selector: `<none>` for an empty one, `<error>` for an invalid one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return matcherOf(selector).toString() || '<none>';
  } catch (error) {
    if (error instanceof SelectorError) return '<error>';
    throw error;
  }
}

/** A query string's selector as `metav1.LabelSelector`. @throws SelectorError */
export function toLabelSelector(text: string): LabelSelector {
  const selector: LabelSelector = { matchLabels: {}, matchExpressions: [] };
  for (const { key, operator, values } of parseRequirements(text)) {
    if (operator === '=' || operator === '==') {
      (selector.matchLabels as Record<string, string>)[key] = values[0] as string;
      continue;
    }
    const name = Object.keys(expressionOperators).find((n) => expressionOperators[n] === operator);
    if (!name) throw new SelectorError(operator === '!=' ? '"!=" is not a valid label selector operator' : `${goQuote(operator)} isn't supported in label selectors`);
    selector.matchExpressions?.push({ key, operator: name, values: [...values] });
  }
  return selector;
}

/** Parses `a=b,c in (x,y),!d,e!=f,g>1`; empty selects everything. @throws SelectorError */
export const parseLabelSelector = (text: string): LabelMatcher => (text === '' ? everyLabel : labelMatcher(parseRequirements(text)));

interface Token {
  type: 'end' | 'error' | 'identifier' | ')' | ',' | '!' | '==' | '=' | '>' | '<' | 'in' | 'notin' | '!=' | '(';
  text: string;
}
const symbols = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const isSymbol = (char: string) => '=!(),><'.includes(char);
const isSpace = (char: string) => char === ' ' || char === '\t' || char === '\r' || char === '\n';

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  let pos = 0;
  while (pos < text.length) {
    const char = text.charAt(pos);
    if (isSpace(char)) {
      pos++;
    } else if (isSymbol(char)) {
      const two = text.slice(pos, pos + 2);
      const symbol = symbols.has(two) ? two : char;
      tokens.push({ type: symbol as Token['type'], text: symbol });
      pos += symbol.length;
    } else {
      const start = pos;
      while (pos < text.length && !isSymbol(text.charAt(pos)) && !isSpace(text.charAt(pos))) pos++;
      const word = text.slice(start, pos);
      tokens.push({ type: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
    }
  }
  tokens.push({ type: 'end', text: '' });
  return tokens;
}

const tokenOperators: Partial<Record<Token['type'], LabelOperator>> = { in: 'in', notin: 'notin', '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt' };

function parseRequirements(text: string): LabelRequirement[] {
  const tokens = scan(text);
  let position = 0;
  const end: Token = { type: 'end', text: '' };
  /** Where a value may stand, `in` and `notin` are words like others. */
  const asValue = (token: Token): Token => (token.type === 'in' || token.type === 'notin' ? { type: 'identifier', text: token.text } : token);
  const peek = () => asValue(tokens[position] ?? end);
  const take = () => asValue(tokens[position++] ?? end);
  const fail = (message: string): never => {
    throw new SelectorError(message);
  };

  const identifiers = (): Set<string> => {
    const values = new Set<string>();
    for (;;) {
      const token = take();
      if (token.type === 'identifier') {
        values.add(token.text);
        const next = peek();
        if (next.type === ',') continue;
        if (next.type === ')') return values;
        fail(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.type === ',') {
        if (values.size === 0) values.add('');
        const next = peek();
        if (next.type === ')') return values.add('');
        if (next.type === ',') values.add('');
      } else fail(`found '${token.text}', expected: ',', or identifier`);
    }
  };
  const parenthesized = (): Set<string> => {
    const open = take();
    if (open.type !== '(') fail(`found '${open.text}' expected: '('`);
    const first = peek();
    if (first.type === ')') {
      take();
      return new Set(['']);
    }
    if (first.type !== 'identifier' && first.type !== ',') fail(`found '${first.text}', expected: ',', ')' or identifier`);
    const values = identifiers();
    if (take().type !== ')') fail(`found '${first.text}', expected: ')'`);
    return values;
  };
  const exact = (): Set<string> => {
    const next = peek();
    if (next.type === 'end' || next.type === ',') return new Set(['']);
    const token = take();
    if (token.type !== 'identifier') fail(`found '${token.text}', expected: identifier`);
    return new Set([token.text]);
  };
  const requirement = (): LabelRequirement => {
    let token = take();
    const negated = token.type === '!';
    if (negated) token = take();
    if (token.type !== 'identifier') fail(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const texts = qualifiedName(key);
    if (texts.length) fail(`<nil>: ${invalid('', key, texts.join('; ')).message}`);
    const next = peek();
    if (negated) return labelRequirement(key, '!', []);
    if (next.type === 'end' || next.type === ',') return labelRequirement(key, 'exists', []);
    const raw = tokens[position++] ?? end;
    const operator = tokenOperators[raw.type];
    if (!operator) return fail(`found '${raw.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = operator === 'in' || operator === 'notin' ? parenthesized() : exact();
    return labelRequirement(key, operator, [...values].sort());
  };

  const requirements: LabelRequirement[] = [];
  for (;;) {
    const start = peek();
    if (start.type === 'end') return requirements;
    if (start.type !== 'identifier' && start.type !== '!') fail(`found '${start.text}', expected: !, identifier, or 'end of string'`);
    try {
      requirements.push(requirement());
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
    const after = take();
    if (after.type === 'end') return requirements;
    if (after.type !== ',') fail(`found '${after.text}', expected: ',' or 'end of string'`);
    const next = peek();
    if (next.type !== 'identifier' && next.type !== '!') fail(`found '${next.text}', expected: identifier after ','`);
  }
}
