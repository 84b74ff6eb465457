/** One run of a program. */
import { CostExceeded } from './errors.ts';
import type { CelError } from './errors.ts';
import type { Value } from './values.ts';

/** Values of variables; undefined: not set. */
export type Activation = Readonly<Record<string, Value | undefined>>;

export class Frame {
  readonly globals: Activation;
  /** Variables of comprehensions; an accumulator may hold the error of its last step. */
  readonly locals: (Value | CelError)[] = [];
  cost = 0;
  readonly limit: number;

  constructor(globals: Activation, limit: number) {
    this.globals = globals;
    this.limit = limit;
  }

  /** @throws CostExceeded */
  spend(cost: number): void {
    this.cost += cost;
    if (this.cost > this.limit) throw new CostExceeded();
  }
}

/** A compiled expression. @throws CelError, CostExceeded */
export type Step = (frame: Frame) => Value;
