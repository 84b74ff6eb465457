/** `pilothouse apiserver` in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '@pilothouse/base';
import { freePort, program } from '../../golden/cluster.ts';
import { type ApiTarget, socketTarget } from './api-target.ts';

export interface ApiProcess {
  target: ApiTarget;
  /** Resolves when it is ready. @throws Error with what it said when it does not come up */
  start(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP, SIGCONT. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

const token = 'test-token';
const startMs = 40_000;

/** @param certDir shared by servers of one cluster */
export async function apiProcess(name: string, certDir: string, args: readonly string[]): Promise<ApiProcess> {
  const port = await freePort();
  const tokens = join(certDir, `${name}-tokens.csv`);
  writeFileSync(tokens, `${token},tester,tester,"system:masters"\n`);
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let inner: ApiTarget | undefined;
  const target = () => (inner ??= socketTarget(name, { port, ca: readFileSync(join(certDir, 'ca.crt'), 'utf8'), token }));
  const onExit = () => void child?.kill('SIGKILL');
  return {
    target: { name, call: (...request) => target().call(...request), watch: (...request) => target().watch(...request) },
    async start() {
      const running = spawn(process.execPath, [program, 'apiserver', ...args, '--cert-dir', certDir, '--bind-address', '127.0.0.1', '--secure-port', String(port), '--token-auth-file', tokens], { stdio: ['ignore', 'ignore', 'pipe'] });
      child = running;
      process.once('exit', onExit);
      let said = '';
      running.stderr!.on('data', (text) => (said = (said + text).slice(-2_000)));
      let exited = false;
      gone = new Promise((resolve) => running.once('exit', () => {
        exited = true;
        process.off('exit', onExit);
        resolve();
      }));
      for (const until = realClock.monotonic() + startMs; ; await realClock.sleep(50)) {
        if (exited || realClock.monotonic() > until) throw new Error(`${name} did not come up: ${said}`);
        if (!said.includes('serving at')) continue;
        const answer = await target().call('GET', '/readyz').catch(() => undefined);
        if (answer?.status === 200) return;
      }
    },
    kill() {
      child?.kill('SIGCONT');
      child?.kill('SIGKILL');
      return gone;
    },
    signal: (which) => void child!.kill(which),
  };
}
