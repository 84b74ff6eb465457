import { expect, test } from 'vitest';
import { cidrContains, cidrWarnings, formatCidr, formatIp, ipWarnings, parseCidr, parseIp, validateCidr, validateCidrForLegacyField, validateIp, validateIpForLegacyField } from './ip.ts';

test.each([
  ['10.0.0.1', '10.0.0.1'], ['010.0.0.01', '10.0.0.1'], ['::ffff:1.2.3.4', '1.2.3.4'], ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], ['::', '::'], ['::1', '::1'], ['fe80::', 'fe80::'], ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'], ['64:ff9b::1.2.3.4', '64:ff9b::102:304'], ['1:0:0:2::', '1:0:0:2::'],
])('%s is read and written as %s', (text, canonical) => {
  const ip = parseIp(text);
  expect(ip && formatIp(ip)).toBe(canonical);
});

test.each([[''], ['1.2.3'], ['1.2.3.256'], ['1:2'], ['1::2::3'], ['12345::'], ['1.2.3.4:80'], ['::1%eth0'], ['1:2:3:4:5:6:7:8:9']])('%j is no address', (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test.each([['10.1.2.3/8', '10.0.0.0/8'], ['2001:db8::1/64', '2001:db8::/64'], ['0.0.0.0/0', '0.0.0.0/0'], ['::ffff:1.2.3.4/120', '1.2.3.0/24']])('%s is the block %s', (text, block) => {
  const cidr = parseCidr(text);
  expect(cidr && formatCidr(cidr)).toBe(block);
});

test('blocks hold the addresses of their family', () => {
  const block = parseCidr('10.96.0.0/16');
  const holds = (text: string) => cidrContains(block as NonNullable<typeof block>, parseIp(text) as NonNullable<ReturnType<typeof parseIp>>);
  expect([holds('10.96.3.4'), holds('10.97.0.1'), holds('::1')]).toEqual([true, false, false]);
});

test('validation and warnings use upstream\'s words', () => {
  expect(validateIp('x', 'f')[0]?.message).toBe('Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  expect(validateIp('2001:DB8::1', 'f')[0]?.message).toBe('Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")');
  expect(validateIpForLegacyField('1.2.3.04', 'f', { strict: true })[0]?.message).toBe('Invalid value: "1.2.3.04": must not have leading 0s');
  expect(validateIpForLegacyField('1.2.3.04', 'f', { strict: false })).toEqual([]);
  expect(validateIpForLegacyField('bad', 'f', { strict: true, old: ['bad'] })).toEqual([]);
  expect(validateCidr('10.0.0.1/8', 'f')[0]?.message).toBe('Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length');
  expect(validateCidrForLegacyField('10.0.0.0', 'f', { strict: false })[0]?.message).toBe('Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
  expect(ipWarnings('1.2.3.04', 'f')).toEqual(['f: non-standard IP address "1.2.3.04" is invalid: use "1.2.3.4"']);
  expect(cidrWarnings('10.0.0.1/8', 'f')).toEqual(['f: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)']);
});
