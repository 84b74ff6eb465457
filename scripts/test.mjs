// `npm test`: install, build, types, lint, import graph, unit tests, then the suites that need programs of the machine.
// Such a suite is left out with a word on what is missing, unless PILOTHOUSE_REQUIRE_ALL is set: then it fails.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';
import { runNode } from './with-node.mjs';

install();
build();
const results = join(root, '.cache/results');
mkdirSync(results, { recursive: true });
let passed = 0;
let failed = 0;
let skipped = 0;

async function step(name, args) {
  console.log(`\n== ${name}`);
  const code = await runNode(args);
  if (code === 0) passed++;
  else failed++;
  if (code !== 0) console.log(`FAILED: ${name}`);
}
async function suite(name, config) {
  console.log(`\n== ${name}`);
  const out = join(results, `${name.replace(/\W+/g, '-')}.json`);
  const code = await runNode(['node_modules/vitest/vitest.mjs', 'run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${out}`]);
  if (!existsSync(out)) {
    failed++;
    return;
  }
  const report = JSON.parse(readFileSync(out, 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests;
  if (code !== 0 && report.numFailedTests === 0) failed++;
}

await step('types', ['node_modules/typescript/bin/tsc', '-p', '.']);
await step('types of the page', ['node_modules/typescript/bin/tsc', '-p', 'packages/scheduler-lab-web']);
await step('lint', ['node_modules/@biomejs/biome/bin/biome', 'lint', '--diagnostic-level=error', '.']);
await step('import graph', ['scripts/check-graph.ts']);
await suite('unit tests', 'vitest.config.ts');
await suite('integration tests', 'vitest.integration.config.ts');
console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
process.exit(failed ? 1 : 0);
