/** Calls that the parser replaces: quantifiers, transformations, `has`, and what optional values and bindings add. */
import type { Value } from '../eval/values.ts';
import { accumulatorName, copyExpr, type Expr } from './ast.ts';

/** Why a call of a macro is wrong, and at which argument. */
export class MacroError {
  readonly offset: number;
  readonly message: string;
  constructor(at: Expr, message: string) {
    this.offset = at.offset;
    this.message = message;
  }
}

export interface Macro {
  name: string;
  /** How many arguments the call has, its target aside. */
  args: number;
  /** Called on a target: `list.all(…)`. */
  receiver: boolean;
  /** `at`: where new nodes are told to be. Undefined: the call is none of the macro's. @throws MacroError */
  expand(at: number, args: Expr[], target: Expr): Expr | undefined;
}

const literal = (offset: number, value: Value): Expr => ({ kind: 'literal', offset, value });
const ident = (offset: number, name: string): Expr => ({ kind: 'ident', offset, name });
const accumulator = (offset: number): Expr => ident(offset, accumulatorName);
const call = (offset: number, name: string, ...args: Expr[]): Expr => ({ kind: 'call', offset, name, args });
const memberCall = (offset: number, name: string, target: Expr, ...args: Expr[]): Expr => ({ kind: 'call', offset, name, target, args });
const list = (offset: number, ...elements: Expr[]): Expr => ({ kind: 'list', offset, elements, optional: new Set() });
const emptyMap = (offset: number): Expr => ({ kind: 'map', offset, entries: [] });

interface Fold {
  init: Expr;
  condition: Expr;
  step: Expr;
  result: Expr;
}
/** How each quantifier folds a predicate. */
const quantifiers: Record<string, (at: number, predicate: Expr) => Fold> = {
  all: (at, predicate) => ({ init: literal(at, true), condition: call(at, '@not_strictly_false', accumulator(at)), step: call(at, '_&&_', accumulator(at), predicate), result: accumulator(at) }),
  exists: (at, predicate) => ({ init: literal(at, false), condition: call(at, '@not_strictly_false', call(at, '!_', accumulator(at))), step: call(at, '_||_', accumulator(at), predicate), result: accumulator(at) }),
  exists_one: (at, predicate) => ({
    init: literal(at, 0),
    condition: literal(at, true),
    step: call(at, '_?_:_', predicate, call(at, '_+_', accumulator(at), literal(at, 1)), accumulator(at)),
    result: call(at, '_==_', accumulator(at), literal(at, 1)),
  }),
};
quantifiers.existsOne = quantifiers.exists_one;

const reserved = (name: string): boolean => name === accumulatorName || name === '__result__';

function variableOf(arg: Expr, wrong: string): string {
  if (arg.kind !== 'ident') throw new MacroError(arg, wrong);
  if (reserved(arg.name)) throw new MacroError(arg, 'iteration variable overwrites accumulator variable');
  return arg.name;
}

function variablesOf([first, second]: Expr[]): { variable: string; variable2: string } {
  for (const arg of [first, second]) if (arg.kind !== 'ident') throw new MacroError(arg, 'argument must be a simple name');
  const names = [first, second].map((arg) => (arg as { name: string }).name);
  if (names[0] === names[1]) throw new MacroError(second, `duplicate variable name: ${names[0]}`);
  return { variable: variableOf(first, ''), variable2: variableOf(second, '') };
}

/** Steps where a filter lets them. */
const filtered = (at: number, filter: Expr | undefined, step: Expr): Expr => (filter ? call(at, '_?_:_', filter, step, accumulator(at)) : step);
const gather = (at: number, range: Expr, variables: { variable: string; variable2?: string }, init: Expr, step: Expr): Expr => ({ kind: 'comprehension', offset: at, range, ...variables, accumulator: accumulatorName, init, condition: literal(at, true), step, result: accumulator(at) });
const push = (at: number, element: Expr): Expr => call(at, '_+_', accumulator(at), list(at, element));

const names = Object.keys(quantifiers);
const noIdentifier = 'argument is not an identifier';

export const standardMacros: readonly Macro[] = [
  {
    name: 'has',
    args: 1,
    receiver: false,
    expand(at, [arg]) {
      if (arg.kind !== 'select') throw new MacroError(arg, 'invalid argument to has() macro');
      return { kind: 'select', offset: at, operand: arg.operand, field: arg.field, testOnly: true };
    },
  },
  ...names.map((name): Macro => ({
    name,
    args: 2,
    receiver: true,
    expand: (at, [variable, predicate], range) => ({ kind: 'comprehension', offset: at, range, variable: variableOf(variable, 'argument must be a simple name'), accumulator: accumulatorName, ...quantifiers[name](at, predicate) }),
  })),
  ...[2, 3].map((args): Macro => ({
    name: 'map',
    args,
    receiver: true,
    expand: (at, parts, range) => gather(at, range, { variable: variableOf(parts[0], noIdentifier) }, list(at), filtered(at, args === 3 ? parts[1] : undefined, push(at, parts[args - 1]))),
  })),
  {
    name: 'filter',
    args: 2,
    receiver: true,
    expand: (at, [variable, predicate], range) => gather(at, range, { variable: variableOf(variable, noIdentifier) }, list(at), filtered(at, predicate, push(at, variable))),
  },
];

/** `range.all(i, v, …)` and its kind: index and value of a list, key and value of a map. */
export const twoVariableMacros: readonly Macro[] = [
  ...names.map((name): Macro => ({
    name,
    args: 3,
    receiver: true,
    expand: (at, parts, range) => ({ kind: 'comprehension', offset: at, range, ...variablesOf(parts), accumulator: accumulatorName, ...quantifiers[name](at, parts[2]) }),
  })),
  ...[3, 4].flatMap((args): Macro[] => [
    { name: 'transformList', args, receiver: true, expand: (at, parts, range) => gather(at, range, variablesOf(parts), list(at), filtered(at, args === 4 ? parts[2] : undefined, push(at, parts[args - 1]))) },
    {
      name: 'transformMap',
      args,
      receiver: true,
      expand(at, parts, range) {
        const variables = variablesOf(parts);
        return gather(at, range, variables, emptyMap(at), filtered(at, args === 4 ? parts[2] : undefined, call(at, 'cel.@mapInsert', accumulator(at), ident(at, variables.variable), parts[args - 1])));
      },
    },
    { name: 'transformMapEntry', args, receiver: true, expand: (at, parts, range) => gather(at, range, variablesOf(parts), emptyMap(at), filtered(at, args === 4 ? parts[2] : undefined, call(at, 'cel.@mapInsert', accumulator(at), parts[args - 1]))) },
  ]),
];

/** A value under a name: a fold over nothing. */
export const bind = (at: number, name: string, value: Expr, body: Expr): Expr => ({
  kind: 'comprehension',
  offset: at,
  range: list(at),
  variable: '#unused',
  accumulator: name,
  init: value,
  condition: literal(at, false),
  step: ident(at, name),
  result: body,
});

const optionalVariable = (name: string, arg: Expr): string => {
  if (arg.kind !== 'ident') throw new MacroError(arg, `${name}() variable name must be a simple identifier`);
  return arg.name;
};

export const optionalMacros: readonly Macro[] = ['optMap', 'optFlatMap'].map((name) => ({
  name,
  args: 2,
  receiver: true,
  expand(at, [variable, body], target) {
    const bound = bind(at, optionalVariable(name, variable), memberCall(at, 'value', copyExpr(target)), body);
    return call(at, '_?_:_', memberCall(at, 'hasValue', target), name === 'optMap' ? call(at, 'optional.of', bound) : bound, call(at, 'optional.none'));
  },
}));

/** `cel.bind(name, value, body)`. */
export const bindMacro: Macro = {
  name: 'bind',
  args: 3,
  receiver: true,
  expand(at, [variable, value, body], target) {
    if (target.kind !== 'ident' || target.name !== 'cel') return undefined;
    if (variable.kind !== 'ident') throw new MacroError(variable, 'cel.bind() variable names must be simple identifiers');
    return bind(at, variable.name, value, body);
  },
};

/** `list.sortBy(e, key)`: the list is computed once. */
export const sortByMacro: Macro = {
  name: 'sortBy',
  args: 2,
  receiver: true,
  expand(at, [variable, key], target) {
    if (!['list', 'select', 'ident', 'comprehension', 'call'].includes(target.kind)) throw new MacroError(target, 'sortBy can only be applied to a list, identifier, comprehension, call or select expression');
    const name = variableOf(variable, noIdentifier);
    const input = '@__sortBy_input__';
    const keys = gather(at, ident(at, input), { variable: name }, list(at), push(at, key));
    return bind(at, input, target, memberCall(at, '@sortByAssociatedKeys', ident(at, input), keys));
  },
};
