/**
 * JSONPath as CRD printer columns and kubectl look-ups use it: `.spec.replicas`, `.items[*].metadata.name`,
 * `.status.conditions[?(@.type=="Ready")].status`, `['a.b']`, `..name`, slices and unions.
 * Facts: k8s.io/client-go/util/jsonpath. Without templates (`range`, literal text).
 */
export class JsonPathError extends Error {
  override name = 'JsonPathError';
}

export interface JsonPath {
  /** Every value the path leads to, in document order; what is missing is left out. */
  find(value: unknown): unknown[];
  /** The first of them. */
  first(value: unknown): unknown;
}

type Step = (values: unknown[], root: unknown) => unknown[];
type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Go walks maps by key. */
const valuesOf = (object: Json): unknown[] => Object.keys(object).sort().map((key) => object[key]);

/** Compiles a path, with or without the braces around it. @throws JsonPathError */
export function jsonPath(expression: string): JsonPath {
  const trimmed = expression.trim();
  const inner = trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1).trim() : trimmed;
  const parser = new Parser(inner);
  const steps = parser.steps();
  if (!parser.atEnd) throw new JsonPathError(`unrecognized character in action: ${JSON.stringify(parser.rest)}`);
  const find = (value: unknown) => steps.reduce<unknown[]>((values, step) => step(values, value), [value]);
  return { find, first: (value) => find(value)[0] };
}

const wildcard: Step = (values) => values.flatMap((value) => (Array.isArray(value) ? value : isObject(value) ? valuesOf(value) : []));
const field =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
const slice =
  (start: number | undefined, end: number | undefined, step: number): Step =>
  (values) =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      const at = (index: number) => (index < 0 ? index + value.length : index);
      const from = start === undefined ? 0 : at(start);
      const to = Math.min(end === undefined ? value.length : at(end), value.length);
      const out: unknown[] = [];
      for (let i = from; i >= 0 && i < to; i += step) out.push(value[i]);
      return out;
    });
const union =
  (branches: Step[]): Step =>
  (values, root) =>
    values.flatMap((value) => branches.flatMap((branch) => branch([value], root)));
/** The value itself and everything below it, each level before the next one down. */
const descend: Step = (values) => values.flatMap(withDescendants);
function withDescendants(value: unknown): unknown[] {
  const children = Array.isArray(value) ? value : isObject(value) ? valuesOf(value) : [];
  return [value, ...children.flatMap(withDescendants)];
}

type Operand = (item: unknown, root: unknown) => unknown[];
const comparisons: Record<string, (a: unknown, b: unknown) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => comparable(a, b) && (a as number) < (b as number),
  '<=': (a, b) => comparable(a, b) && (a as number) <= (b as number),
  '>': (a, b) => comparable(a, b) && (a as number) > (b as number),
  '>=': (a, b) => comparable(a, b) && (a as number) >= (b as number),
};
const comparable = (a: unknown, b: unknown) => typeof a === typeof b && (typeof a === 'number' || typeof a === 'string');

class Parser {
  #text: string;
  #pos = 0;
  constructor(text: string) {
    this.#text = text;
  }
  get atEnd(): boolean {
    return this.#pos >= this.#text.length;
  }
  get rest(): string {
    return this.#text.slice(this.#pos);
  }
  #take(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = this.#pos;
    const match = sticky.exec(this.#text);
    if (!match) return undefined;
    this.#pos = sticky.lastIndex;
    return match[0];
  }
  #expect(text: string): void {
    if (!this.#text.startsWith(text, this.#pos)) throw new JsonPathError(`unterminated or unexpected text, wanted ${JSON.stringify(text)} at ${JSON.stringify(this.rest)}`);
    this.#pos += text.length;
  }

  steps(): Step[] {
    const steps: Step[] = [];
    this.#take(/[$@]/);
    for (;;) {
      if (this.#take(/\.\./) !== undefined) {
        steps.push(descend);
        if (this.#text[this.#pos] !== '[') steps.push(this.#name());
      } else if (this.#take(/\./) !== undefined) {
        // A dot may stand before brackets, and alone for the whole value.
        if (!this.atEnd && this.#text[this.#pos] !== '[') steps.push(this.#name());
      } else if (this.#text[this.#pos] === '[') steps.push(this.#brackets());
      else if (!steps.length && /[A-Za-z_]/.test(this.#text[this.#pos] ?? '')) steps.push(this.#name());
      else return steps;
    }
  }

  #name(): Step {
    const name = this.#take(/(?:\\.|[^.[\](){}\s=!<>,'"|&])+/);
    if (name === undefined) throw new JsonPathError(`expected a field at ${JSON.stringify(this.rest)}`);
    return name === '*' ? wildcard : field(name.replace(/\\(.)/g, '$1'));
  }

  #brackets(): Step {
    this.#expect('[');
    this.#spaces();
    if (this.#take(/\?\(/) !== undefined) return this.#filter();
    const branches = [this.#selector()];
    while (this.#take(/\s*,\s*/) !== undefined) branches.push(this.#selector());
    this.#spaces();
    this.#expect(']');
    return branches.length === 1 ? (branches[0] as Step) : union(branches);
  }
  #spaces(): void {
    this.#take(/\s*/);
  }

  #selector(): Step {
    if (this.#take(/\*/) !== undefined) return wildcard;
    const quoted = this.#quoted();
    if (quoted !== undefined) return field(quoted);
    const range = this.#take(/-?[0-9]*(?::-?[0-9]*)?(?::[0-9]+)?/);
    if (!range) throw new JsonPathError(`invalid array index ${JSON.stringify(this.rest)}`);
    const [start, end, step] = range.split(':').map((part) => (part === '' ? undefined : Number(part)));
    if (!range.includes(':')) return slice(start, start === -1 ? undefined : (start as number) + 1, 1);
    return slice(start, end, step || 1);
  }

  #quoted(): string | undefined {
    const text = this.#take(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/);
    return text?.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  #filter(): Step {
    const left = this.#operand();
    this.#spaces();
    const operator = this.#take(/==|!=|<=|>=|<|>/);
    this.#spaces();
    const right = operator ? this.#operand() : undefined;
    this.#spaces();
    this.#expect(')');
    this.#spaces();
    this.#expect(']');
    const compare = operator ? comparisons[operator] : undefined;
    const holds = (item: unknown, root: unknown): boolean => {
      const lefts = left(item, root);
      if (!compare || !right) return lefts.length > 0;
      const rights = right(item, root);
      return lefts.length === 1 && rights.length === 1 && compare(lefts[0], rights[0]);
    };
    return (values, root) => values.flatMap((value) => (Array.isArray(value) ? value.filter((item) => holds(item, root)) : isObject(value) ? valuesOf(value).filter((item) => holds(item, root)) : []));
  }

  #operand(): Operand {
    this.#spaces();
    const quoted = this.#quoted();
    if (quoted !== undefined) return () => [quoted];
    const literal = this.#take(/-?[0-9]+(?:\.[0-9]+)?|true\b|false\b/);
    if (literal !== undefined) {
      const value: unknown = JSON.parse(literal);
      return () => [value];
    }
    const start = this.#text[this.#pos] ?? '';
    if (!'@$.['.includes(start) || start === '') throw new JsonPathError(`expected a value or a path at ${JSON.stringify(this.rest)}`);
    const fromRoot = start === '$';
    const steps = this.steps();
    return (item, root) => steps.reduce<unknown[]>((values, step) => step(values, root), [fromRoot ? root : item]);
  }
}

/** A value as a column of text shows it: texts as they are, objects and lists as JSON with sorted keys. */
export function jsonPathText(value: unknown): string {
  if (value === null || value === undefined) return '<no value>';
  return typeof value === 'object' ? JSON.stringify(sortKeys(value)) : String(value);
}
const sortKeys = (value: unknown): unknown => (Array.isArray(value) ? value.map(sortKeys) : isObject(value) ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortKeys(value[key])])) : value);
