/** Ends the process, naming the case, where one blocks the event loop: no timer of the same thread could. */
import { Worker } from 'node:worker_threads';

export interface Watchdog {
  /** This case begins now. */
  begin(number: number): void;
  close(): Promise<unknown>;
}

const code = `
const { workerData: { shared, limitMs, name } } = require('node:worker_threads');
const [cell] = [new Int32Array(shared)];
let seen = -1, since = 0;
setInterval(() => {
  const now = Atomics.load(cell, 0), beats = Atomics.load(cell, 1);
  if (now !== seen || beats !== since) { seen = now; since = beats; started = Date.now(); return; }
  if (Date.now() - started < limitMs) return;
  require('node:fs').writeSync(2, '\\n✗ ' + name + ': case ' + now + ' blocks the process for more than ' + limitMs + ' ms\\n');
  process.kill(process.pid, 'SIGKILL');
}, 250);
let started = Date.now();
`;

/** @param limitMs how long the event loop may stand still */
export function watchdog(name: string, limitMs: number): Watchdog {
  const shared = new SharedArrayBuffer(8);
  const cell = new Int32Array(shared);
  const worker = new Worker(code, { eval: true, workerData: { shared, limitMs, name } });
  worker.unref();
  const beat = setInterval(() => Atomics.add(cell, 1, 1), 100);
  beat.unref();
  return {
    begin: (number) => void Atomics.store(cell, 0, number),
    close() {
      clearInterval(beat);
      return worker.terminate();
    },
  };
}
