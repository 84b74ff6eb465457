/** `npm run ok`: types, lint, import graph, unit tests; under a minute. */
import { spawnSync } from 'node:child_process';
import { install, root } from './prepare.mjs';

/** @type {[string, string[]][]} */
const steps = [
  ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  ['types of the page', ['node_modules/typescript/bin/tsc', '-p', 'packages/scheduler-lab-web']],
  ['lint', ['node_modules/@biomejs/biome/bin/biome', 'lint', '--diagnostic-level=error', '.']],
  ['import graph', ['scripts/check-graph.ts']],
  ['unit tests', ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.config.ts']],
];
install();
for (const [name, args] of steps) {
  const started = Date.now();
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  console.log(`${run.status === 0 ? 'ok' : 'FAILED'}: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (run.status !== 0) process.exit(1);
}
