/** Turns a checked tree into closures. Costs are counted as they arise, by upstream's rules. */
import type { Environment } from '../check/declarations.ts';
import type { Call, Comprehension, Expr, ListExpr, MapExpr, Select, StructExpr } from '../syntax/ast.ts';
import type { Type } from '../types.ts';
import { callCost, listBaseCost, mapBaseCost, structBaseCost } from '../cost/run-time.ts';
import { CelError, noSuchOverload } from './errors.ts';
import type { Step } from './frame.ts';
import { planComprehension } from './comprehension.ts';
import { add, compare, contains, divide, modulo, multiply, negate, not, overloadError, subtract } from './operators.ts';
import { isPresent, qualify, qualifyOptional } from './select.ts';
import { equal, isList, LiteralMap, MapValue, none, Optional, typeOfValue, type Value } from './values.ts';

/** Where local variables live while a tree is planned. */
export interface Scope {
  slots: ReadonlyMap<string, number>;
  depth: number;
}

export class Planner {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  plan(expr: Expr, scope: Scope): Step {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.#ident(expr.name, expr.constant, scope);
      case 'select':
        return this.#select(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'list':
        return this.#list(expr, scope);
      case 'map':
        return this.#map(expr, scope);
      case 'struct':
        return this.#struct(expr, scope);
      case 'comprehension':
        return planComprehension(expr as Comprehension, scope, (part, inner) => this.plan(part, inner));
      default:
        return () => {
          throw new CelError('unspecified expression');
        };
    }
  }

  #ident(name: string, constant: Value | undefined, scope: Scope): Step {
    if (constant !== undefined) return () => constant;
    const slot = scope.slots.get(name);
    if (slot !== undefined)
      return (frame) => {
        frame.spend(1);
        const value = frame.locals[slot];
        if (value instanceof CelError) throw value;
        return value;
      };
    const global = name.replace(/^\./, '');
    return (frame) => {
      frame.spend(1);
      const value = frame.globals[global];
      if (value === undefined) throw new CelError(`no such attribute(s): ${global}`);
      return value;
    };
  }

  #select({ operand, field, testOnly }: Select, scope: Scope): Step {
    const inner = this.plan(operand, scope);
    if (testOnly) return (frame) => isPresent(inner(frame), field);
    return (frame) => {
      const value = inner(frame);
      frame.spend(1);
      return qualify(value, field);
    };
  }

  #list({ elements, optional }: ListExpr, scope: Scope): Step {
    const steps = elements.map((element) => this.plan(element, scope));
    return (frame) => {
      const list: Value[] = [];
      for (let i = 0; i < steps.length; i++) {
        const value = steps[i](frame);
        if (!optional.has(i)) list.push(value);
        else if (optionalIn(value).value !== undefined) list.push((value as Optional).value!);
      }
      frame.spend(listBaseCost);
      return list;
    };
  }

  #map({ entries }: MapExpr, scope: Scope): Step {
    const steps = entries.map(({ key, value, optional }) => ({ key: this.plan(key, scope), value: this.plan(value, scope), optional }));
    return (frame) => {
      const made: [Value, Value][] = [];
      for (const { key, value, optional } of steps) {
        const k = key(frame);
        const v = value(frame);
        if (!optional) made.push([k, v]);
        else if (optionalIn(v).value !== undefined) made.push([k, (v as Optional).value!]);
      }
      frame.spend(mapBaseCost);
      return LiteralMap.of(made);
    };
  }

  #struct({ name, fields }: StructExpr, scope: Scope): Step {
    const steps = fields.map((field) => ({ name: field.name, value: this.plan(field.value, scope), optional: field.optional }));
    const { provider } = this.#env;
    return (frame) => {
      const made = new Map<string, Value>();
      for (const { name: field, value, optional } of steps) {
        const v = value(frame);
        if (!optional) made.set(field, v);
        else if (optionalIn(v).value !== undefined) made.set(field, (v as Optional).value!);
      }
      frame.spend(structBaseCost);
      if (!provider.construct) throw new CelError(`unknown type '${name}'`);
      return provider.construct(name, made);
    };
  }

  #call(expr: Call, scope: Scope): Step {
    const args = (expr.target ? [expr.target, ...expr.args] : expr.args).map((arg) => this.plan(arg, scope));
    const special = builtIn(expr, args);
    if (special) return special;
    const overload = expr.overloads?.length === 1 ? expr.overloads[0] : '';
    const cost = callCost(expr.name, overload);
    const run = operators[expr.name] ?? this.#dispatch(expr);
    switch (args.length) {
      case 1: {
        const [first] = args;
        return (frame) => {
          const a = first(frame);
          const result = run(a);
          frame.spend(typeof cost === 'number' ? cost : cost([a], result));
          return result;
        };
      }
      case 2: {
        const [first, second] = args;
        return (frame) => {
          const a = first(frame);
          const b = second(frame);
          const result = run(a, b);
          frame.spend(typeof cost === 'number' ? cost : cost([a, b], result));
          return result;
        };
      }
      default:
        return (frame) => {
          const values = args.map((arg) => arg(frame));
          const result = run(...values);
          frame.spend(typeof cost === 'number' ? cost : cost(values, result));
          return result;
        };
    }
  }

  /** Which overload is run: the one that the checker found, or the first that takes the values. */
  #dispatch(expr: Call): (...args: Value[]) => Value {
    const declared = this.#env.functions.get(expr.name);
    const candidates = (declared?.overloads ?? []).filter(({ id, member }) => member === Boolean(expr.target) && (!expr.overloads || expr.overloads.includes(id)));
    const types = (expr.target ? [expr.target, ...expr.args] : expr.args).map((arg) => arg.type);
    if (candidates.length === 1 && candidates[0].run && types.every((type, i) => type && certain(candidates[0].args[i], type))) return candidates[0].run;
    return (...args) => {
      for (const { args: wanted, run } of candidates) if (run && wanted.length === args.length && wanted.every((type, i) => accepts(type, args[i]))) return run(...args);
      throw overloadError(expr.name, ...args);
    };
  }
}

const optionalIn = (value: Value): Optional => {
  if (value instanceof Optional) return value;
  throw new CelError(`cannot initialize optional list element from non-optional value ${typeOfValue(value).name}`);
};

/** Whether values of a static type are surely of a wanted one. */
const certain = (wanted: Type, type: Type): boolean => wanted.kind === 'dyn' || wanted.kind === 'param' || (type.kind === wanted.kind && type.name === wanted.name);

export function accepts(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
      return true;
    case 'list':
      return isList(value);
    case 'map':
      return value instanceof MapValue;
    default:
      return typeOfValue(value).name === type.name;
  }
}

const operators: Record<string, (...args: any[]) => Value> = {
  '_+_': add,
  '_-_': subtract,
  '_*_': multiply,
  '_/_': divide,
  '_%_': modulo,
  '-_': negate,
  '!_': not,
  '_==_': equal,
  '_!=_': (a: Value, b: Value) => !equal(a, b),
  '_<_': (a: Value, b: Value) => compare(a, b, '_<_') < 0,
  '_<=_': (a: Value, b: Value) => compare(a, b, '_<=_') <= 0,
  '_>_': (a: Value, b: Value) => compare(a, b, '_>_') > 0,
  '_>=_': (a: Value, b: Value) => compare(a, b, '_>=_') >= 0,
  '@in': contains,
};

/** Calls that do not evaluate all of their arguments, or cost nothing of their own. */
function builtIn({ name, target, args: { length } }: Call, args: Step[]): Step | undefined {
  const [first, second, third] = args;
  switch (name) {
    case '_&&_':
      return logic(first, second, false);
    case '_||_':
      return logic(first, second, true);
    case '_?_:_':
      return (frame) => {
        const condition = first(frame);
        if (typeof condition !== 'boolean') throw noSuchOverload();
        return condition ? second(frame) : third(frame);
      };
    case '@not_strictly_false':
      return (frame) => {
        frame.spend(1);
        try {
          return first(frame) !== false;
        } catch (error) {
          if (error instanceof CelError) return true;
          throw error;
        }
      };
    case '_[_]':
      return (frame) => {
        const operand = first(frame);
        const key = second(frame);
        frame.spend(1);
        return qualify(operand, key);
      };
    case '_?._':
    case '_[?_]':
      return (frame) => {
        const operand = first(frame);
        const key = second(frame);
        frame.spend(1);
        return qualifyOptional(operand, key);
      };
    case 'or':
    case 'orValue':
      if (!target || length !== 1) return undefined;
      return (frame) => {
        const left = first(frame);
        frame.spend(1);
        if (!(left instanceof Optional)) throw noSuchOverload();
        if (left.value === undefined) return second(frame);
        return name === 'or' ? left : left.value;
      };
    case 'optional.none':
      return (frame) => {
        frame.spend(1);
        return none;
      };
    default:
      return undefined;
  }
}

/** `&&` (decided by false) and `||` (by true): an error on one side counts only where the other does not decide. */
const logic = (first: Step, second: Step, decides: boolean): Step => (frame) => {
  let left: Value | undefined;
  let problem: CelError | undefined;
  try {
    left = first(frame);
    if (left === decides) return decides;
    if (typeof left !== 'boolean') problem = noSuchOverload();
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    problem = error;
  }
  const right = second(frame);
  if (right === decides) return decides;
  if (problem) throw problem;
  if (typeof right !== 'boolean') throw noSuchOverload();
  return right;
};
