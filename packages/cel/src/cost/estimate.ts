/** What an expression may cost at most, found without running it: cel-go's rules, with Kubernetes' libraries. */
import { accumulatorName, type Call, type Comprehension, type Expr } from '../syntax/ast.ts';
import type { Type } from '../types.ts';
import { isOptional } from '../types.ts';
import { kubernetesCallEstimate } from './kubernetes-estimates.ts';
import { addRanges, constantSize, type Estimate, fixed, maxUint64, type Range, scale, timesRange, unionRanges, unknownRange } from './ranges.ts';

/** What sizes are asked by: the names gone through from a variable, and the type. */
export interface SizedNode {
  /** Starts with the variable's name; `@items`, `@keys`, `@values` for what is inside. Empty where nothing is known. */
  path: readonly string[];
  type: Type;
  expr?: Expr;
  /** Known without asking. */
  size?: Range;
}
/** The size of what a path leads to, where something is declared of it. */
export type SizeOf = (path: readonly string[]) => Range | undefined;

interface EntrySizes {
  container: 'list' | 'map';
  key: Range;
  value: Range;
}
interface LocalVariable {
  path: readonly string[];
  size?: Range;
  entries?: EntrySizes;
}

const one = fixed(1n);
const listCost = fixed(10n);
const mapCost = fixed(30n);
const structCost = fixed(40n);
const traversal = 0.1;
const regexFactor = 0.25;
const nothing: Range = { min: 0n, max: 0n };

const scalarKinds = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const isScalar = (type: Type): boolean => scalarKinds.has(type.kind) || (isOptional(type) && isScalar(type.params[0]));

const unionEntries = (a: EntrySizes | undefined, b: EntrySizes | undefined): EntrySizes | undefined => a && b && { container: a.container, key: unionRanges(a.key, b.key), value: unionRanges(a.value, b.value) };

/** A call that makes a list of that size. */
const making = (size: Range, factor = 1): Estimate => ({ cost: addRanges(scale(size, factor), addRanges(one, listCost)), size });

/** What an argument says that is a whole number as it stands; negative ones are none. */
function wholeLiteral({ expr }: SizedNode, otherwise: bigint): bigint {
  if (expr?.kind !== 'literal' || (typeof expr.value !== 'number' && typeof expr.value !== 'bigint')) return otherwise;
  return expr.value < 0 ? 0n : BigInt(expr.value);
}

class Estimator {
  readonly #sizeOf: SizeOf;
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #locals = new Map<string, LocalVariable[]>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySizes>();

  constructor(sizeOf: SizeOf) {
    this.#sizeOf = sizeOf;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name]);
        return one;
      case 'select': {
        const operand = this.cost(expr.operand);
        if (expr.testOnly) return operand;
        this.#paths.set(expr, [...this.#pathOf(expr.operand), expr.field]);
        return ['map', 'struct', 'param'].includes(expr.operand.type!.kind) ? addRanges(operand, one) : operand;
      }
      case 'call':
        return this.#call(expr);
      case 'list': {
        let sum = listCost;
        let item: Range | undefined;
        for (const element of expr.elements) {
          sum = addRanges(sum, this.cost(element));
          item = unionRanges(item ?? this.#sizeOrUnknown(element), this.#sizeOrUnknown(element));
        }
        this.#entries.set(expr, { container: 'list', key: fixed(1n), value: item ?? nothing });
        return sum;
      }
      case 'map': {
        let sum = mapCost;
        let key: Range | undefined;
        let value: Range | undefined;
        for (const entry of expr.entries) {
          sum = addRanges(sum, addRanges(this.cost(entry.key), this.cost(entry.value)));
          key = unionRanges(key ?? this.#sizeOrUnknown(entry.key), this.#sizeOrUnknown(entry.key));
          value = unionRanges(value ?? this.#sizeOrUnknown(entry.value), this.#sizeOrUnknown(entry.value));
        }
        this.#entries.set(expr, { container: 'map', key: key ?? nothing, value: value ?? nothing });
        return sum;
      }
      case 'struct':
        return expr.fields.reduce((sum, field) => addRanges(sum, this.cost(field.value)), structCost);
      case 'comprehension':
        return this.#isBinding(expr) ? this.#binding(expr) : this.#comprehension(expr);
      default:
        return nothing;
    }
  }

  #local(name: string): LocalVariable | undefined {
    return this.#locals.get(name)?.at(-1);
  }
  #push(name: string, variable: LocalVariable): void {
    const stack = this.#locals.get(name);
    if (stack) stack.push(variable);
    else this.#locals.set(name, [variable]);
  }
  #pop(name: string): void {
    this.#locals.get(name)?.pop();
  }
  #pathOf(expr: Expr): readonly string[] {
    const local = expr.kind === 'ident' ? this.#local(expr.name) : undefined;
    return local ? local.path : (this.#paths.get(expr) ?? []);
  }
  #containerOf(range: Expr): string {
    return this.#entriesOf(range)?.container ?? range.type!.kind;
  }
  #entriesOf(expr: Expr): EntrySizes | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? constantSize(expr);
    if (known) return known;
    const declared = this.#sizeOf(this.#pathOf(expr));
    if (declared) {
      this.#sizes.set(expr, declared);
      return declared;
    }
    if (expr.type && isScalar(expr.type)) return fixed(1n);
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }
  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownRange;
  }
  #setSize(expr: Expr, size: Range | undefined): void {
    if (size) this.#sizes.set(expr, size);
  }
  #copySizes(to: Expr, from: Expr): void {
    this.#setSize(to, this.#size(from));
    const entries = this.#entriesOf(from);
    if (entries) this.#entries.set(to, entries);
  }
  #node(expr: Expr): SizedNode {
    const path = this.#pathOf(expr);
    const size = this.#size(expr);
    return { path: path[0] === accumulatorName || path[0] === '__result__' ? [] : path, type: expr.type!, expr, ...(size && { size }) };
  }

  #call(expr: Call): Range {
    if (expr.name === 'dyn') {
      const cost = this.cost(expr.args[0]);
      this.#copySizes(expr, expr.args[0]);
      return addRanges(one, cost);
    }
    const costs = expr.args.map((arg) => this.cost(arg));
    const args = expr.args.map((arg) => this.#node(arg));
    const overloads = expr.overloads ?? [];
    if (!overloads.length) return nothing;
    const sum = expr.target ? this.cost(expr.target) : nothing;
    const target = expr.target && this.#node(expr.target);
    let cost: Range | undefined;
    let size: Range | undefined;
    for (const overload of overloads) {
      const estimate = this.#function(expr, overload, target, args, costs);
      cost = cost ? unionRanges(cost, estimate.cost) : estimate.cost;
      if (estimate.size) size = size ? unionRanges(size, estimate.size) : estimate.size;
      if (overload === 'index_list' || overload === 'index_map') {
        size = this.#entriesOf(expr.args[0])?.value;
        this.#paths.set(expr, [...this.#pathOf(expr.args[0]), overload === 'index_list' ? '@items' : '@values']);
      }
      size ??= this.#size(expr);
    }
    this.#setSize(expr, size);
    return addRanges(sum, cost!);
  }

  #function(expr: Call, overload: string, target: SizedNode | undefined, args: readonly SizedNode[], costs: readonly Range[]): Estimate {
    const argSum = costs.reduce(addRanges, nothing);
    const own = kubernetesCallEstimate(expr.name, overload, target, args, (path) => this.#sizeOf(path));
    if (own) return { ...own, cost: addRanges(own.cost, argSum) };
    const special = this.#standard(expr, overload, target, args, costs);
    if (special) return special.whole ? special : { ...special, cost: addRanges(special.cost, argSum) };
    return { cost: addRanges(one, argSum) };
  }

  /** `whole`: the arguments are counted already. */
  #standard(expr: Call, overload: string, target: SizedNode | undefined, args: readonly SizedNode[], costs: readonly Range[]): (Estimate & { whole?: boolean }) | undefined {
    const sizes = args.map(({ size }) => size ?? unknownRange);
    const targetSize = target?.size ?? unknownRange;
    switch (overload) {
      case 'string_format':
        return { cost: scale(targetSize, traversal) };
      case 'string_to_bytes':
        return { cost: scale(sizes[0], traversal), size: { min: sizes[0].min, max: BigInt.asUintN(64, sizes[0].max * 4n) } };
      case 'bytes_to_string':
        return { cost: scale(sizes[0], traversal), size: { min: sizes[0].min / 4n, max: sizes[0].max } };
      case 'strings_quote':
        return { cost: scale(sizes[0], traversal), size: { min: sizes[0].min + 2n, max: BigInt.asUintN(64, sizes[0].max * 2n + 2n) } };
      case 'starts_with_string':
      case 'ends_with_string':
        return { cost: scale(sizes[0], traversal) };
      case 'in_list':
        return { cost: scale(sizes[1], 1) };
      case 'matches_string':
        return { cost: timesRange(scale(addRanges(targetSize, one), traversal), scale(sizes[0], regexFactor)) };
      case 'contains_string':
        return { cost: timesRange(scale(targetSize, traversal), scale(sizes[0], traversal)) };
      case 'logical_or':
      case 'logical_and':
        return { cost: { min: costs[0].min, max: addRanges(costs[0], costs[1]).max }, whole: true };
      case 'conditional': {
        const entries = unionEntries(this.#entriesOf(expr.args[1]), this.#entriesOf(expr.args[2]));
        if (entries) this.#entries.set(expr, entries);
        return { cost: addRanges(costs[0], unionRanges(costs[1], costs[2])), size: unionRanges(sizes[1], sizes[2]), whole: true };
      }
      case 'add_string':
      case 'add_bytes':
      case 'add_list': {
        const size = addRanges(sizes[0], sizes[1]);
        const entries = unionEntries(this.#entriesOf(expr.args[0]), this.#entriesOf(expr.args[1]));
        if (entries) this.#entries.set(expr, entries);
        return { cost: overload === 'add_list' ? one : scale(size, traversal), size };
      }
      case 'list_sets_contains_list':
      case 'list_sets_intersects_list':
      case 'list_sets_equivalent_list':
        return { cost: addRanges(scale(timesRange(sizes[0], sizes[1]), overload === 'list_sets_equivalent_list' ? 2 : 1), one) };
      case 'list_slice':
        return making(fixed(BigInt.asUintN(64, wholeLiteral(args[1], targetSize.max) - wholeLiteral(args[0], 0n))));
      case 'lists_range':
        return making(fixed(wholeLiteral(args[0], maxUint64)));
      case 'list_reverse':
        return making(targetSize);
      case 'list_flatten':
      case 'list_flatten_int':
        return making(targetSize, args.length ? Number(wholeLiteral(args[0], maxUint64)) : 1);
      case 'list_distinct':
        return making(timesRange(targetSize, targetSize), 2);
      default:
    }
    const sorted = /^list_(.+)_(sort|sortByAssociatedKeys)$/.exec(overload);
    if (sorted) {
      const size = sorted[2] === 'sort' ? targetSize : sizes[0];
      return making(timesRange(size, size), 2 + (sorted[1] === 'string' || sorted[1] === 'bytes' ? traversal : 0));
    }
    if (!/^(?:(?:less|greater)(?:_equals)?_(?:string|bytes)|equals|not_equals)$/.test(overload)) return undefined;
    const max = sizes[0].max < sizes[1].max ? sizes[0].max : sizes[1].max;
    return { cost: scale({ min: max > 0n ? 1n : 0n, max }, traversal) };
  }

  #isBinding({ range, condition }: Comprehension): boolean {
    return range.kind === 'list' && !range.elements.length && condition.kind === 'literal' && condition.value === false;
  }
  #binding(expr: Comprehension): Range {
    const sum = addRanges(this.cost(expr.range), this.cost(expr.init));
    this.#pushValue(expr.accumulator, expr.init);
    const result = this.cost(expr.result);
    this.#pop(expr.accumulator);
    this.#copySizes(expr, expr.result);
    return addRanges(sum, result);
  }
  #pushValue(name: string, expr: Expr): void {
    const size = this.#size(expr);
    const entries = this.#entriesOf(expr);
    this.#push(name, { path: this.#pathOf(expr), ...(size && { size }), ...(entries && { entries }) });
  }

  #comprehension(expr: Comprehension): Range {
    const before = addRanges(this.cost(expr.range), this.cost(expr.init));
    this.#pushValue(expr.accumulator, expr.init);
    const container = this.#containerOf(expr.range);
    const entries = this.#entriesOf(expr.range);
    const path = this.#pathOf(expr.range);
    const inside = (part: string, size: Range | undefined): LocalVariable => ({ path: [...path, part], ...(size && { size }) });
    const values = inside(container === 'list' ? '@items' : '@values', entries?.value);
    if (expr.variable2) {
      this.#push(expr.variable, inside(container === 'list' ? '@indices' : '@keys', entries?.key));
      this.#push(expr.variable2, values);
    } else this.#push(expr.variable, container === 'list' ? values : inside('@keys', entries?.key));
    const loop = this.cost(expr.condition);
    const step = this.cost(expr.step);
    this.#pop(expr.variable);
    if (expr.variable2) this.#pop(expr.variable2);
    const result = this.cost(expr.result);
    this.#pop(expr.accumulator);
    const count = this.#sizeOrUnknown(expr.range);
    if (expr.init.kind === 'literal') this.#setSize(expr, this.#size(expr.init));
    else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#setSize(expr, count);
      const made = this.#entriesOf(expr.step);
      if (made) this.#entries.set(expr, made);
    }
    return addRanges(addRanges(before, result), timesRange(count, addRanges(step, loop)));
  }
}

/** The least and the most that a checked expression may cost. */
export const estimateCost = (expr: Expr, sizeOf: SizeOf): Range => new Estimator(sizeOf).cost(expr);
