import { describe, expect, it } from 'vitest';
import { compileKubernetes, kubernetesEnvironment } from './kubernetes.ts';
import { Double, display, type Value } from './eval/values.ts';
import { adaptDynamic } from './schema/values.ts';
import { dynType, intType, listOf, stringType } from './types.ts';

const env = kubernetesEnvironment.extend({ s: stringType, i: intType, d: dynType, l: listOf(intType) });
const variables = { s: 'aab', i: 3, d: adaptDynamic({ a: { b: 1.5 }, list: [1, 'x', null] }), l: [1, 2, 3] };
function result(source: string): Value | string {
  const { program, issues } = compileKubernetes(source, env);
  if (!program) return issues;
  const outcome = program.run(variables);
  return outcome.error === undefined ? outcome.value : `error: ${outcome.error}`;
}
const firstProblem = (source: string): string => String(result(source)).split('\n')[0].replace('ERROR: <input>:', '');

describe('programs', () => {
  it.each<[string, unknown]>([
    ['9223372036854775807 + 1', 'error: integer overflow'],
    ['4611686018427387904 + 1', 4611686018427387905n],
    ['-7 / 2 == -3 && -7 % 2 == -1', true],
    ['1 / 0 == 1 || true', true],
    ['1 / 0 == 1 || false', 'error: division by zero'],
    ['l.exists(x, 1 / (x - 1) > 0)', true],
    ['l.all(x, 1 / (x - 1) > 5)', false],
    ['l.exists_one(x, x > 2)', true],
    ['[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]', true],
    ['[3, 1, 2].sort() == [1, 2, 3]', true],
    ["['bb', 'a'].sortBy(e, e.size()) == ['a', 'bb']", true],
    ['{1: "a"}[dyn(1.0)]', 'a'],
    ["size('😀é')", 2],
    ['d.a.b', new Double(1.5)],
    ['d.nope', 'error: no such key: nope'],
    ['has(d.a.b) && !has(d.a.c)', true],
    ["d.?a.?c.orValue('none')", 'none'],
    ['d.list[?7].hasValue()', false],
    ['d.a > 1', 'error: no such overload: _>_(map, int)'],
    ["s > d.list[0]", 'error: no such overload'],
    ["l.transformMap(i, v, v * 10)[2]", 30],
    ["timestamp('2023-08-30T00:00:00Z').getDayOfYear()", 241],
    ["string(duration('90m'))", '5400s'],
    ["'%s-%d'.format([s, i])", 'aab-3'],
    ["'abcabc'.replace('b', 'x', 1)", 'axcabc'],
    ["'a,b,c'.split(',', 2)", ['a', 'b,c']],
    ["s.charAt(9)", 'error: index out of range: 9'],
    ["'Hello'.matches('(?i)^hELLO$')", true],
    ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", false],
    ["'abcab'.findAll('a.')", ['ab', 'ab']],
    ["quantity('1.5Gi').isGreaterThan(quantity('1G'))", true],
    ["semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))", true],
    ["semver('v1.0', true).minor()", 0],
    ["cidr('10.0.0.0/8').containsIP('10.1.2.3')", true],
    ["ip('::ffff:1.2.3.4')", 'error: IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'],
    ["ip('x')", 'error: IP Address "x" parse error during conversion from string: ParseAddr("x"): unable to parse IP'],
    ["url('https://h:8/p?a=b').getPort()", '8'],
    ["url('::bad')", 'error: URL parse error during conversion from string: parse "::bad": missing protocol scheme'],
    ["format.dns1123Label().validate('Bad').hasValue()", true],
    ["sets.equivalent([1, 2], [2, 1])", true],
    ["type(1) == int && type('') != int", true],
    ['dyn(9223372036854775807) < 9223372036854775808.0', false],
    ["'%.0f %.1f'.format([2.5, 0.25])", '2 0.2'],
    ["'\\ufeffx '.trim() == '\\ufeffx'", true],
    ["'abc'.indexOf('', 9)", 3],
  ])('%s', (source, wanted) => expect(result(source)).toEqual(wanted));

  it.each([
    ["'a' == 1", "1:5: found no matching overload for '_==_' applied to '(string, int)'"],
    ['variables.x', "1:1: undeclared reference to 'variables' (in container '')"],
    ["[1, 'a']", "1:5: expected type 'int' but found 'string'"],
    ['s.a', "1:2: type 'string' does not support field selection"],
    ['s.nope()', "1:7: undeclared reference to 'nope' (in container '')"],
    ["duration('1x')", '1:10: invalid duration argument'],
    ["s.matches('(')", '1:11: invalid matches argument'],
    ['i.all(x, true)', "1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"],
  ])('%s is refused: %s', (source, wanted) => expect(firstProblem(source)).toBe(wanted));

  it('stop when they cost too much', () => {
    const { program } = compileKubernetes('l.all(x, l.all(y, l.all(z, x + y + z > 0)))', env);
    expect(program!.run({ l: Array.from({ length: 100 }, (_, i) => i + 1) }, 10_000)).toMatchObject({ error: 'operation cancelled: actual cost limit exceeded', exceeded: true });
  });
  it('show values as Go does', () => expect(display(result('{"a": [1, 2]}'))).toBe('{a: [1, 2]}'));
});
