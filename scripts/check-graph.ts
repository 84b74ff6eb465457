/**
 * Checks that packages import only what the architecture allows, that time, chance and `node:` modules are touched
 * only where they may be, and that no import goes around a package's exports.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const any = ['base', 'api-schemas', 'apimachinery', 'cel', 'storage', 'apiserver', 'client', 'controller-runtime', 'controller-manager', 'scheduler-framework', 'scheduler', 'scheduler-lab', 'scheduler-lab-web', 'kubelet-lite', 'metrics-server', 'node-network', 'cli', 'testing'];

/** package → packages it may import. What those may import is allowed too where listed. */
const allowed: Record<string, string[]> = {
  base: [],
  'api-schemas': [],
  apimachinery: ['base', 'api-schemas'],
  cel: ['base', 'apimachinery'],
  storage: ['base'],
  apiserver: ['base', 'api-schemas', 'apimachinery', 'cel', 'storage'],
  client: ['base', 'api-schemas', 'apimachinery'],
  'controller-runtime': ['base', 'api-schemas', 'apimachinery', 'client'],
  'controller-manager': ['base', 'api-schemas', 'apimachinery', 'cel', 'client', 'controller-runtime'],
  'scheduler-framework': ['base', 'api-schemas', 'apimachinery', 'cel'],
  scheduler: ['base', 'api-schemas', 'apimachinery', 'cel', 'client', 'scheduler-framework'],
  'scheduler-lab': ['base', 'api-schemas', 'apimachinery', 'client', 'scheduler-framework'],
  'kubelet-lite': ['base', 'api-schemas', 'apimachinery', 'client'],
  'metrics-server': ['base', 'api-schemas', 'apimachinery', 'client'],
  'node-network': ['base', 'api-schemas', 'apimachinery', 'client'],
  'scheduler-lab-web': ['base', 'api-schemas', 'apimachinery', 'client', 'scheduler-lab'],
  cli: any,
  testing: any,
  test: any,
};
/** Packages that run in a browser as they are: no `node:` modules, no Buffer. */
const noNode = new Set(['apimachinery', 'cel', 'scheduler-framework', 'scheduler-lab-web']);
/** Files that may touch the wall clock, timers or randomness. */
const ownsTime = (file: string) => file.startsWith('packages/base/src/clock.ts') || file.startsWith('packages/base/src/random.ts') || file.startsWith('test/') || file.startsWith('scripts/') || file.includes('.test.ts');
const timeUses = /\b(Date\.now\(|new Date\(\)|setTimeout\(|setInterval\(|setImmediate\(|performance\.now\(|Math\.random\(|randomUUID\(|randomBytes\(|AbortSignal\.timeout\()|from 'node:timers/;

function* sources(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'generated', '.git', '.node'].includes(entry.name)) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

const problems: string[] = [];
let files = 0;
for (const top of ['api-schemas', 'packages', 'test']) {
  for (const path of sources(join(root, top))) {
    files++;
    const file = relative(root, path);
    const home = top === 'packages' ? file.split('/')[1] : top;
    const isTest = /\.test\.ts$|\/testdata\/|\/suite\//.test(file);
    const text = readFileSync(path, 'utf8');
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      const target = match[1];
      const own = /^@pilothouse\/([^/]+)/.exec(target);
      if (own && own[1] !== home) {
        const ok = allowed[home]?.includes(own[1]) || (isTest && own[1] === 'testing');
        if (!ok) problems.push(`${file}: ${home} may not import ${own[1]}`);
      }
      if (target.startsWith('.')) {
        const to = relative(root, join(path, '..', target));
        const toHome = to.startsWith('packages/') ? to.split('/')[1] : to.split('/')[0];
        if (toHome !== home && !(home === 'apimachinery' && toHome === 'api-schemas')) problems.push(`${file}: imports ${to} by path; use @pilothouse/${toHome}`);
      }
      if (target.startsWith('node:') && noNode.has(home) && !isTest) problems.push(`${file}: ${home} may not use ${target}`);
    }
    if (!ownsTime(file)) {
      text.split('\n').forEach((line, i) => {
        if (!/^\s*(\*|\/\/)/.test(line) && timeUses.test(line)) problems.push(`${file}:${i + 1}: time and chance come from base: ${line.trim().slice(0, 100)}`);
      });
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(problems.length ? `import graph: ${problems.length} problems in ${files} files` : `import graph: ${files} files, as the architecture says`);
process.exitCode = problems.length ? 1 : 0;
