/**
 * `npm run golden`: replays the recorded corpora against a cluster started for it and compares with the floors of
 * test/golden-floors.json, which only rise. A floor is for a corpus, or for one file of it (`ext/admission-quota`).
 *
 *   npm run golden -- [api] [kubectl] [node] [ext] [ext/admission-quota …] [--check-floors] [--exact] [--filter TEXT] [--diff N] [--jobs N] [--store memory|lmdb|etcd]
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
  /** Longest that a step waits for a state. A cron job may be a minute away. */
  maxWaitMs: number;
}
const corpora: Corpus[] = [
  { name: 'api', realNode: false, jobs: 4, maxWaitMs: 20_000 },
  { name: 'kubectl', realNode: false, jobs: 2, maxWaitMs: 20_000 },
  { name: 'ext', realNode: false, jobs: 4, maxWaitMs: 70_000 },
  { name: 'node', realNode: true, jobs: 4, maxWaitMs: 20_000 },
];

if (!existsSync(join(golden, 'golden.mjs'))) {
  console.log(`no recorded corpora at ${golden}: nothing to replay`);
  process.exit(values['check-floors'] ? 1 : 0);
}
const floors: Record<string, number> = JSON.parse(readFileSync(join(root, 'test/golden-floors.json'), 'utf8'));
/** What is replayed: corpora, or single files of them. */
const parts = (positionals.length ? positionals : Object.keys(floors)).map((name) => {
  const [corpus, file = values.file?.replace(/\.json$/, '')] = name.split('/');
  return { name, corpus, file };
});
const unknown = parts.filter(({ corpus }) => !corpora.some(({ name }) => name === corpus));
if (unknown.length) throw new Error(`no such corpus: ${unknown.map(({ name }) => name).join(', ')}; there are ${corpora.map(({ name }) => name).join(', ')}`);

/** Runs the replayer, passing its output on; resolves with scenarios passed and in all. */
function replay(corpus: Corpus, file: string | undefined, kubeconfig: string, out: { quiet: boolean }): Promise<{ passed: number; total: number }> {
  const target = file ? join(golden, corpus.name, `${file}.json`) : join(golden, corpus.name);
  const args = [join(golden, 'golden.mjs'), 'replay', '--kubeconfig', kubeconfig, '--jobs', values.jobs ?? String(corpus.jobs), '--maxWait', String(corpus.maxWaitMs), '--diff', values.diff, ...(values.exact ? ['--exact'] : []), ...(values.filter ? ['--filter', values.filter] : []), target];
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

/** The floor of a part; none where only some of its scenarios are replayed. */
const floorOf = (name: string): number => (values.filter || (values.file && !name.includes('/')) ? 0 : (floors[name] ?? 0));

let failed = 0;
for (const corpus of corpora) {
  const own = parts.filter((part) => part.corpus === corpus.name);
  if (!own.length) continue;
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-golden-'));
  // What was recorded comes from clusters without a default class.
  // What a cluster of upstream's does not have of its own.
  const cluster = await startCluster({ dir, flags: ['--default-storage-class=false', '--explain=false'], realNode: corpus.realNode, store: values.store as 'memory' | 'lmdb' | 'etcd' });
  try {
    for (const { name, file } of own) {
      console.log(`${name}:`);
      const { passed, total } = await replay(corpus, file, cluster.kubeconfig, { quiet: values.diff === '0' });
      const floor = floorOf(name);
      const ok = passed >= floor && total > 0;
      console.log(`${name}: ${passed} of ${total} scenarios, floor ${floor}${ok ? '' : ': BELOW THE FLOOR'}`);
      if (values['check-floors'] && !ok) failed++;
    }
  } finally {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
process.exitCode = failed ? 1 : 0;
