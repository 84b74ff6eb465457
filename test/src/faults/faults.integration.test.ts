/** The short form of every fault suite, by seeds that stay the same; the long one is `npm run test:faults`. */
import { describe, expect, test } from 'vitest';
import { faultSuites } from './suites.ts';

/** What each suite that is made of cases may take. */
const shortMs = 8_000;

describe.each(faultSuites)('$name', ({ run, missing }) => {
  test.skipIf(missing?.())('nothing is found', async () => {
    const { tried, findings } = await run({ seed: 'ci', forMs: shortMs, log: () => {} });
    expect(findings.map(({ title, detail }) => `${title}\n${detail}`)).toEqual([]);
    expect(tried).toBeGreaterThan(0);
  }, 90_000);
});
