/** YAML that is hard to read: anchors, tags, merge keys, odd keys, several documents, depth. */
import { writeYaml } from '@pilothouse/apimachinery';
import type { Dice } from '../suite.ts';
import { Members, RawJson } from './values.ts';

/** Anchors that stand for nine times what the one before stands for. */
export function aliasBomb(levels: number, width: number): string {
  const lines = ['a0: &a0 ["lol"]'];
  for (let i = 1; i <= levels; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: width }, () => `*a${i - 1}`).join(',')}]`);
  return lines.join('\n');
}

const oddLines: readonly string[] = [
  'x: &x [*x]',
  'x: &x {y: *x}',
  'x: *nowhere',
  '<<: {a: b}',
  '<<: [{a: b}, {c: d}]',
  '<<: 1',
  '? [a, b]\n: c',
  '? {a: b}\n: c',
  '~: null key',
  '1: number key',
  'true: boolean key',
  '1.5: float key',
  'a: !!binary AAAA',
  'a: !!binary "%%%"',
  'a: !!python/object/apply:os.system ["true"]',
  'a: !!set {b, c}',
  'a: !!omap [b: c]',
  'a: !!float .inf',
  'a: .nan',
  'a: .inf',
  'a: -.inf',
  'a: 0x7fffffffffffffff',
  'a: 0o777',
  'a: 0777',
  'a: 1_000',
  'a: 190:20:30',
  'a: 2026-01-02',
  'a: 2026-01-02T03:04:05Z',
  'a: 1e400',
  'a: 123456789012345678901234567890',
  'a: "\\uD800"',
  'a: "\\0"',
  'a: "\\x00\\U0010FFFF\\U00110000"',
  "a: 'b",
  'a: "b',
  'a: |\n  text\n more',
  'a: >-\n   x\n  y',
  'a: |9\n  x',
  '\ta: b',
  'a:\n\tb: c',
  'a: b: c',
  '- a\nb: c',
  'a: [b',
  'a: {b: c',
  '%YAML 1.2\n---\na: b',
  '%TAG ! tag:x,2000:\n---\na: !x b',
  '--- a\n--- b',
  '...\n---\n',
  '\ufeffa: b',
  'a: b\0c',
  '__proto__: {polluted: true}',
  'constructor: {prototype: {polluted: true}}',
  'a: &b c\nb: *b\nc: *b',
  '!!map {a: b}',
  '!!str {a: b}',
  '&a : &b',
  '*a : b',
  'a: "' ,
  'a: @b',
  'a: `b',
];

const plain = (value: unknown): unknown => {
  if (value instanceof RawJson) return value.text;
  if (value instanceof Members) return Object.fromEntries(value.list.map(([key, member]) => [key, plain(member)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
};

/** The value as YAML, now and then with something odd in it. */
export function yamlText(value: unknown, dice: Dice): string {
  let text = writeYaml(plain(value));
  if (dice.once(3)) text = dice.once(2) ? `${text}${dice.pick(oddLines)}\n` : `${dice.pick(oddLines)}\n${text}`;
  if (dice.once(12)) text += `\n${aliasBomb(dice.pick([2, 6, 9, 25]), dice.pick([2, 9, 10]))}\n`;
  if (dice.once(25)) {
    const depth = dice.pick([50, 90, 150, 1_000, 20_000]);
    text += dice.pick([`deep: ${'['.repeat(depth)}${']'.repeat(depth)}\n`, `deep: ${'{a: '.repeat(depth)}1${'}'.repeat(depth)}\n`, `deep: ${'- '.repeat(Math.min(depth, 2_000))}a\n`, `deep:\n${Array.from({ length: Math.min(depth, 600) }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}\n`]);
  }
  if (dice.once(10)) {
    const at = dice.below(text.length);
    text = text.slice(0, at) + dice.pick([':', '-', '\n', ' ', '\t', '&', '*', '!', '[', '{', '"', "'", '\0', '#', '|', '>']) + text.slice(at + dice.below(3));
  }
  return text;
}
