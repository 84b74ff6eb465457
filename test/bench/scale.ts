/** `npm run bench -- scale [--pods N] [--nodes N]`: a large cluster's objects in one API server: memory, and lists of few among many. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { node, pod } from './objects.ts';
import { memoryMb, percentile, printHead, printRow, request, startApiServer, stop } from './tools.ts';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { pods: { type: 'string', default: '150000' }, nodes: { type: 'string', default: '5000' } } });
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  const { port, token, process: server } = await startApiServer(dir, ['--max-requests-inflight', '0', '--max-mutating-requests-inflight', '0']);
  const createAll = async (path: string, count: number, object: (i: number) => object) => {
    let next = 0;
    const worker = async () => {
      for (let i = next++; i < count; i = next++) {
        const answer = await request(port, path, { method: 'POST', token, body: object(i) });
        if (answer.status !== 201) throw new Error(`${path}: ${answer.body.toString().slice(0, 300)}`);
      }
    };
    await Promise.all(Array.from({ length: 32 }, worker));
  };
  printHead();
  try {
    const [pods, nodes] = [Number(values.pods), Number(values.nodes)];
    const started = performance.now();
    await createAll('/api/v1/nodes', nodes, node);
    await createAll('/api/v1/namespaces/default/pods', pods, (i) => {
      const one = pod(i);
      one.metadata.labels.app = `app-${i % 5_000}`;
      one.spec.nodeName = `node-${i % nodes}`;
      return one;
    });
    const seconds = (performance.now() - started) / 1_000;
    printRow({ what: `${pods} pods and ${nodes} nodes created`, ours: `${((pods + nodes) / seconds).toFixed(0)}/s`, yardstick: '', ratio: undefined, goal: '' });
    for (const [what, path] of [['30 pods of one node', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-17'], ['30 pods by label', '/api/v1/pods?labelSelector=app%3Dapp-17'], ['the same, by a set', '/api/v1/pods?labelSelector=app+in+(app-17,app-18)']] as const) {
      const took: number[] = [];
      for (let i = 0; i < 50; i++) {
        const from = performance.now();
        const answer = await request(port, path, { token });
        took.push(performance.now() - from);
        if (answer.status !== 200) throw new Error(answer.body.toString().slice(0, 300));
      }
      printRow({ what: `list ${what}: p50`, ours: `${percentile(took, 0.5).toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: '' });
      printRow({ what: 'slowest of 50', ours: `${Math.max(...took).toFixed(1)} ms`, yardstick: '', ratio: undefined, goal: 'under 50 ms' });
    }
    printRow({ what: 'memory', ours: `${memoryMb(server.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: 'under 1,500 MB' });
  } finally {
    await stop(server);
    rmSync(dir, { recursive: true, force: true });
  }
}
