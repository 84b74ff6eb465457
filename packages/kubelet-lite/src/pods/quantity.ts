/** The numbers in resource quantities that the kubelet computes with. */
import { milliValue, quantityValue } from '@pilothouse/apimachinery';

type Text = string | number | undefined;
const textOf = (quantity: Text) => (quantity === undefined || quantity === '' ? '0' : String(quantity));

/** Whole units, rounded up: bytes, cores, counts. */
export const unitsOf = (quantity: Text): number => quantityValue(textOf(quantity));
/** Thousandths, rounded up: millicores. */
export const milliOf = (quantity: Text): number => milliValue(textOf(quantity));
/** `quantity` divided by `divisor` (default 1), rounded up: resourceFieldRef. */
export function dividedBy(quantity: Text, divisor: Text, kind: 'cpu' | 'other'): number {
  const read = kind === 'cpu' ? milliOf : unitsOf;
  const by = read(divisor) || (kind === 'cpu' ? 1000 : 1);
  return Math.ceil(read(quantity) / by);
}
