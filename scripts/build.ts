/** Bundles every daemon into dist/: `pilothouse.mjs` (turns the compile cache on), the chunks it loads, and the lab's page. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildLab } from './build-lab.ts';
import { collectDescriptions, collectParameterTexts } from '../api-schemas/gen/descriptions.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: { main: join(root, 'packages/cli/src/main.ts') },
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  // ES modules where packages offer them: a dynamic import of CommonJS has no named exports once bundled.
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
  // Native: found in node_modules at run time.
  external: ['lmdb'],
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __fileURLToPath } from 'node:url'; import { dirname as __pathDirname } from 'node:path'; const require = __createRequire(import.meta.url); const __filename = __fileURLToPath(import.meta.url); const __dirname = __pathDirname(__filename);" },
});
writeFileSync(join(out, 'pilothouse.mjs'), `#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
enableCompileCache?.();
await import('./main.mjs');
`);
writeFileSync(join(out, 'openapi-texts.json'), JSON.stringify({ types: collectDescriptions(), parameters: collectParameterTexts() }));
const lab = await buildLab(join(out, 'lab'));
console.error(`The lab's page: ${Math.ceil(lab.br / 1024)} KiB over the wire (brotli), ${Math.ceil(lab.plain / 1024)} KiB plain`);
chmodSync(join(out, 'pilothouse.mjs'), 0o755);
