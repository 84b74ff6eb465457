/**
 * `npm run bench -- scheduler [--nodes N] [--pods N]`: basic pods created, scheduled and bound over the API, every daemon
 * in one process over the embedded (durable) store, nodes that only exist as objects. The yardstick is the same number
 * of bindings written straight to the API by 32 writers, with nothing deciding where.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, memoryMb, printHead, printRow, request, root, start, stop, until } from './tools.ts';

const token = 'bench-token';
const node = (i: number) => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, 'topology.kubernetes.io/zone': `zone-${i % 3}` } },
  status: { capacity: { cpu: '32', memory: '256Gi', pods: '110' }, allocatable: { cpu: '32', memory: '256Gi', pods: '110' }, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }] },
});
const pod = (name: string, schedulerName?: string) => ({ metadata: { name }, spec: { ...(schedulerName && { schedulerName }), automountServiceAccountToken: false, containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '100m', memory: '500Mi' } } }] } });

async function inParallel(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  }));
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { nodes: { type: 'string', default: '1000' }, pods: { type: 'string', default: '6000' } } });
  const nodes = Number(values.nodes);
  const pods = Number(values.pods);
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  writeFileSync(join(dir, 'tokens.csv'), `${token},bench,bench,"system:masters"\n`);
  const port = await freePort();
  const up = start(process.execPath, [join(root, 'dist/pilothouse.mjs'), 'up', '--data-dir', join(dir, 'up'), '--secure-port', String(port), '--kubeconfig', join(dir, 'up.conf'), '--container-runtime-endpoint', 'none', '--hollow-nodes', '0', '--cluster-cidr', '10.128.0.0/12', '--log-level', 'error', '--token-auth-file', join(dir, 'tokens.csv'), '--controllers=*,-node-lifecycle-controller']);
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await request(port, path, { method, token, body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.body.toString().slice(0, 300)}`);
    return answer;
  };
  try {
    await until('the cluster', async () => (await request(port, '/api/v1/namespaces/default/serviceaccounts/default', { token })).status === 200);
    await inParallel(nodes, 32, async (i) => {
      await call('POST', '/api/v1/nodes', node(i));
      await call('PATCH', `/api/v1/nodes/node-${i}/status`, { status: node(i).status });
      // Nodes come with the not-ready taint; the controller that takes it away is off, for these nodes have no kubelet.
      await call('PATCH', `/api/v1/nodes/node-${i}`, { spec: { taints: null } });
    });
    printHead();
    const bound = async () => JSON.parse((await call('GET', '/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3D&resourceVersion=0')).body.toString()).items.length;

    await inParallel(pods, 32, (i) => call('POST', '/api/v1/namespaces/default/pods', pod(`yard-${i}`, 'nobody')));
    let t = performance.now();
    await inParallel(pods, 32, (i) => call('POST', `/api/v1/namespaces/default/pods/yard-${i}/binding`, { target: { kind: 'Node', name: `node-${i % nodes}` } }));
    const yardstick = pods / ((performance.now() - t) / 1000);
    await call('DELETE', '/api/v1/namespaces/default/pods?gracePeriodSeconds=0');

    t = performance.now();
    await inParallel(pods, 32, (i) => call('POST', '/api/v1/namespaces/default/pods', pod(`pod-${i}`)));
    const created = performance.now() - t;
    await until('every pod to be bound', async () => (await bound()) === 0, 120_000);
    const rate = pods / ((performance.now() - t) / 1000);
    printRow({ what: `create, schedule and bind ${pods} pods, ${nodes} nodes`, ours: `${rate.toFixed(0)}/s`, yardstick: `${yardstick.toFixed(0)}/s`, ratio: rate / yardstick, goal: '600/s now, 3000/s' });
    printRow({ what: '  of which the creation alone took', ours: `${(pods / (created / 1000)).toFixed(0)}/s`, yardstick: '', ratio: undefined, goal: '' });
    printRow({ what: '  memory of the process afterwards', ours: `${memoryMb(up.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: '' });
  } finally {
    await stop(up);
    rmSync(dir, { recursive: true, force: true });
  }
}
