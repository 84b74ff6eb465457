import { expect, test } from 'vitest';
import { latestOnly } from './latest-only.ts';

test('one load at a time, and of what is wanted meanwhile only the last', async () => {
  const loads: string[] = [];
  const shown: (string | undefined)[] = [];
  let finish: () => void = () => undefined;
  const loader = latestOnly<string, string>({
    load: (wanted) => new Promise((resolve) => {
      loads.push(wanted);
      finish = () => resolve(wanted);
    }),
    show: (found) => void shown.push(found),
    fail: () => undefined,
  });
  for (const wanted of ['a', 'b', 'c']) loader.want(wanted);
  expect(loads).toEqual(['a']);
  finish();
  await Promise.resolve().then(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(loads).toEqual(['a', 'c']);
  loader.close();
  finish();
  await new Promise((resolve) => setImmediate(resolve));
  expect(shown).toEqual(['a']);
});
