import { describe, expect, test } from 'vitest';
import { goRegExp } from './go-regexp.ts';

describe('goRegExp', () => {
  test.each<[string, string, boolean]>([
    ['^(\\S+ ){4}\\S+$', '* * * * *', true],
    ['^[[:alpha:]]+$', 'abc', true],
    ['^[[:alpha:]]+$', 'ab1', false],
    ['^\\pL+\\z', 'é', true],
    ['(?i)^abc$', 'ABC', true],
    ['^[a-z0-9_\\-./]+$', 'a-b.c/d_e', true],
    ['^[^\\s]+$', 'a b', false],
    ['^\\d{3}-{1}$', '123-', true],
    ['^(?P<year>\\d+)\\/x$', '1/x', true],
    ['^{a}$', '{a}', true],
    ['^a.b$', 'a\u2028b', true],
    ['^[]a]+$', ']a', true],
    ['^[a-z-]+$', 'a-b', true],
    ['\\Qa.b\\E', 'axb', false],
    ['^\\x{1F600}$', '😀', true],
  ])('%s on %s', (pattern, text, matches) => {
    expect(goRegExp(pattern).test(text)).toBe(matches);
  });

  test.each([
    ['[a', 'error parsing regexp: missing closing ]: `[a`'],
    ['(a', 'error parsing regexp: missing closing ): `(a`'],
    ['a)', 'error parsing regexp: unexpected ): `a)`'],
    ['*a', 'error parsing regexp: missing argument to repetition operator: `*`'],
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['(?<!a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?<!`'],
    ['\\y', 'error parsing regexp: invalid escape sequence: `\\y`'],
  ])('%s is refused as Go refuses it', (pattern, message) => {
    expect(() => goRegExp(pattern)).toThrow(message);
  });
});
