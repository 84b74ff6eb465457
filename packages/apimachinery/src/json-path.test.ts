import { expect, test } from 'vitest';
import { intOf, scaledIntOrPercent } from './int-or-string.ts';
import { jsonPath, jsonPathText } from './json-path.ts';

const pod = {
  metadata: { name: 'p', labels: { 'a.b/c': 'x' }, annotations: {} },
  spec: { containers: [{ name: 'a', ports: [{ p: 80 }, { p: 81 }] }, { name: 'b' }] },
  status: { conditions: [{ type: 'Ready', status: 'True', n: 3 }, { type: 'Other', status: 'False', n: 5 }] },
};

test.each([
  ['.metadata.name', ['p']], ['{.metadata.name}', ['p']], ['$.metadata.name', ['p']], ['metadata.name', ['p']], ['.spec.none.deep', []],
  ['.spec.containers[*].name', ['a', 'b']], ['.spec.containers[0].name', ['a']], ['.spec.containers[-1].name', ['b']], ['.spec.containers[0:1].name', ['a']], ['.spec.containers[5]', []],
  [".metadata.labels['a.b/c']", ['x']], ['.metadata.labels.a\\.b/c', ['x']], ['.status.conditions[?(@.type=="Ready")].status', ['True']], ["..conditions[?(@.n>3)].type", ['Other']], ['.status.conditions[?(@.none)].type', []],
  ['..p', [80, 81]], [".spec.containers[0]['name','ports']", ['a', [{ p: 80 }, { p: 81 }]]], ['.spec.containers[0,1].name', ['a', 'b']], ['.metadata.*', [{}, { 'a.b/c': 'x' }, 'p']],
])('%s finds %j', (path, found) => {
  expect(jsonPath(path).find(pod)).toEqual(found);
});

test.each([['.a['], ['.a[?(@.b==)]'], ['.a)']])('%s is refused', (path) => {
  expect(() => jsonPath(path)).toThrow();
});

test('columns show texts as they are and the rest as JSON', () => {
  expect(['x', 5, true, null, { b: 1, a: [2] }].map(jsonPathText)).toEqual(['x', '5', 'true', '<no value>', '{"a":[2],"b":1}']);
});

test('percentages are scaled and rounded as asked, numbers are kept', () => {
  expect([scaledIntOrPercent('25%', 10, 'up'), scaledIntOrPercent('25%', 10, 'down'), scaledIntOrPercent(4, 10, 'up'), scaledIntOrPercent('0%', 0, 'down')]).toEqual([3, 2, 4, 0]);
  expect(() => scaledIntOrPercent('5', 1, 'up')).toThrow('invalid value for IntOrString: invalid type: string is not a percentage');
  expect(() => scaledIntOrPercent('x%', 1, 'up')).toThrow('invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax');
  expect([intOf('12'), intOf('http'), intOf(undefined)]).toEqual([12, 0, 0]);
});
