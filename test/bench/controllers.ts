/**
 * `npm run bench -- controllers [--deployments N] [--replicas N] [--nodes N] [--rolling N] [--objects N] [--services N]
 * [--flips N] [--rest-seconds N]`: what the controllers make of a cluster of some size. The control plane is one process
 * over the embedded (durable) store, the hollow nodes are another. The yardstick of the pods' rows is the writes that any
 * pod costs (create, bind, report as running) sent straight to the API by 32 writers, with nothing deciding; that of the
 * namespace's row is the same objects deleted one by one by 32 writers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds, freePort, memoryMb, percentile, printHead, printRow, request, root, start, stop, until } from './tools.ts';

const token = 'bench-token';
/** Upstream's kube-controller-manager sends no more than this many requests in a second unless told otherwise (--kube-api-qps). */
const upstreamQps = 20;
/** A node that has no kubelet: the benchmark renews its lease and writes its pods' status. */
const quietNode = 'quiet-node';
const limitMs = 1_800_000;

const container = { name: 'c', image: 'registry.k8s.io/pause:3.10' };
const deployment = (name: string, replicas: number, image = container.image) => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { automountServiceAccountToken: false, containers: [{ ...container, image }] } } },
});
const running = (ready: boolean) => ({ status: { phase: 'Running', podIP: '10.9.9.9', podIPs: [{ ip: '10.9.9.9' }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }, { type: 'ContainersReady', status: ready ? 'True' : 'False' }] } });

type Call = (method: string, path: string, body?: unknown) => Promise<any>;

async function inParallel(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  }));
}
const seconds = (from: number): number => (performance.now() - from) / 1000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const settled = (what: string, test: () => Promise<boolean>) => until(what, async () => (await test()) || (await pause(200), false), limitMs);

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: {
    deployments: { type: 'string', default: '1000' }, replicas: { type: 'string', default: '10' }, nodes: { type: 'string', default: '500' }, rolling: { type: 'string', default: '5000' },
    objects: { type: 'string', default: '10000' }, services: { type: 'string', default: '5000' }, flips: { type: 'string', default: '200' }, 'rest-seconds': { type: 'string', default: '60' },
  } });
  const size = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)])) as Record<keyof typeof values, number>;
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  writeFileSync(join(dir, 'tokens.csv'), `${token},bench,bench,"system:masters"\n`);
  const port = await freePort();
  // PILOTHOUSE_BENCH_NODE_FLAGS: such as --cpu-prof, to see where the control plane's time goes.
  const nodeFlags = process.env.PILOTHOUSE_BENCH_NODE_FLAGS?.split(' ') ?? [];
  const program = join(root, 'dist/pilothouse.mjs');
  const up = start(process.execPath, [...nodeFlags, program, 'up', '--data-dir', join(dir, 'up'), '--secure-port', String(port), '--kubeconfig', join(dir, 'up.conf'), '--container-runtime-endpoint', 'none', '--hollow-nodes', '0', '--cluster-cidr', '10.128.0.0/12', '--log-level', 'error', '--token-auth-file', join(dir, 'tokens.csv')]);
  const call: Call = async (method, path, body) => {
    const answer = await request(port, path, { method, token, body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.body.toString().slice(0, 300)}`);
    return JSON.parse(answer.body.toString());
  };
  const lease = setInterval(() => void call('PATCH', `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${quietNode}`, { spec: { renewTime: new Date().toISOString().replace('Z', '000Z') } }).catch(() => undefined), 5_000);
  let hollow: ReturnType<typeof start> | undefined;
  try {
    await until('the cluster', async () => (await request(port, '/api/v1/namespaces/default/serviceaccounts/default', { token })).status === 200);
    hollow = start(process.execPath, [program, 'hollow-nodes', '--kubeconfig', join(dir, 'up.conf'), '--count', String(size.nodes), '--log-level', 'error'], { quiet: true });
    await settled('the nodes', async () => (await call('GET', '/api/v1/nodes?resourceVersion=0')).items.filter((n: any) => !n.spec.taints?.length).length === size.nodes);
    printHead();
    const perPod = await directPods(call, Math.min(2000, size.deployments * size.replicas));
    await applied(call, size.deployments, size.replicas, perPod);
    printRow({ what: '  memory of the control plane', ours: `${memoryMb(up.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: '' });
    await atRest(call, up.pid!, hollow.pid!, size);
    await readiness(call, port, size.services, size.flips);
    await rolling(call, size.rolling, perPod);
    await namespaceGoes(call, size.objects);
    printRow({ what: 'memory of the control plane at the end', ours: `${memoryMb(up.pid!).toFixed(0)} MB`, yardstick: '', ratio: undefined, goal: '' });
  } finally {
    clearInterval(lease);
    if (hollow) await stop(hollow);
    await stop(up);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Pods per second when nobody decides anything: created, bound to a node without kubelet, and reported as running. */
async function directPods(call: Call, count: number): Promise<number> {
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'direct' } });
  await settled('the service account', async () => Boolean(await call('GET', '/api/v1/namespaces/direct/serviceaccounts/default')));
  const t = performance.now();
  await inParallel(count, async (i) => {
    await call('POST', '/api/v1/namespaces/direct/pods', { metadata: { name: `pod-${i}`, labels: { app: 'direct' } }, spec: { schedulerName: 'nobody', automountServiceAccountToken: false, containers: [container] } });
    await call('POST', `/api/v1/namespaces/direct/pods/pod-${i}/binding`, { target: { kind: 'Node', name: 'nowhere' } });
    await call('PATCH', `/api/v1/namespaces/direct/pods/pod-${i}/status`, running(true));
  });
  const rate = count / seconds(t);
  await call('DELETE', '/api/v1/namespaces/direct/pods?gracePeriodSeconds=0');
  await call('DELETE', '/api/v1/namespaces/direct');
  return rate;
}

async function applied(call: Call, count: number, replicas: number, perPod: number): Promise<void> {
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'apps' } });
  const t = performance.now();
  await inParallel(count, (i) => call('POST', '/apis/apps/v1/namespaces/apps/deployments', deployment(`app-${i}`, replicas)));
  await settled('every deployment to be available', async () => (await call('GET', '/apis/apps/v1/namespaces/apps/deployments?resourceVersion=0')).items.every((d: any) => d.status?.availableReplicas === replicas));
  const took = seconds(t);
  const pods = count * replicas;
  printRow({ what: `${count} deployments × ${replicas} replicas, all available`, ours: `${(pods / took).toFixed(0)} pods/s`, yardstick: `${perPod.toFixed(0)} pods/s`, ratio: pods / took / perPod, goal: '' });
  printRow({ what: '  took; upstream at its default of 20 requests/s', ours: `${took.toFixed(0)} s`, yardstick: `${((pods + 4 * count) / upstreamQps).toFixed(0)} s`, ratio: undefined, goal: '' });
}

/** Processor time of a cluster that nobody touches: its nodes' leases and statuses are all that is written. */
async function atRest(call: Call, control: number, nodes: number, size: { nodes: number; 'rest-seconds': number }): Promise<void> {
  await pause(30_000);
  const revision = async () => Number((await call('GET', '/api/v1/namespaces/default/pods?limit=1')).metadata.resourceVersion);
  const [from, writes, ours, theirs] = [performance.now(), await revision(), cpuSeconds(control), cpuSeconds(nodes)];
  await pause(size['rest-seconds'] * 1000);
  const took = seconds(from);
  const share = (100 * (cpuSeconds(control) - ours)) / took;
  printRow({ what: `at rest with ${size.nodes} nodes: control plane`, ours: `${share.toFixed(1)} %`, yardstick: '', ratio: undefined, goal: 'under 3 % of a core' });
  printRow({ what: '  the hollow nodes; writes to the store', ours: `${((100 * (cpuSeconds(nodes) - theirs)) / took).toFixed(1)} %`, yardstick: `${(((await revision()) - writes) / took).toFixed(1)}/s`, ratio: undefined, goal: '' });
}

/** From a pod's readiness being written to its endpoint slice being watched, one at a time, among many services. */
async function readiness(call: Call, port: number, services: number, flips: number): Promise<void> {
  await call('POST', '/api/v1/nodes', { metadata: { name: quietNode } });
  await call('POST', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', { metadata: { name: quietNode }, spec: { holderIdentity: quietNode, leaseDurationSeconds: 40, renewTime: new Date().toISOString().replace('Z', '000Z') } });
  await call('PATCH', `/api/v1/nodes/${quietNode}/status`, { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }] } });
  await inParallel(services, (i) => call('POST', '/api/v1/namespaces/apps/services', { metadata: { name: `svc-${i}` }, spec: { selector: { app: `app-${i}` }, ports: [{ port: 80 }] } }));
  await call('POST', '/api/v1/namespaces/apps/pods', { metadata: { name: 'flipping', labels: { app: 'flipping' } }, spec: { nodeName: quietNode, automountServiceAccountToken: false, containers: [container] } });
  await call('PATCH', '/api/v1/namespaces/apps/pods/flipping/status', running(false));
  await call('POST', '/api/v1/namespaces/apps/services', { metadata: { name: 'flipping' }, spec: { selector: { app: 'flipping' }, ports: [{ port: 80 }] } });
  const path = '/apis/discovery.k8s.io/v1/namespaces/apps/endpointslices';
  await settled('the slices', async () => (await call('GET', `${path}?resourceVersion=0`)).items.length > services);

  let heard: (() => void) | undefined;
  let wanted = true;
  const watch = https.request({ host: '127.0.0.1', port, path: `${path}?watch=1&labelSelector=kubernetes.io%2Fservice-name%3Dflipping`, rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` } }, (res) => {
    let rest = '';
    res.on('data', (piece) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop()!;
      if (lines.some((line) => JSON.parse(line).object.endpoints?.[0]?.conditions.ready === wanted)) heard?.();
    });
    res.on('error', () => undefined);
  });
  watch.on('error', () => undefined);
  watch.end();
  const delays: number[] = [];
  try {
    await pause(500);
    for (let i = 0; i < flips; i++, wanted = !wanted) {
      const arrived = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const t = performance.now();
      await call('PATCH', '/api/v1/namespaces/apps/pods/flipping/status', running(wanted));
      await arrived;
      delays.push(performance.now() - t);
    }
  } finally {
    watch.destroy();
  }
  const answer = performance.now();
  for (let i = 0; i < 50; i++) await call('PATCH', '/api/v1/namespaces/apps/pods/flipping/status', running(wanted));
  const one = (performance.now() - answer) / 50;
  for (const share of [0.5, 0.99]) printRow({ what: `readiness to endpoint slice, ${services} services: p${share * 100}`, ours: `${percentile(delays, share).toFixed(1)} ms`, yardstick: `${one.toFixed(1)} ms`, ratio: percentile(delays, share) / one, goal: 'the yardstick: one status write' });
}

async function rolling(call: Call, replicas: number, perPod: number): Promise<void> {
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'rolling' } });
  const path = '/apis/apps/v1/namespaces/rolling/deployments';
  await call('POST', path, deployment('big', replicas));
  const complete = async () => {
    const { status, metadata } = await call('GET', `${path}/big`);
    return status?.observedGeneration === metadata.generation && status.updatedReplicas === replicas && status.availableReplicas === replicas && status.replicas === replicas;
  };
  await settled('the deployment', complete);
  const t = performance.now();
  await call('PATCH', `${path}/big`, { spec: { template: { spec: { containers: [{ ...container, image: 'registry.k8s.io/pause:3.9' }] } } } });
  await settled('the rolling update', complete);
  const took = seconds(t);
  printRow({ what: `rolling update of ${replicas} replicas`, ours: `${(replicas / took).toFixed(0)} pods/s`, yardstick: `${perPod.toFixed(0)} pods/s`, ratio: replicas / took / perPod, goal: '' });
  printRow({ what: '  took; upstream at its default of 20 requests/s', ours: `${took.toFixed(0)} s`, yardstick: `${((2 * replicas) / upstreamQps).toFixed(0)} s`, ratio: undefined, goal: '' });
}

async function namespaceGoes(call: Call, objects: number): Promise<void> {
  const kinds = ['configmaps', 'secrets', 'endpoints', 'limitranges'];
  const fill = async (namespace: string, count: number) => {
    await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    await inParallel(count, (i) => call('POST', `/api/v1/namespaces/${namespace}/${kinds[i % kinds.length]}`, { metadata: { name: `object-${i}` }, ...(kinds[i % kinds.length] === 'limitranges' && { spec: { limits: [] } }) }));
  };
  const few = Math.min(2000, objects);
  await fill('by-hand', few);
  let t = performance.now();
  await inParallel(few, (i) => call('DELETE', `/api/v1/namespaces/by-hand/${kinds[i % kinds.length]}/object-${i}`));
  const yardstick = few / seconds(t);
  await fill('full', objects);
  t = performance.now();
  await call('DELETE', '/api/v1/namespaces/full');
  await settled('the namespace to be gone', async () => (await call('GET', '/api/v1/namespaces')).items.every((n: any) => n.metadata.name !== 'full'));
  const rate = objects / seconds(t);
  printRow({ what: `deletion of a namespace of ${objects} objects`, ours: `${rate.toFixed(0)}/s`, yardstick: `${yardstick.toFixed(0)}/s`, ratio: rate / yardstick, goal: '' });
}
