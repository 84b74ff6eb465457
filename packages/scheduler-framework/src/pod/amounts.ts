/**
 * Amounts of resources as whole numbers: cpu in thousandths, all else in units (bytes, pieces), each rounded up as
 * `Quantity.MilliValue` and `Value` do. Exact up to 2^53.
 */
import type { Quantity } from '@pilothouse/api-schemas';
import { milliValue, quantityValue } from '@pilothouse/apimachinery/quantity';

export type Amounts = Map<string, number>;

export function amountOf(name: string, quantity: Quantity): number {
  return name === 'cpu' ? milliValue(quantity) : quantityValue(quantity);
}

export function amountsOf(list: Readonly<Record<string, Quantity>> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const name in list) amounts.set(name, amountOf(name, list[name]));
  return amounts;
}

export function addAmounts(to: Amounts, more: Amounts): void {
  for (const [name, amount] of more) to.set(name, (to.get(name) ?? 0) + amount);
}

export function maxAmounts(to: Amounts, other: Amounts): void {
  for (const [name, amount] of other) {
    const had = to.get(name);
    if (had === undefined || had < amount) to.set(name, amount);
  }
}

const isNative = (name: string) => !name.includes('/') || name.includes('kubernetes.io/');

/** A resource a device plugin or an operator declared: `example.com/gpu`. */
export const isExtendedResource = (name: string): boolean => !isNative(name) && !name.startsWith('requests.') && qualified.test(`requests.${name}`);
const qualified = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Resources the scheduler counts one by one beside cpu, memory, ephemeral-storage and pods. */
export const isScalarResource = (name: string): boolean => isExtendedResource(name) || name.startsWith('hugepages-') || (name.includes('/') && name.includes('kubernetes.io/')) || name.startsWith('attachable-volumes-');
