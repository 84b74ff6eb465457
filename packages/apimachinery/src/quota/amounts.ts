/** Lists of named amounts, as quotas hold them. Pure. */
import { addQuantities, compareQuantities, formatQuantity, isZeroQuantity, parseQuantity, signOfQuantity, subQuantities } from '../quantity.ts';

export type Amounts = Record<string, string>;

export const plus = (a: Amounts, b: Amounts): Amounts => {
  const sum = { ...a };
  for (const [name, amount] of Object.entries(b)) sum[name] = name in sum ? formatQuantity(addQuantities(sum[name], amount)) : formatQuantity(parseQuantity(amount));
  return sum;
};

/** What `a` exceeds `b` by; what it does not, is zero. */
export function increase(a: Amounts, b: Amounts): Amounts {
  const result: Amounts = {};
  for (const [name, amount] of Object.entries(a)) {
    const rest = name in b ? subQuantities(amount, b[name]) : parseQuantity(amount);
    result[name] = signOfQuantity(rest) > 0 ? formatQuantity(rest) : '0';
  }
  return result;
}

export const only = (a: Amounts, names: readonly string[]): Amounts => Object.fromEntries(Object.entries(a).filter(([name]) => names.includes(name)));
export const withoutZeros = (a: Amounts): Amounts => Object.fromEntries(Object.entries(a).filter(([, amount]) => !isZeroQuantity(amount)));
export const negative = (a: Amounts): string[] => Object.keys(a).filter((name) => signOfQuantity(a[name]) < 0);
/** Names under which `a` is more than `limit`. */
export const exceeding = (a: Amounts, limit: Amounts): string[] => Object.keys(limit).filter((name) => name in a && compareQuantities(a[name], limit[name]) > 0);
export const sameAmounts = (a: Amounts, b: Amounts): boolean => Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => name in b && compareQuantities(a[name], b[name]) === 0);

/** `pods=1,requests.cpu=2` */
export const show = (a: Amounts): string =>
  Object.keys(a)
    .sort()
    .map((name) => `${name}=${formatQuantity(parseQuantity(a[name]))}`)
    .join(',');
