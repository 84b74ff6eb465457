import { describe, expect, it } from 'vitest';
import { optionalMacros, standardMacros } from './macros.ts';
import { macroTable, parse } from './parser.ts';
import { formatIssues } from './source.ts';

const macros = macroTable([...standardMacros, ...optionalMacros]);
const problems = (text: string): string[] => formatIssues(text, parse(text, macros).issues).split('\n').filter((line) => line.startsWith('ERROR')).map((line) => line.replace('ERROR: <input>:', ''));
const operand = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

describe('texts that are no expressions are explained as ANTLR explains them', () => {
  it.each<[string, string[]]>([
    ['not (( valid', ["1:13: Syntax error: mismatched input '<EOF>' expecting ')'"]],
    ['(a', ["1:3: Syntax error: missing ')' at '<EOF>'"]],
    ['1 + ', [`1:5: Syntax error: mismatched input '<EOF>' expecting ${operand}`]],
    ['1 + $', ["1:5: Syntax error: token recognition error at: '$'", `1:6: Syntax error: mismatched input '<EOF>' expecting ${operand}`]],
    ["'unclosed", ["1:1: Syntax error: token recognition error at: ''unclosed'", `1:10: Syntax error: mismatched input '<EOF>' expecting ${operand}`]],
    ['a | b', ["1:3: Syntax error: token recognition error at: '| '", "1:5: Syntax error: extraneous input 'b' expecting <EOF>"]],
    ['{"a": 1}."a"', ["1:10: Syntax error: no viable alternative at input '.\"a\"'"]],
    ['a.😁', ["1:3: Syntax error: token recognition error at: '😁'", "1:4: Syntax error: no viable alternative at input '.'"]],
    ['in', [`1:1: Syntax error: mismatched input 'in' expecting ${operand}`, `1:3: Syntax error: mismatched input '<EOF>' expecting ${operand}`]],
    ['has(m)', ['1:5: invalid argument to has() macro']],
    ['1.all(2, 3)', ['1:7: argument must be a simple name']],
    ['while', ['1:1: reserved identifier: while']],
    ['0xFFFFFFFFFFFFFFFFF', ['1:1: invalid int literal']],
  ])('%s', (text, wanted) => expect(problems(text)).toEqual(wanted));

  it('marks the place under the line, wide characters with wide dots', () => {
    expect(formatIssues("'é' ++", parse("'é' ++", macros).issues).split('\n').slice(1, 3)).toEqual([" | 'é' ++", ' | .\uff0e...^']);
  });
});

describe('the parser', () => {
  it('reads a minus before a number as part of it', () => expect(parse('-9223372036854775808', macros).expr).toMatchObject({ kind: 'literal', value: -(2n ** 63n) }));
  it('balances long chains', () => {
    const { expr } = parse(Array.from({ length: 2000 }, (_, i) => `a${i}`).join(' && '), macros);
    expect(expr?.kind).toBe('call');
  });
  it('refuses texts that nest too deeply', () => expect(problems(`${'['.repeat(300)}${']'.repeat(300)}`)).toEqual(['-1:0: expression recursion limit exceeded: 250']));
});
