import { describe, expect, test } from 'vitest';
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, milliValue, mulQuantity, quantityError, quantityOf, quantityToNumber, quantityValue, subQuantities } from './quantity.ts';

describe('the canonical form', () => {
  test.each([
    ['0', '0'], ['0n', '0'], ['-0', '0'], ['00', '0'], ['1000m', '1'], ['1.5', '1500m'], ['0.5', '500m'], ['.5', '500m'], ['5.', '5.'],
    ['0.5Gi', '512Mi'], ['1.5Gi', '1536Mi'], ['1024Mi', '1Gi'], ['1000Ki', '1000Ki'], ['1024', '1024'], ['512', '512'],
    ['1e3', '1e3'], ['1E3', '1E3'], ['1.1E5', '110e3'], ['100e3', '100e3'], ['1000e3', '1e6'], ['1000k', '1M'], ['1E', '1E'],
    ['0.1m', '100u'], ['0.1n', '1n'], ['1e-10', '1e-9'], ['-0.1n', '-1n'], ['1.0000000001', '1000000001n'],
    ['100Ei', '9223372036854775807'], ['0.5Ki', '512'], ['0.0001Ki', '102400u'], ['1.1Ki', '1126400m'], ['-1.5Gi', '-1536Mi'],
    ['12345678901234567890', '12345678901234567890'], ['9999999999999999999999', '9999999999999999999999'], ['+5', '+5'], ['1.500', '1.500'], ['Ki', '0'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });
});

test.each([
  ['', 'quantities must match'], ['aoeu', 'quantities must match'], ['1.1.M', 'quantities must match'], ['1 Gi', 'quantities must match'],
  ['1i', "unable to parse quantity's suffix"], ['0.1mi', "unable to parse quantity's suffix"], ['1e', "unable to parse quantity's suffix"], ['1e99999', "unable to parse quantity's suffix"], ['Ei', 'unable to parse numeric part'],
])('%j is refused with upstream\'s words', (text, words) => {
  expect(quantityError(text)).toContain(words);
});

test('values are rounded up, away from zero', () => {
  expect([milliValue('100m'), milliValue('1'), milliValue('1.5'), milliValue('1u'), milliValue('2Ki')]).toEqual([100, 1000, 1500, 1, 2_048_000]);
  expect([quantityValue('100m'), quantityValue('1Gi'), quantityValue('-100m'), quantityValue('1e3'), quantityValue('0')]).toEqual([1, 2 ** 30, -1, 1000, 0]);
  expect(quantityToNumber('100m')).toBe(0.1);
});

test('sums and differences are exact and keep the first form, unless that is zero', () => {
  expect(formatQuantity(addQuantities('100m', '1'))).toBe('1100m');
  expect(formatQuantity(addQuantities('1Gi', '1M'))).toBe('1074741824');
  expect(formatQuantity(addQuantities('0', '1Gi'))).toBe('1Gi');
  expect(formatQuantity(subQuantities('1Gi', '512Mi'))).toBe('512Mi');
  expect(formatQuantity(subQuantities('1', '1500m'))).toBe('-500m');
  expect(formatQuantity(addQuantities('9223372036854775807', '1n'))).toBe('9223372036854775807000000001n');
  expect(formatQuantity(mulQuantity('100m', 30))).toBe('3');
  expect(formatQuantity(quantityOf(2n ** 40n, 'BinarySI'))).toBe('1Ti');
});

test.each([['1', '1000m', 0], ['1Ki', '1k', 1], ['1m', '2m', -1], ['1e18', '999P', 1], ['-1', '0', -1], ['0.000000001', '0', 1]])('%s compared with %s is %i', (a, b, order) => {
  expect(compareQuantities(a, b)).toBe(order);
});
