/** Expressions as trees. The checker writes types and resolved names onto the nodes. */
import type { Type } from '../types.ts';
import type { Value } from '../eval/values.ts';

interface Node {
  /** Where the node is told to be: its operator, or its first character. */
  offset: number;
  /** Set by the checker. */
  type?: Type;
}
export interface Literal extends Node {
  kind: 'literal';
  value: Value;
}
export interface Ident extends Node {
  kind: 'ident';
  name: string;
  /** A constant that the name stands for: the name of a type. */
  constant?: Value;
}
export interface Select extends Node {
  kind: 'select';
  operand: Expr;
  field: string;
  /** `has(operand.field)`. */
  testOnly: boolean;
}
export interface Call extends Node {
  kind: 'call';
  name: string;
  target?: Expr;
  args: Expr[];
  /** Overloads that may be meant, set by the checker. */
  overloads?: string[];
}
export interface ListExpr extends Node {
  kind: 'list';
  elements: Expr[];
  /** Indices of `?element`. */
  optional: Set<number>;
}
export interface Entry {
  offset: number;
  key: Expr;
  value: Expr;
  optional: boolean;
}
export interface MapExpr extends Node {
  kind: 'map';
  entries: Entry[];
}
export interface FieldInit {
  offset: number;
  name: string;
  value: Expr;
  optional: boolean;
}
export interface StructExpr extends Node {
  kind: 'struct';
  name: string;
  fields: FieldInit[];
}
/** What macros expand to: a fold over a range. */
export interface Comprehension extends Node {
  kind: 'comprehension';
  range: Expr;
  variable: string;
  variable2?: string;
  accumulator: string;
  init: Expr;
  condition: Expr;
  step: Expr;
  result: Expr;
}
/** What stands in for an expression that could not be read. */
export interface Unspecified extends Node {
  kind: 'unspecified';
}
export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension | Unspecified;

/** The name no program can write. */
export const accumulatorName = '@result';

/** `a.b.c` where the expression is a chain of names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.testOnly) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}

/** The direct parts of an expression. */
export function childrenOf(expr: Expr): Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.fields.map(({ value }) => value);
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
    default:
      return [];
  }
}

/** A copy of the tree, not yet checked. */
export function copyExpr<T extends Expr>(expr: T): T {
  const copy = (e: Expr): Expr => {
    switch (e.kind) {
      case 'select':
        return { ...e, operand: copy(e.operand) };
      case 'call':
        return { ...e, target: e.target && copy(e.target), args: e.args.map(copy) };
      case 'list':
        return { ...e, elements: e.elements.map(copy) };
      case 'map':
        return { ...e, entries: e.entries.map((entry) => ({ ...entry, key: copy(entry.key), value: copy(entry.value) })) };
      case 'struct':
        return { ...e, fields: e.fields.map((field) => ({ ...field, value: copy(field.value) })) };
      case 'comprehension':
        return { ...e, range: copy(e.range), init: copy(e.init), condition: copy(e.condition), step: copy(e.step), result: copy(e.result) };
      default:
        return { ...e };
    }
  };
  return copy(expr) as T;
}
