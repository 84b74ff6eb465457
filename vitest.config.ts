import { defineConfig } from 'vitest/config';

/** Unit tests: beside what they test, no sockets to outside programs, quick. */
export default defineConfig({
  test: {
    include: ['{api-schemas,packages/*}/**/*.test.ts', 'scripts/**/*.test.ts', 'test/src/unit/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/*.integration.test.ts'],
    pool: 'threads',
    maxWorkers: 2,
    isolate: false,
    // Generous: a loaded machine is slow, and no test measures time.
    testTimeout: 60_000,
  },
});
