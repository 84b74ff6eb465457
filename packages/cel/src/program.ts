/** From text to something that runs. */
import { check } from './check/checker.ts';
import type { Environment } from './check/declarations.ts';
import { CelError, CostExceeded } from './eval/errors.ts';
import { type Activation, Frame, type Step } from './eval/frame.ts';
import { Planner } from './eval/planner.ts';
import type { Value } from './eval/values.ts';
import type { Expr } from './syntax/ast.ts';
import { parse } from './syntax/parser.ts';
import { formatIssues, type Issue } from './syntax/source.ts';
import type { Type } from './types.ts';

/** What a run gave: a value or an error, and what it cost. */
export type Outcome = { cost: number } & ({ value: Value; error?: undefined } | { value?: undefined; error: string; /** The run was cut short. */ exceeded: boolean });

/** A checked expression. */
export class Program {
  readonly expr: Expr;
  /** What the expression gives. */
  readonly type: Type;
  readonly #env: Environment;
  #step: Step | undefined;

  constructor(expr: Expr, env: Environment) {
    this.expr = expr;
    this.type = expr.type!;
    this.#env = env;
  }

  /** `limit`: the most that this run may cost. */
  run(variables: Activation, limit = Number.POSITIVE_INFINITY): Outcome {
    this.#step ??= new Planner(this.#env).plan(this.expr, { slots: new Map(), depth: 0 });
    const frame = new Frame(variables, limit);
    try {
      return { value: this.#step(frame), cost: frame.cost };
    } catch (error) {
      if (error instanceof CelError || error instanceof CostExceeded) return { error: error.message, exceeded: error instanceof CostExceeded, cost: frame.cost };
      if (error instanceof RangeError) return { error: 'evaluation nests too deeply', exceeded: true, cost: frame.cost };
      throw error;
    }
  }
}

export type Compiled = { program: Program; issues?: undefined } | { program?: undefined; /** As upstream prints them. */ issues: string };

/** Further checks of a tree that has its types. */
export type Validator = (expr: Expr, env: Environment) => Issue[];

/** Reads and checks an expression. Never throws. */
export function compile(source: string, env: Environment, validators: readonly Validator[] = []): Compiled {
  const { expr, issues } = parse(source, env.macros);
  const found = expr ? check(expr, env) : issues;
  if (expr && !found.length) for (const validate of validators) found.push(...validate(expr, env));
  return expr && !found.length ? { program: new Program(expr, env) } : { issues: formatIssues(source, found) };
}
