import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Tokens of base.css: name → [light, dark]. */
const tokens = new Map([...readFileSync(join(import.meta.dirname, 'base.css'), 'utf8').matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, [light, dark]] as const));

const luminance = (colour: string): number => {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a: string, b: string): number => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

const texts: [string, string][] = [
  ...['paper', 'card', 'sunk', 'accent-soft'].flatMap((ground): [string, string][] => [['ink', ground], ['ink-2', ground]]),
  ['accent', 'card'], ['accent', 'accent-soft'], ['on-accent', 'accent'], ['on-accent', 'never'],
  ...['pass', 'no', 'never', 'wait'].flatMap((verdict): [string, string][] => [[verdict, 'card'], [verdict, `${verdict}-soft`]]),
  ['no', 'sunk'],
];
/** Borders of controls, marks. */
const shapes: [string, string][] = [['line-strong', 'card'], ['accent', 'sunk']];

describe.each([['light', 0], ['dark', 1]] as const)('%s', (_theme, index) => {
  test.each(texts)('%s on %s can be read (WCAG 2 AA: 4.5)', (text, ground) => {
    expect(contrast(tokens.get(text)![index], tokens.get(ground)![index])).toBeGreaterThanOrEqual(4.5);
  });
  test.each(shapes)('%s on %s can be seen (WCAG 2 AA: 3)', (shape, ground) => {
    expect(contrast(tokens.get(shape)![index], tokens.get(ground)![index])).toBeGreaterThanOrEqual(3);
  });
});
