import { expect, test } from 'vitest';
import { encodeSwagger } from './gnostic.ts';

const hex = (value: object) => Buffer.from(encodeSwagger(value)).toString('hex');
const bytes = (...parts: (string | number)[]) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part])))).toString('hex');

test('a document is written by gnostic\'s field numbers, definitions as named schemas', () => {
  expect(hex({ swagger: '2.0', definitions: { A: { type: 'object' } } })).toBe(bytes(0x0a, 3, '2.0', 0x4a, 18, 0x0a, 16, 0x0a, 1, 'A', 0x12, 11, 0xb2, 1, 8, 0x0a, 6, 'object'));
});

test('values of extensions are YAML, which JSON is', () => {
  expect(hex({ 'x-a': ['b'] })).toBe(bytes(0x82, 1, 15, 0x0a, 3, 'x-a', 0x12, 8, 0x12, 6, '["b"]\n'));
});

test('a parameter is told apart by where it is', () => {
  const of = (parameter: object) => hex({ parameters: { p: parameter } });
  const named = (content: string) => {
    const inner = content.length / 2;
    return bytes(0x52, inner + 7, 0x0a, inner + 5, 0x0a, 1, 'p', 0x12, inner) + content;
  };
  expect(of({ in: 'body' })).toBe(named(bytes(0x0a, 6, 0x1a, 4, 'body')));
  expect(of({ in: 'query' })).toBe(named(bytes(0x12, 9, 0x1a, 7, 0x12, 5, 'query')));
  expect(of({ in: 'path' })).toBe(named(bytes(0x12, 8, 0x22, 6, 0x12, 4, 'path')));
});
