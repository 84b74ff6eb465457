/**
 * The scheduler whole (queue, algorithm, assuming, binding cycles, events, confirmation by the watch) over an API in memory that
 * answers at once: what it costs by itself. Rates are per second of processor time, all threads counted.
 *
 *   node test/bench/scheduler/loop.ts [--nodes 100,1000,5000] [--workload basic,…] [--runs 5] [--percentage 0] [--pods N] [--json]
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

/** One scheduler that can be given the workload's pods again and again. */
interface Loop {
  /** Pods per CPU-second from the first of the pods to the last binding. */
  round(): Promise<number>;
  readonly bound: LoopRun['bound'];
  close(): Promise<void>;
}

async function startLoop(workload: Workload, nodes: number, options: LoopOptions): Promise<Loop> {
  const wanted = options.pods ?? workload.measured(nodes);
  const fake = options.fakeTime ? fakeClock() : undefined;
  let finish = () => {};
  let target = 0;
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
    if (count === target) finish();
  });
  for (let i = 0; i < nodes; i++) api.nodes.put(benchNode(i));
  const init = workload.initPods(nodes);
  for (const pod of init) api.pods.put(pod);
  const scheduler = await startScheduler({
    client: api.client, informers: api.informers, hostname: 'bench', runtime: { clock: fake ?? realClock, random: seededRandom(options.seed ?? 1), log: silentLogger },
    config: { percentageOfNodesToScore: options.percentageOfNodesToScore ?? 0 },
    ...(options.explain && { observe: (world: SchedulerWorld) => createLab(world, fake ?? realClock).observers }),
  });
  let rounds = 0;
  /** As it was before the round. */
  const restore = (pods: readonly { metadata: { name?: string } }[]) => {
    for (const pod of pods) api.pods.remove(`default/${pod.metadata.name}`);
    for (const pod of init) if (!api.pods.objects.has(`default/${pod.metadata.name}`)) api.pods.put(pod);
  };
  return {
    bound: api.bound,
    async round() {
      const pending = Array.from({ length: wanted }, (_, i) => workload.pod(rounds * wanted + i));
      rounds++;
      target = api.bound.length + wanted;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      const before = process.cpuUsage();
      for (const pod of pending) api.pods.put(pod);
      while (fake && api.bound.length < target) await fake.advanceAsync(10);
      await finished;
      const rate = wanted / cpuSeconds(before);
      restore(pending);
      return rate;
    },
    close: () => scheduler.close(),
  };
}

export async function runLoop(workload: Workload, nodes: number, options: LoopOptions = {}): Promise<LoopRun> {
  const loop = await startLoop(workload, nodes, options);
  const podsPerCpuSecond = await loop.round();
  await loop.close();
  return { podsPerCpuSecond, bound: loop.bound };
}

const middle = (rates: number[]): number => rates.sort((a, b) => a - b)[rates.length >> 1];

/** Pods scheduled before anything is measured, so that the compiler has seen the code. */
const warmUpPods = 2000;
/** A figure is of at least so many pods: of several rounds, where a round has fewer. */
const measuredPods = 1000;

/** Pods per CPU-second over so many rounds. */
async function rateOf(loop: Loop, rounds: number): Promise<number> {
  let secondsPerPod = 0;
  for (let i = 0; i < rounds; i++) secondsPerPod += 1 / (await loop.round());
  return rounds / secondsPerPod;
}

/** The middle of several rounds, with and without recording in turn; the cluster is the same at the start of each. */
export async function measureLoop(workload: Workload, nodes: number, runs: number, options: LoopOptions = {}): Promise<{ silent: number; recorded: number; kept: number }> {
  const silent = await startLoop(workload, nodes, { ...options, explain: false });
  const recorded = await startLoop(workload, nodes, { ...options, explain: true });
  const rates: { silent: number; recorded: number }[] = [];
  const pods = options.pods ?? workload.measured(nodes);
  for (const loop of [silent, recorded]) await rateOf(loop, Math.ceil(warmUpPods / pods));
  const rounds = Math.ceil(measuredPods / pods);
  for (let i = 0; i < runs; i++) rates.push({ silent: await rateOf(silent, rounds), recorded: await rateOf(recorded, rounds) });
  await silent.close();
  await recorded.close();
  return { silent: middle(rates.map((r) => r.silent)), recorded: middle(rates.map((r) => r.recorded)), kept: middle(rates.map((r) => r.recorded / r.silent)) };
}

export interface LoopRow {
  workload: string;
  nodes: number;
  podsPerCpuSecond: number;
  /** While every attempt is recorded. */
  recordedPerCpuSecond: number;
  /** The middle of `recordedPerCpuSecond ÷ podsPerCpuSecond` of runs one after the other. */
  kept: number;
  upstream?: number;
}

export async function measureAll(names: readonly string[], sizes: readonly number[], runs: number, options: LoopOptions, onRow: (row: LoopRow) => void): Promise<void> {
  for (const workload of workloads) {
    if (names.length && !names.includes(workload.name)) continue;
    for (const nodes of sizes) {
      const { silent, recorded, kept } = await measureLoop(workload, nodes, runs, options);
      onRow({ workload: workload.name, nodes, podsPerCpuSecond: Math.round(silent), recordedPerCpuSecond: Math.round(recorded), kept, upstream: workload.upstream?.[nodes] });
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { nodes: { type: 'string', default: '100,1000,5000' }, workload: { type: 'string', default: '' }, runs: { type: 'string', default: '5' }, percentage: { type: 'string', default: '0' }, pods: { type: 'string' }, json: { type: 'boolean', default: false } } });
  const rows: LoopRow[] = [];
  await measureAll(values.workload.split(',').filter(Boolean), values.nodes.split(',').map(Number), Number(values.runs), { percentageOfNodesToScore: Number(values.percentage), ...(values.pods && { pods: Number(values.pods) }) }, (row) => {
    rows.push(row);
    if (!values.json) console.log(`${row.workload}, ${row.nodes} nodes: ${row.podsPerCpuSecond} pods per CPU-second, recorded ${row.recordedPerCpuSecond}${row.upstream ? ` (upstream ${row.upstream}, ratio ${(row.podsPerCpuSecond / row.upstream).toFixed(1)})` : ''}`);
  });
  if (values.json) console.log(JSON.stringify(rows, null, 2));
}
