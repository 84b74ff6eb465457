// Brings a checkout to where it can run: dependencies installed, program bundled. Says what it does, does nothing twice.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeBinary } from './with-node.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = (name) => join(root, '.cache', `${name}.stamp`);
const readStamp = (name) => (existsSync(stamp(name)) ? readFileSync(stamp(name), 'utf8') : '');
function writeStamp(name, text) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(stamp(name), text);
}
const hashOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/**
 * Installs what package-lock.json names, unless node_modules already holds it. Not `npm ci`, which refuses a lock file that
 * lacks the optional packages of other platforms.
 */
export function install() {
  const want = hashOf(join(root, 'package-lock.json'));
  if (existsSync(join(root, 'node_modules/.package-lock.json')) && readStamp('install') === want) return;
  console.error('Installing dependencies from npm …');
  const done = spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.error) fail(`npm could not be started: ${done.error.message}`);
  if (done.status !== 0) fail('npm install failed: the lines above say why. Is the npm registry reachable?');
  writeStamp('install', want);
}

/** Newest modification time of the sources, as text. */
function sourceState() {
  let newest = 0;
  let count = 0;
  const walk = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const path = join(dir, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.(ts|tsx|json|mjs|css|html)$/.test(entry.name)) {
        count++;
        newest = Math.max(newest, statSync(path).mtimeMs);
      }
    }
  };
  for (const top of ['api-schemas', 'packages', 'scripts']) walk(join(root, top));
  return `${count} ${newest} ${readStamp('install')}`;
}

/** Bundles the program into dist/, unless no source changed since. */
export function build() {
  const state = sourceState();
  if (existsSync(join(root, 'dist/pilothouse.mjs')) && readStamp('build') === state) return;
  console.error('Building dist/ …');
  const done = spawnSync(nodeBinary(), ['scripts/build.ts'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) fail('The build failed: the lines above say why.');
  writeStamp('build', state);
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}
