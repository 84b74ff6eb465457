/** What the benchmarks share: free ports, processes that end with the run, wrk, memory. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
const children = new Set<ChildProcess>();
process.on('exit', () => { for (const child of children) child.kill('SIGKILL'); });

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export function start(command: string, args: string[], options: { quiet?: boolean; env?: NodeJS.ProcessEnv } = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', options.quiet === false ? 'inherit' : 'ignore', 'inherit'], env: { ...process.env, ...options.env } });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  child.kill('SIGTERM');
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 8000))]);
  child.kill('SIGKILL');
}

export interface Answer { status: number; body: Buffer }
const agent = new https.Agent({ keepAlive: true, maxSockets: 64, rejectUnauthorized: false });
export function request(port: number, path: string, options: { method?: string; token?: string; body?: unknown } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const req = https.request({ agent, host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: { ...(options.token && { authorization: `Bearer ${options.token}` }), ...(body && { 'content-type': options.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', 'content-length': Buffer.byteLength(body) }) } }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part) => parts.push(part)).on('end', () => resolve({ status: res.statusCode!, body: Buffer.concat(parts) })).on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

export async function until(what: string, test: () => Promise<boolean>, limitMs = 30_000): Promise<number> {
  const started = performance.now();
  while (performance.now() - started < limitMs) {
    if (await test().catch(() => false)) return performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${what} did not happen within ${limitMs} ms`);
}

/** What a run of wrk came to. */
export interface Load { perSecond: number; bytesPerSecond: number; errors: number }
/** Requests per second and bytes per second of a wrk run with one thread. */
export function wrk(url: string, options: { connections: number; seconds: number; token?: string; script?: string }): Load {
  const args = ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--timeout', '30s', ...(options.token ? ['-H', `authorization: Bearer ${options.token}`] : []), ...(options.script ? ['-s', options.script] : []), url];
  const result = spawnSync('wrk', args, { encoding: 'utf8' });
  if (result.error) throw new Error('wrk is needed for this benchmark (Debian package wrk)');
  const number = (text: string | undefined) => {
    const m = /([\d.]+)([KMG]?)/.exec(text ?? '0')!;
    return Number(m[1]) * ({ K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[m[2]] ?? 1);
  };
  const transfer = /Transfer\/sec:\s+(\S+)B/.exec(result.stdout)?.[1];
  const errors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(result.stdout)?.[1] ?? 0);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(result.stdout)?.[1] ?? 0), bytesPerSecond: number(transfer), errors };
}

/** Proportional set size of a process in MB (shared pages shared out); resident size where that cannot be read. */
export function memoryMb(pid: number): number {
  try {
    return Number(/Pss:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1024;
  } catch {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
  }
}

/** An API server of its own below `dir`, with a token of system:masters and the default namespace ready for pods. */
export async function startApiServer(dir: string, flags: readonly string[] = []): Promise<{ process: ChildProcess; port: number; token: string }> {
  const token = 'bench-token';
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'tokens.csv'), `${token},bench,bench,"system:masters"\n`);
  const port = await freePort();
  // PILOTHOUSE_BENCH_NODE_FLAGS: such as --cpu-prof, to see where the time goes.
  const nodeFlags = process.env.PILOTHOUSE_BENCH_NODE_FLAGS?.split(' ') ?? [];
  const api = start(process.execPath, [...nodeFlags, join(root, 'dist/pilothouse.mjs'), 'apiserver', '--data-dir', join(dir, 'api'), '--cert-dir', join(dir, 'pki'), '--bind-address', '127.0.0.1', '--secure-port', String(port), '--token-auth-file', join(dir, 'tokens.csv'), ...flags]);
  await until('the API server', async () => (await request(port, '/readyz', { token })).status === 200);
  await until('the default namespace', async () => (await request(port, '/api/v1/namespaces/default', { token })).status === 200);
  // Without a controller manager nobody else makes it, and pods are refused without one.
  await request(port, '/api/v1/namespaces/default/serviceaccounts', { method: 'POST', token, body: { metadata: { name: 'default' } } });
  return { process: api, port, token };
}

export interface WatchersReport { events: number; p50: number; p99: number; max: number }
/** Watches in a process of their own (watch-client.ts); `end` stops them and says what they saw. */
export async function startWatchers(port: number, token: string, count: number, path: string): Promise<{ end(): Promise<WatchersReport> }> {
  const child = spawn(process.execPath, [join(root, 'test/bench/watch-client.ts'), String(port), token, String(count), path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  let text = '';
  child.stdout.on('data', (piece) => { text += piece; });
  await until('the watches', async () => text.includes('ready\n'), 60_000);
  return {
    async end() {
      // What was sent last is still on its way.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await gone;
      children.delete(child);
      return JSON.parse(text.slice(text.indexOf('{'))) as WatchersReport;
    },
  };
}

/** Processor time a process has used so far, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export interface Row { what: string; ours: string; yardstick: string; ratio: number | undefined; goal: string }
export function printRow(row: Row): void {
  console.log(`${row.what.padEnd(52)} ${row.ours.padStart(14)} ${row.yardstick.padStart(14)} ${(row.ratio === undefined ? '' : row.ratio.toFixed(3)).padStart(8)}   ${row.goal}`);
}
export const printHead = (): void => console.log(`${'what'.padEnd(52)} ${'ours'.padStart(14)} ${'yardstick'.padStart(14)} ${'ratio'.padStart(8)}   goal`);
