/** Folds: what quantifiers and transformations become. */
import { accumulatorName, type Comprehension, type Expr } from '../syntax/ast.ts';
import { CelError } from './errors.ts';
import type { Frame, Step } from './frame.ts';
import { GrowingList, overloadError } from './operators.ts';
import type { Scope } from './planner.ts';
import { isList, LiteralMap, MapValue, type Value } from './values.ts';

/** A map that a fold grows in place. */
export class GrowingMap extends LiteralMap {
  growing = true;
}

const empty = (value: Value): Value => (isList(value) && value.length === 0 ? new GrowingList() : value instanceof LiteralMap && value.size === 0 ? new GrowingMap() : value);
/** Nobody may change the outcome any more. */
function settle(value: Value | CelError): void {
  if (value instanceof GrowingList || value instanceof GrowingMap) value.growing = false;
}

export function planComprehension(expr: Comprehension, scope: Scope, plan: (expr: Expr, scope: Scope) => Step): Step {
  const accumulator = scope.depth;
  const first = accumulator + 1;
  const second = accumulator + 2;
  const range = plan(expr.range, scope);
  const init = plan(expr.init, scope);
  const outer: Scope = { slots: new Map([...scope.slots, [expr.accumulator, accumulator]]), depth: scope.depth + 3 };
  const inner: Scope = { slots: new Map([...outer.slots, [expr.variable, first], ...(expr.variable2 ? [[expr.variable2, second] as const] : [])]), depth: outer.depth };
  const result = plan(expr.result, outer);
  const fold = expr.accumulator === accumulatorName;
  if (!fold && expr.condition.kind === 'literal' && expr.condition.value === false) return planBinding(accumulator, init, result);
  const condition = plan(expr.condition, inner);
  const step = plan(expr.step, inner);

  const turn = (frame: Frame, a: Value, b: Value | undefined): boolean => {
    frame.locals[first] = a;
    if (b !== undefined) frame.locals[second] = b;
    if (condition(frame) !== true) return false;
    try {
      frame.locals[accumulator] = step(frame);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      frame.locals[accumulator] = error;
    }
    return true;
  };
  return (frame) => {
    const over = range(frame);
    const start = init(frame);
    frame.locals[accumulator] = fold ? empty(start) : start;
    if (isList(over)) {
      for (let i = 0; i < over.length; i++) if (!(expr.variable2 ? turn(frame, i, over[i]) : turn(frame, over[i], undefined))) break;
    } else if (over instanceof MapValue) {
      for (const key of over.keys()) if (!(expr.variable2 ? turn(frame, key, over.find(key)!) : turn(frame, key, undefined))) break;
    } else throw overloadError('@iterator', over);
    settle(frame.locals[accumulator]);
    return result(frame);
  };
}

/** A name for a value: computed when it is first asked for, and once. */
function planBinding(slot: number, init: Step, result: Step): Step {
  return (frame) => {
    try {
      frame.locals[slot] = init(frame);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      frame.locals[slot] = error;
    }
    return result(frame);
  };
}
