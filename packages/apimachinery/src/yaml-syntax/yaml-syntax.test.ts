import { describe, expect, test } from 'vitest';
import { duplicateYamlKeys, writeYaml } from '../yaml.ts';
import { readStructure } from './structure.ts';

/** As go.yaml.in/yaml/v2 v2.4.4 says it. */
describe('go-yaml says of', () => {
  test.each([
    ['an open list', 'metadata:\n  name: [', 'line 2: did not find expected node content'],
    ['a tab at the start', '\tmetadata: {}', 'found character that cannot start any token'],
    ['a key between two indentations', 'metadata:\n  name: y\n name: z\n', 'line 2: did not find expected key'],
    ['a line that is neither', 'a: b\nfoo\nbar: c\n', "line 3: could not find expected ':'"],
    ['two values in one line', 'a: b: c\n', 'mapping values are not allowed in this context'],
    ['an item in the midst of a value', 'a: 1\nb: x - y\nc: - z\n', 'line 3: block sequence entries are not allowed in this context'],
    ['a list without commas', 'x:\n  a: [1 2\n  b: 3\n', "line 2: did not find expected ',' or ']'"],
    ['a mapping that is not closed', 'x:\n  a: {b: 1\nc: 2\n', "line 2: did not find expected ',' or '}'"],
    ['a text that is not closed', 'a: "x\nb: c\n', 'line 3: found unexpected end of stream'],
    ['an unknown escape', 'a: 1\nb: "\\q"\n', 'line 2: found unknown escape character'],
    ['a short code', 'a: 1\nb: "\\x4"\n', 'line 2: did not find expected hexdecimal number'],
    ['a tab in a literal block', 'a:\n  b: |\n\tx\n', 'line 3: found a tab character where an indentation space is expected'],
    ['an unknown anchor', 'a: *b\n', "unknown anchor 'b' referenced"],
    ['a tag of no directive', 'a: 1\nb: !e!x 1\n', 'line 1: found undefined tag handle'],
    ['another version', '%YAML 2.0\n---\na: 1\n', 'found incompatible YAML document'],
    ['a control character', 'a: \x01\n', 'control characters are not allowed'],
    ['a list less indented than its item', 'a:\n  - b\n - c\n', "line 2: did not find expected key"],
    ['good text of every kind', '# c\na: &x {b: [1, {c: d}]}\n"k": \'it\'\'s\'\nl:\n- a: |\n   x\n  b: >-\n    y\n- ? k\n  : v\n- *x\n', undefined],
    ['the second document', 'a: 1\n---\n]\n', undefined],
  ])('%s', (_, text, message) => {
    const read = () => readStructure(text);
    if (message) expect(read).toThrow(new RegExp(`^${message.replace(/[[\]{}()*+?.\\^$|]/g, '\\$&')}$`));
    else expect(read).not.toThrow();
  });
});

test('keys that stand twice are told with the line of their second value, inner ones first', () => {
  expect(duplicateYamlKeys('x:\n  name: a\n  name: b\ny: 1\nx:\n  2\n')).toEqual(['line 3: key "name" already set in map', 'line 6: key "x" already set in map']);
  expect(duplicateYamlKeys('1: a\n"1": b\n1: c\n')).toEqual(['line 3: key 1 already set in map']);
});

test('long texts are broken behind column 80, literal blocks are not', () => {
  const words = 'the quick brown fox jumps over the lazy dog and then the quick brown fox sleeps a while';
  expect(writeYaml({ m: `a: ${words}`, l: [words] })).toBe(`l:\n- the quick brown fox jumps over the lazy dog and then the quick brown fox sleeps\n  a while\nm: 'a: the quick brown fox jumps over the lazy dog and then the quick brown fox sleeps\n  a while'\n`);
  expect(writeYaml({ t: `${words}\n${words}\n` })).toBe(`t: |\n  ${words}\n  ${words}\n`);
});
