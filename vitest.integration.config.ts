import { defineConfig } from 'vitest/config';

/** Tests that need a program of the machine (etcd, containerd, kubectl, nft) or start whole clusters; one file at a time. */
export default defineConfig({
  test: {
    include: ['packages/*/**/*.integration.test.ts', 'test/**/*.integration.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
