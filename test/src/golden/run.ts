/**
 * `npm run golden`: replays the recorded corpora against a cluster started for it and compares with the floors of
 * test/golden-floors.json, which only rise.
 *
 *   npm run golden -- [api] [kubectl] [node] [ext] [--check-floors] [--exact] [--filter TEXT] [--diff N] [--jobs N] [--store memory|lmdb|etcd]
 *
 * The corpora lie beside the project, in ../shared/golden (or where PILOTHOUSE_GOLDEN points).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from './cluster.ts';

const root = join(import.meta.dirname, '../../..');
const golden = process.env.PILOTHOUSE_GOLDEN ?? join(root, '../shared/golden');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'check-floors': { type: 'boolean' }, exact: { type: 'boolean' }, filter: { type: 'string' }, diff: { type: 'string', default: '0' }, jobs: { type: 'string' }, store: { type: 'string', default: 'lmdb' }, file: { type: 'string' } },
});

interface Corpus {
  name: string;
  /** Whether it needs a node that runs containers. */
  realNode: boolean;
  jobs: number;
}
const corpora: Corpus[] = [
  { name: 'api', realNode: false, jobs: 4 },
  { name: 'kubectl', realNode: false, jobs: 2 },
  { name: 'ext', realNode: false, jobs: 4 },
  { name: 'node', realNode: true, jobs: 4 },
];

if (!existsSync(join(golden, 'golden.mjs'))) {
  console.log(`no recorded corpora at ${golden}: nothing to replay`);
  process.exit(values['check-floors'] ? 1 : 0);
}
const floors: Record<string, number> = JSON.parse(readFileSync(join(root, 'test/golden-floors.json'), 'utf8'));
const wanted = positionals.length ? corpora.filter((c) => positionals.includes(c.name)) : corpora.filter((c) => c.name in floors);

/** Runs the replayer, passing its output on; resolves with scenarios passed and in all. */
function replay(corpus: Corpus, kubeconfig: string, out: { quiet: boolean }): Promise<{ passed: number; total: number }> {
  const target = values.file ? join(golden, corpus.name, values.file) : join(golden, corpus.name);
  const args = [join(golden, 'golden.mjs'), 'replay', '--kubeconfig', kubeconfig, '--jobs', values.jobs ?? String(corpus.jobs), '--maxWait', '20000', '--diff', values.diff, ...(values.exact ? ['--exact'] : []), ...(values.filter ? ['--filter', values.filter] : []), target];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (!out.quiet) process.stdout.write(chunk);
    });
    child.on('close', () => {
      const last = /scenarios (\d+)\/(\d+)/.exec(text);
      if (out.quiet) for (const line of text.split('\n')) if (/^[\w-]+\.json: |^scenarios /.test(line)) console.log(`  ${line}`);
      resolve({ passed: Number(last?.[1] ?? 0), total: Number(last?.[2] ?? 0) });
    });
  });
}

let failed = 0;
for (const corpus of wanted) {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-golden-'));
  const cluster = await startCluster({ dir, realNode: corpus.realNode, store: values.store as 'memory' | 'lmdb' | 'etcd' });
  try {
    console.log(`${corpus.name}:`);
    const { passed, total } = await replay(corpus, cluster.kubeconfig, { quiet: values.diff === '0' });
    const floor = floors[corpus.name] ?? 0;
    const ok = passed >= floor && total > 0;
    console.log(`${corpus.name}: ${passed} of ${total} scenarios, floor ${floor}${ok ? '' : ': BELOW THE FLOOR'}`);
    if (values['check-floors'] && !ok) failed++;
  } finally {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
process.exitCode = failed ? 1 : 0;
