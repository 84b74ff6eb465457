/**
 * `npm run bench -- scheduler [--nodes 100,1000,5000] [--workload basic,…] [--runs 5] [--only loop|api] [--pods N]`: the scheduler alone
 * in pods per CPU-second, with upstream's figures of the same workloads beside ours, then basic pods end to end over the API.
 */
import { parseArgs } from 'node:util';
import { measureAll } from './scheduler/loop.ts';
import { measureOverApi } from './scheduler/over-api.ts';
import { printHead, printRow } from './tools.ts';

/** What was aimed at, over upstream. */
const goal = (nodes: number): number => (nodes < 1000 ? 2 : 5);

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { nodes: { type: 'string', default: '100,1000,5000' }, workload: { type: 'string', default: '' }, runs: { type: 'string', default: '5' }, only: { type: 'string' }, pods: { type: 'string', default: '6000' } } });
  const sizes = values.nodes.split(',').map(Number);
  if (values.only !== 'api') {
    console.log('The scheduler alone, pods per CPU-second; the yardstick is kube-scheduler v1.36.2 on the same kind of machine');
    printHead();
    await measureAll(values.workload.split(',').filter(Boolean), sizes, Number(values.runs), {}, ({ workload, nodes, podsPerCpuSecond, recordedPerCpuSecond, kept, upstream }) => {
      printRow({ what: `${workload}, ${nodes} nodes`, ours: String(podsPerCpuSecond), yardstick: upstream ? String(upstream) : '', ratio: upstream && podsPerCpuSecond / upstream, goal: upstream ? `≥ ${goal(nodes)}` : '' });
      printRow({ what: '  every attempt recorded', ours: String(recordedPerCpuSecond), yardstick: '', ratio: kept, goal: '≥ 0.75 of the above' });
    });
  }
  if (values.only !== 'loop') {
    const pods = Number(values.pods);
    console.log('\nBasic pods over the API, each daemon a process, store on disk; the yardstick is bindings alone by 32 writers');
    printHead();
    for (const nodes of (values.only ? sizes : sizes.filter((n) => n >= 1000))) {
      const { perSecond, createdPerSecond, yardstick, micros, megabytes } = await measureOverApi(nodes, pods);
      printRow({ what: `create, schedule and bind ${pods} pods, ${nodes} nodes`, ours: `${perSecond.toFixed(0)}/s`, yardstick: `${yardstick.toFixed(0)}/s`, ratio: perSecond / yardstick, goal: nodes < 5000 ? '1500/s (upstream 295/s), 3000/s' : '800/s, 1500/s' });
      printRow({ what: '  the creation alone', ours: `${createdPerSecond.toFixed(0)}/s`, yardstick: '', ratio: undefined, goal: '' });
      for (const name of ['apiserver', 'scheduler', 'controllers'] as const) printRow({ what: `  ${name}: processor time a pod, memory`, ours: `${micros[name]} µs`, yardstick: `${megabytes[name]} MB`, ratio: undefined, goal: '' });
    }
  }
}
