/** Numbers that may be given as a percentage. Facts: k8s.io/apimachinery/pkg/util/intstr. */
import { goQuote } from './go-format.ts';
import type { IntOrString } from '@pilothouse/api-schemas';

export class IntOrStringError extends Error {
  override name = 'IntOrStringError';
}

/** The number of `25%`, or undefined where the text is no whole percentage. */
export function percentOf(value: IntOrString): number | undefined {
  if (typeof value !== 'string' || !/^[+-]?[0-9]+%$/.test(value)) return undefined;
  return Number(value.slice(0, -1));
}

/**
 * The value itself, or that percentage of `total`, rounded up or down to a whole number.
 * @throws IntOrStringError for a text that is no percentage, with upstream's words
 */
export function scaledIntOrPercent(value: IntOrString | undefined, total: number, rounding: 'up' | 'down'): number {
  if (value === undefined || value === null) throw new IntOrStringError('nil value for IntOrString');
  if (typeof value === 'number') return value;
  const percent = percentOf(value);
  if (percent === undefined) {
    const why = value.endsWith('%') ? `invalid value ${goQuote(value)}: strconv.Atoi: parsing ${goQuote(value.slice(0, -1))}: invalid syntax` : 'invalid type: string is not a percentage';
    throw new IntOrStringError(`invalid value for IntOrString: ${why}`);
  }
  const exact = (percent * total) / 100;
  // Never minus zero.
  return (rounding === 'up' ? Math.ceil(exact) : Math.floor(exact)) + 0;
}

/** The number; a text is read as one, 0 where it is none. */
export const intOf = (value: IntOrString | undefined): number => (typeof value === 'number' ? value : value !== undefined && /^[+-]?[0-9]+$/.test(value) ? Number(value) : 0);
