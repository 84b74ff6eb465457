import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { realClock } from '@pilothouse/base';

/** A running `writer.ts`. */
export interface Writer {
  /** Key → revision of its newest acknowledged write. */
  acknowledged: Map<string, number>;
  /** Resolves when so many writes were acknowledged. */
  wrote(count: number): Promise<void>;
  /** SIGKILL; resolves when it is gone and all it said was read. */
  kill(): Promise<void>;
}

export function startWriter(backend: 'lmdb' | 'etcd', where: string, run: string): Writer {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), backend, where, run], { stdio: ['ignore', 'pipe', 'pipe'] });
  const acknowledged = new Map<string, number>();
  let lines = 0;
  let problem = '';
  child.stderr.on('data', (text) => (problem += text));
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    const [key, revision] = line.split(' ');
    // The last line may be cut short.
    if (revision === undefined || !/^\d+$/.test(revision)) return;
    lines++;
    if (key !== 'ready') acknowledged.set(key, Math.max(Number(revision), acknowledged.get(key) ?? 0));
  });
  const read = new Promise<void>((resolve) => reader.once('close', resolve));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    acknowledged,
    async wrote(count) {
      for (const until = realClock.now() + 30_000; lines <= count; await realClock.sleep(2)) {
        if (child.exitCode !== null || realClock.now() > until) throw new Error(`the writer wrote ${lines} keys and then no more: ${problem}`);
      }
    },
    async kill() {
      child.kill('SIGKILL');
      await Promise.all([gone, read]);
    },
  };
}
