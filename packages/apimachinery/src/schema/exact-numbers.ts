/**
 * Whole numbers beyond 2^53 in JSON that has no type: Go keeps those of 64 bits digit by digit and makes floats of larger
 * ones. Here the former are `bigint`s, wherever a value is kept as it comes; fields with a type are numbers always.
 */

/** JSON.parse's third argument, and what writes a text of one's own: newer than the compiler's library. */
interface JsonWithSource {
  parse(text: string, reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}
const json = JSON as unknown as JsonWithSource;

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;

/** What digits stand for: a number while that is exact or they are beyond 64 bits, else a bigint. */
export function wholeNumber(digits: string, negative = false): number | bigint {
  const value = negative ? -Number(digits) : Number(digits);
  if (Number.isSafeInteger(value)) return value;
  const exact = negative ? -BigInt(digits) : BigInt(digits);
  return exact >= smallest && exact <= largest ? exact : value;
}

/** Whether a number may have lost digits in JSON.parse, or all of them. */
export const isInexact = (value: unknown): boolean => typeof value === 'number' && (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER);

export interface ExactJson {
  value: unknown;
  /** The first number that no float64 holds (`1e400`), as it was written. */
  tooLarge: string | undefined;
}

/** Parses valid JSON anew, whole numbers of 64 bits exactly. Several times slower than JSON.parse: for texts that are known to need it. */
export function parseExact(text: string): ExactJson {
  let tooLarge: string | undefined;
  try {
    const value = json.parse(text, (_, item, { source }) => {
      if (!isInexact(item) || source === undefined) return item;
      if (!Number.isFinite(item as number)) tooLarge ??= source;
      return /^-?\d+$/.test(source) ? wholeNumber(source) : item;
    });
    return { value, tooLarge };
  } catch (error) {
    // Nested too deep for a parse that looks at every value.
    if (error instanceof RangeError) return { value: JSON.parse(text), tooLarge };
    throw error;
  }
}

const longNumber = /(?:^|[:[,\s])-?\d{16}/;

/** JSON.parse of a text that this program wrote, whole numbers of 64 bits exactly. */
export const parseStored = (text: string): unknown => (longNumber.test(text) ? parseExact(text).value : JSON.parse(text));

/** Has JSON.stringify write bigints as numbers, digit by digit. For programs, once; repeatable. */
export function writeBigIntegers(): void {
  const prototype = BigInt.prototype as unknown as { toJSON?: (this: bigint) => unknown };
  prototype.toJSON ??= function toJSON() {
    return json.rawJSON(this.toString());
  };
}
