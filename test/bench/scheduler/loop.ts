/**
 * The scheduler whole (queue, algorithm, assuming, binding cycles, events, confirmation by the watch) over an API in memory that
 * answers at once: what it costs by itself. Rates are per second of processor time, all threads counted.
 *
 *   node test/bench/scheduler/loop.ts [--nodes 100,1000,5000] [--workload basic,…] [--runs 5] [--explain] [--percentage 0] [--pods N] [--json]
 */
import { parseArgs } from 'node:util';
import { fakeClock, realClock } from '@pilothouse/base/clock';
import { silentLogger } from '@pilothouse/base/logger';
import { seededRandom } from '@pilothouse/base/random';
import { startScheduler } from '@pilothouse/scheduler';
import type { SchedulerWorld } from '@pilothouse/scheduler-framework';
import { createLab } from '@pilothouse/scheduler-lab';
import { memoryApi } from './memory-api.ts';
import { benchNode, hugePod, type Workload, workloads } from './workloads.ts';

export interface LoopRun {
  podsPerCpuSecond: number;
  /** Node by pod, in the order they were bound. */
  bound: readonly { pod: string; node: string }[];
}

export interface LoopOptions {
  explain?: boolean;
  /** 0: by the size of the cluster, as by default. */
  percentageOfNodesToScore?: number;
  /** Instead of the workload's own number. */
  pods?: number;
  seed?: number;
  /** Time stands still while anything is done, so that equal seeds give equal runs. */
  fakeTime?: boolean;
}

const cpuSeconds = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

export async function runLoop(workload: Workload, nodes: number, options: LoopOptions = {}): Promise<LoopRun> {
  const wanted = options.pods ?? workload.measured(nodes);
  const fake = options.fakeTime ? fakeClock() : undefined;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const churn = (count: number) => {
    const turn = count / workload.churnEvery!;
    const node = benchNode(turn % nodes);
    api.nodes.remove(node.metadata.name!);
    api.nodes.put(node);
    if (turn > 1) api.pods.remove(`default/${hugePod(turn - 1).metadata.name}`);
    api.pods.put(hugePod(turn));
  };
  const api = memoryApi((count) => {
    if (workload.churnEvery && count % workload.churnEvery === 0) churn(count);
    if (count === wanted) finish();
  });
  for (let i = 0; i < nodes; i++) api.nodes.put(benchNode(i));
  for (const pod of workload.initPods(nodes)) api.pods.put(pod);
  const pending = Array.from({ length: wanted }, (_, i) => workload.pod(i));
  const scheduler = await startScheduler({
    client: api.client, informers: api.informers, hostname: 'bench', runtime: { clock: fake ?? realClock, random: seededRandom(options.seed ?? 1), log: silentLogger },
    config: { percentageOfNodesToScore: options.percentageOfNodesToScore ?? 0 },
    ...(options.explain && { observe: (world: SchedulerWorld) => createLab(world, fake ?? realClock).observers }),
  });
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (const pod of pending) api.pods.put(pod);
  while (fake && api.bound.length < wanted) await fake.advanceAsync(10);
  await finished;
  const seconds = cpuSeconds(before);
  await scheduler.close();
  return { podsPerCpuSecond: wanted / seconds, bound: api.bound };
}

/** The middle of several runs, the first of which only let the compiler see the code. */
export async function measureLoop(workload: Workload, nodes: number, runs: number, options: LoopOptions = {}): Promise<number> {
  for (let i = 0; i < 2; i++) await runLoop(workload, nodes, options);
  const rates: number[] = [];
  for (let i = 0; i < runs; i++) rates.push((await runLoop(workload, nodes, options)).podsPerCpuSecond);
  return rates.sort((a, b) => a - b)[runs >> 1];
}

export interface LoopRow {
  workload: string;
  nodes: number;
  podsPerCpuSecond: number;
  upstream?: number;
}

export async function measureAll(names: readonly string[], sizes: readonly number[], runs: number, options: LoopOptions, onRow: (row: LoopRow) => void): Promise<void> {
  for (const workload of workloads) {
    if (names.length && !names.includes(workload.name)) continue;
    for (const nodes of sizes) {
      const podsPerCpuSecond = Math.round(await measureLoop(workload, nodes, runs, options));
      onRow({ workload: workload.name, nodes, podsPerCpuSecond, upstream: workload.upstream?.[nodes] });
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { nodes: { type: 'string', default: '100,1000,5000' }, workload: { type: 'string', default: '' }, runs: { type: 'string', default: '5' }, explain: { type: 'boolean', default: false }, percentage: { type: 'string', default: '0' }, pods: { type: 'string' }, json: { type: 'boolean', default: false } } });
  const rows: LoopRow[] = [];
  await measureAll(values.workload.split(',').filter(Boolean), values.nodes.split(',').map(Number), Number(values.runs), { explain: values.explain, percentageOfNodesToScore: Number(values.percentage), ...(values.pods && { pods: Number(values.pods) }) }, (row) => {
    rows.push(row);
    if (!values.json) console.log(`${row.workload}, ${row.nodes} nodes: ${row.podsPerCpuSecond} pods per CPU-second${row.upstream ? ` (upstream ${row.upstream}, ratio ${(row.podsPerCpuSecond / row.upstream).toFixed(1)})` : ''}`);
  });
  if (values.json) console.log(JSON.stringify(rows, null, 2));
}
