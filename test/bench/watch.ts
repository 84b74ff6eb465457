/** `npm run bench -- watch [--watchers N] [--seconds N] [--warmUp N]`: delivery to many watchers, and updates while watchers look on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds, percentile, printHead, printRow, request, startApiServer, startWatchers, stop } from './tools.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { watchers: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '10' }, warmUp: { type: 'string', default: '5' } } });
  const seconds = Number(values.seconds);
  /** The same work goes on for so long before it is measured: what is compiled while it runs is compiled by then. */
  const warmUp = Number(values.warmUp);
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  const api = await startApiServer(dir);
  const { port, token, process: server } = api;
  printHead();
  try {
    const one = '/api/v1/namespaces/default/configmaps/watched';
    await request(port, '/api/v1/namespaces/default/configmaps', { method: 'POST', token, body: { metadata: { name: 'watched' } } });
    const watchOne = '/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%3Dwatched';
    const update = () => request(port, one, { method: 'PATCH', token, body: { metadata: { annotations: { 'sent-at': String(performance.timeOrigin + performance.now()) } } } });

    const first = await startWatchers(port, token, Number(values.watchers), watchOne);
    await atRate(20, warmUp, update);
    await first.end();
    const many = await startWatchers(port, token, Number(values.watchers), watchOne);
    const before = cpuSeconds(server.pid!);
    await atRate(20, seconds, update);
    const spent = cpuSeconds(server.pid!) - before;
    const seen = await many.end();
    const asked = Number(values.watchers) * 20 * seconds;
    printRow({ what: `${values.watchers} watchers, 20 updates/s: delivery p50`, ours: `${seen.p50.toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: 'upstream 23 ms' });
    printRow({ what: 'delivery p99', ours: `${seen.p99.toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: 'under 60 ms, 40; upstream 123 ms' });
    printRow({ what: 'events delivered', ours: `${seen.events}`, yardstick: `${asked}`, ratio: seen.events / asked, goal: 'all' });
    printRow({ what: 'server CPU per event', ours: `${((spent / seen.events) * 1e6).toFixed(1)} µs`, yardstick: '', ratio: undefined, goal: '' });

    const few = await startWatchers(port, token, 100, '/api/v1/namespaces/default/configmaps?watch=1');
    for (let i = 0; i < 100; i++) await request(port, '/api/v1/namespaces/default/configmaps', { method: 'POST', token, body: { metadata: { name: `written-${i}` }, data: { text: 'x'.repeat(300) } } });
    let latencies: number[] = [];
    let n = 0;
    const patch = async (): Promise<void> => {
      const started = performance.now();
      const answer = await request(port, `/api/v1/namespaces/default/configmaps/written-${n++ % 100}`, { method: 'PATCH', token, body: { data: { n: String(n) } } });
      if (answer.status !== 200) throw new Error(answer.body.toString());
      latencies.push(performance.now() - started);
    };
    await atRate(500, warmUp, patch);
    latencies = [];
    await atRate(500, seconds, patch);
    await few.end();
    printRow({ what: 'updates at 500/s, 100 watchers: latency p50', ours: `${percentile(latencies, 0.5).toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: '' });
    printRow({ what: 'latency p99', ours: `${percentile(latencies, 0.99).toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: 'under 10 ms' });
  } finally {
    await stop(server);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Starts `work` so often a second for so long, whether or not earlier ones have ended; resolves when all have. */
async function atRate(perSecond: number, seconds: number, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  const running: Promise<unknown>[] = [];
  for (let i = 0; i < perSecond * seconds; i++) {
    const wait = started + (i * 1_000) / perSecond - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(work());
  }
  await Promise.all(running);
}
