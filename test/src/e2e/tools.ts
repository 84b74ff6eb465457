/** What whole-cluster tests share: kubectl as a user runs it, waiting, what the machine lacks. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type ClusterOptions, missingForRealNode, startCluster, type TestCluster } from '../golden/cluster.ts';

export interface Ran { code: number; stdout: string; stderr: string }

/** What ends with the test file, newest first. Registered here, at the top of the file: hooks made inside of hooks and tests do not run. */
const ending: (() => Promise<unknown> | unknown)[] = [];
afterAll(async () => {
  for (let end = ending.pop(); end; end = ending.pop()) await end();
}, 90_000);

/** Runs a program to its end; killed after `limitMs`. */
export function run(command: string, args: readonly string[], options: { input?: string; limitMs?: number; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 30_000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 124, stdout, stderr });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** kubectl against a cluster: resolves with its output, rejects with what it said when it fails. */
export function kubectlFor(kubeconfig: string) {
  const cache = mkdtempSync(join(tmpdir(), 'kubecache-'));
  ending.push(() => rmSync(cache, { recursive: true, force: true }));
  return async (args: string | readonly string[], options: { input?: string; limitMs?: number } = {}): Promise<string> => {
    const list = typeof args === 'string' ? args.split(' ') : args;
    const result = await run('kubectl', ['--kubeconfig', kubeconfig, ...list], { ...options, env: { KUBECACHEDIR: cache } });
    if (result.code !== 0) throw new Error(`kubectl ${list.join(' ')} exited ${result.code}: ${result.stderr}${result.stdout}`);
    return result.stdout.trim();
  };
}

/** Resolves with the first value of `look` that `good` accepts; rejects with the last one seen. */
export async function eventually<T>(what: string, look: () => Promise<T>, good: (value: T) => boolean, limitMs = 30_000): Promise<T> {
  const until = Date.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await look();
      last = value;
      if (good(value)) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`${what} did not come to be within ${limitMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const has = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status === 0;

/** Which of the needed programs are missing, in words; '' when none is, or when nothing may be left out. */
export function lacking(needs: { commands?: readonly string[]; realNode?: boolean }): string {
  if (process.env.PILOTHOUSE_REQUIRE_ALL) return '';
  const missing = (needs.commands ?? []).filter((c) => !has(c));
  if (needs.realNode) missing.push(...missingForRealNode());
  if (missing.length) console.warn(`left out, for this machine has no ${missing.join(', ')}`);
  return missing.join(', ');
}

/** A cluster that ends with the test file. */
export async function clusterForTest(options: Omit<ClusterOptions, 'dir'> = {}): Promise<TestCluster & { dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-e2e-'));
  const cluster = await startCluster({ ...options, dir });
  ending.push(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return Object.assign(cluster, { dir });
}
