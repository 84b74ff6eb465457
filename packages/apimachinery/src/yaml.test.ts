import { expect, test } from 'vitest';
import { duplicateYamlKeys, parseYaml, parseYamlDocuments, writeYaml } from './yaml.ts';

test.each([
  ['0644', 420], ['0o17', 15], ['0x10', 16], ['0b11', 3], ['-017', -15], ['08', 8], ['1_000', 1000], ['1e3', 1000], ['.5', 0.5], ['yes', true], ['Off', false], ['y', true], ['"yes"', 'yes'], ['~', null], ['', null], ['2001-01-01', '2001-01-01'], ['1.2.3', '1.2.3'], ['10Mi', '10Mi'], ['!!str 5', '5'], ['!!binary aGk=', 'hi'],
])('%j is read as Go reads it', (scalar, value) => {
  expect(parseYaml(`a: ${scalar}`)).toEqual({ a: value });
});

test('keys are texts, merges are carried out, only the first document counts', () => {
  expect(parseYaml('y: 1\n2: b')).toEqual({ true: 1, 2: 'b' });
  expect(parseYaml('a: &a {q: 1, r: 2}\nb: {<<: *a, r: 3}')).toEqual({ a: { q: 1, r: 2 }, b: { q: 1, r: 3 } });
  expect(parseYaml('---\na: 1\n---\nb: [')).toEqual({ a: 1 });
  expect(parseYaml('a: |\n  ---x\n  y\n')).toEqual({ a: '---x\ny\n' });
  expect(parseYamlDocuments('a: 1\n---\nb: 2')).toEqual([{ a: 1 }, { b: 2 }]);
  expect(parseYaml('# nothing\n')).toBeUndefined();
  expect(parseYaml('{"a": [1, "b"]}')).toEqual({ a: [1, 'b'] });
});

test('of two equal keys the last counts, unless that is to be an error', () => {
  expect(parseYaml('a: 1\na: 2')).toEqual({ a: 2 });
  expect(() => parseYaml('a: 1\na: 2', { duplicates: 'error' })).toThrow('yaml: line 2: duplicated mapping key');
  expect(duplicateYamlKeys('a: {b: 1, b: 2}\na: 3')).toEqual(['line 1: key "b" already set in map', 'line 2: key "a" already set in map']);
  expect(() => parseYaml('a: [')).toThrow(/^yaml: line 1: /);
});

test('what is written is read back, keys in natural order', () => {
  const value = { b10: '80', b9: 'yes', list: [{ name: 'x', none: null }], text: 'a\nb\n', empty: {}, colon: 'a: b', kind: 'X', n: -1.5 };
  const text = writeYaml(value);
  expect(text).toBe('b9: "yes"\nb10: "80"\ncolon: \'a: b\'\nempty: {}\nkind: X\nlist:\n- name: x\n  none: null\n"n": -1.5\ntext: |\n  a\n  b\n');
  expect(parseYaml(text)).toEqual(value);
});

test('aliases that stand for themselves, or for far more than was written, are refused', () => {
  expect(() => parseYaml('x: &x [*x]')).toThrow('yaml: anchor value contains itself');
  expect(() => parseYaml('a: &a {b: *a}')).toThrow('yaml: anchor value contains itself');
  const bomb = ['a0: &a0 ["lol"]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]`)].join('\n');
  expect(() => parseYaml(bomb)).toThrow('yaml: document contains excessive aliasing');
  expect(() => parseYaml(`a: &a "${'x'.repeat(1_000_000)}"\nb: [${Array(50).fill('*a').join(',')}]`)).toThrow('yaml: document contains excessive aliasing');
  expect(parseYaml(`a: &a {b: 1}\nc: [${Array(90).fill('*a').join(',')}]`)).toMatchObject({ a: { b: 1 } });
});

test('what is nested beyond what can be carried through a write is refused', () => {
  expect(JSON.stringify(parseYaml(`${'['.repeat(900)}${']'.repeat(900)}`))).toHaveLength(1_800);
  for (const text of ['['.repeat(100_000), '- '.repeat(5_000), Array.from({ length: 3_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')]) expect(() => parseYaml(text)).toThrow(/^yaml: (line \d+: )?exceeded max depth of 1000$/);
});

test('half a surrogate pair becomes U+FFFD', () => {
  expect(parseYaml('"\\uD800": "\\uDC00x"')).toEqual({ '\ufffd': '\ufffdx' });
});
