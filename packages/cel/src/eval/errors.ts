/** How an evaluation fails. Not `Error`s: logic operators catch them often, and no one reads their stacks. */

/** An error in the program's own terms; `||`, `&&` and quantifiers may absorb it. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** The run has used up its budget; nothing absorbs this. */
export class CostExceeded {
  readonly message = 'operation cancelled: actual cost limit exceeded';
}

export const noSuchOverload = (): CelError => new CelError('no such overload');
