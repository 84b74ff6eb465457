/** Bounds of sizes and costs, in 64 bits without overflow. */
import { characters } from '../library/standard.ts';
import type { Expr } from '../syntax/ast.ts';

export interface Range {
  min: bigint;
  max: bigint;
}
export interface Estimate {
  cost: Range;
  /** Of the result. */
  size?: Range;
}

export const maxUint64 = 2n ** 64n - 1n;
export const unknownRange: Range = { min: 0n, max: maxUint64 };
export const fixed = (value: bigint): Range => ({ min: value, max: value });

const capped = (value: bigint): bigint => (value > maxUint64 ? maxUint64 : value);
export const addRanges = (a: Range, b: Range): Range => ({ min: capped(a.min + b.min), max: capped(a.max + b.max) });
export const timesRange = (a: Range, b: Range): Range => ({ min: capped(a.min * b.min), max: capped(a.max * b.max) });
export const unionRanges = (a: Range, b: Range): Range => ({ min: a.min < b.min ? a.min : b.min, max: a.max > b.max ? a.max : b.max });

/** In doubles, as upstream: rounded up. */
function times(value: bigint, factor: number): bigint {
  const product = Math.ceil(Number(value) * factor);
  return product >= 2 ** 64 ? maxUint64 : BigInt(product);
}
export const scale = (range: Range, factor: number): Range => ({ min: times(range.min, factor), max: times(range.max, factor) });

/** The size that a literal shows. */
export function constantSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr;
      return fixed(BigInt(typeof value === 'string' ? characters(value) : value instanceof Uint8Array ? value.length : 1));
    }
    case 'list':
      return fixed(BigInt(expr.elements.length));
    case 'map':
      return fixed(BigInt(expr.entries.length));
    default:
      return undefined;
  }
}
