import { expect, test } from 'vitest';
import { escapeFieldValue, parseFieldSelector } from './field-selector.ts';
import { formatLabelSelector, matcherOf, matcherOfSet, parseLabelSelector, toLabelSelector } from './label-selector.ts';

const labels = { app: 'web', tier: 'front', n: '5' };

test.each([
  ['', true], ['app=web', true], ['app==web', true], ['app=db', false], ['app!=db', true], ['none!=x', true], ['app in (web, db)', true], ['app notin (web)', false], ['none notin (web)', true],
  ['app', true], ['!app', false], ['!none', true], ['n>4', true], ['n<5', false], ['app>1', false], ['app=web,tier=back', false], ['app in ()', false], ['none=', false], ['in=x', false], ['app in (in,web)', true], ['toString', false],
])('%j selects the object: %s', (text, selected) => {
  expect(parseLabelSelector(text).matches(labels)).toBe(selected);
});

test.each([
  ['x in (b,a), a=1,!z', '!z,a=1,x in (a,b)'.split(',!').join(',!'), undefined],
  ['c>3,b!=2', 'b!=2,c>3', undefined],
])('%j is written back with sorted keys', (text) => {
  const written = parseLabelSelector(text).toString();
  expect(parseLabelSelector(written).toString()).toBe(written);
  const keys = parseLabelSelector(text).requirements.map((r) => r.key);
  expect(keys).toEqual([...keys].sort());
});

test.each([
  ['a=b,', "found '', expected: identifier after ','"],
  [',a', "found ',', expected: !, identifier, or 'end of string'"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a in x', "unable to parse requirement: found 'x' expected: '('"],
  ['a in (x', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['a>x', "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
  ['a=%', "unable to parse requirement: values[0][a]: Invalid value: \"%\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"],
])('%j is refused with upstream\'s words', (text, words) => {
  expect(() => parseLabelSelector(text)).toThrow(words);
});

test('a selector in an object: absent selects nothing, empty everything, expressions as named', () => {
  expect(matcherOf(undefined).matches(labels)).toBe(false);
  expect(matcherOf({}).matches(undefined)).toBe(true);
  const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }, { key: 'x', operator: 'DoesNotExist' }] };
  expect(matcherOf(selector).matches(labels)).toBe(true);
  expect(formatLabelSelector(selector)).toBe('app=web,tier in (front),!x');
  expect(formatLabelSelector({})).toBe('<none>');
  expect(() => matcherOf({ matchExpressions: [{ key: 'x', operator: 'Has' }] })).toThrow('"Has" is not a valid label selector operator');
  expect(matcherOf(selector).exactValue('tier')).toBe('front');
  expect(matcherOfSet({ app: 'web' }).toString()).toBe('app=web');
  expect(toLabelSelector('app=web,tier in (a,b)')).toEqual({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] });
});

test('field selectors compare texts, unescape values and refuse what they do not understand', () => {
  const get = (field: string) => ({ 'metadata.name': 'a=b', 'status.phase': 'Running' })[field] ?? '';
  expect(parseFieldSelector(`metadata.name=${escapeFieldValue('a=b')},status.phase!=Pending`).matches(get)).toBe(true);
  expect(parseFieldSelector('spec.nodeName==').matches(get)).toBe(true);
  expect(parseFieldSelector('metadata.name=x').exactValue('metadata.name')).toBe('x');
  expect(parseFieldSelector('b=1,a!=2').toString()).toBe('a!=2,b=1');
  expect(() => parseFieldSelector('name')).toThrow("invalid selector: 'name'; can't understand 'name'");
  expect(() => parseFieldSelector('a=b=c')).toThrow('invalid field selector: unescaped character in value: 61');
  expect(() => parseFieldSelector('a=\\x')).toThrow('invalid field selector: invalid escape sequence: \\x');
});
