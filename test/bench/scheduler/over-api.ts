/**
 * Basic pods created, scheduled and bound over the API with a durable store: API server, controllers and scheduler each a process of
 * its own, nodes that exist only as objects, pods created by wrk over 32 connections. Beside the rate on the clock, which is the
 * machine's as much as ours, it says what each process spent on a pod.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, freePort, memoryMb, request, root, start, startApiServer, stop, until } from '../tools.ts';

export interface OverApi {
  /** Pods per second from the first create to the last binding. */
  perSecond: number;
  /** Pods per second of the creation alone. */
  createdPerSecond: number;
  /** Bindings alone, written by the client with nothing deciding where; per second. */
  yardstick: number;
  /** Microseconds of processor time a pod, all threads. */
  micros: { apiserver: number; scheduler: number; controllers: number };
  /** Resident afterwards. */
  megabytes: { apiserver: number; scheduler: number; controllers: number };
}

const node = (i: number) => {
  const amounts = { cpu: '32', memory: '256Gi', pods: '110' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, 'topology.kubernetes.io/zone': `zone-${i % 3}` } }, status: { capacity: amounts, allocatable: amounts, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }] } };
};
const pod = (name: string, schedulerName?: string) => ({ metadata: { name }, spec: { ...(schedulerName && { schedulerName }), automountServiceAccountToken: false, containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '100m', memory: '500Mi' } } }] } });

async function inParallel(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  }));
}

/** Creates so many pods (and up to 32 more) with wrk, which costs next to nothing; resolves when as many were answered. */
function createPods(dir: string, port: number, token: string, pods: number): Promise<void> {
  const script = join(dir, 'pods.lua');
  writeFileSync(script, `local body = [==[${JSON.stringify(pod('PODNAME'))}]==]\nlocal sent, done = 0, 0\nrequest = function()\n  sent = sent + 1\n  return wrk.format("POST", nil, {["content-type"] = "application/json", ["authorization"] = "Bearer ${token}"}, (string.gsub(body, "PODNAME", "pod-" .. sent)))\nend\nresponse = function(status)\n  if status == 201 then done = done + 1 end\n  if done >= ${pods} then\n    io.stdout:write("done\\n")\n    io.stdout:flush()\n    wrk.thread:stop()\n  end\nend\n`);
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', ['-t1', '-c32', '-d300s', '--timeout', '30s', '-s', script, `https://127.0.0.1:${port}/api/v1/namespaces/default/pods`], { stdio: ['ignore', 'pipe', 'ignore'] });
    // wrk goes on until its time is up; it is told to stop once it says that it has done its work.
    child.stdout.once('data', () => child.kill('SIGKILL'));
    child.once('error', () => reject(new Error('wrk is needed for this benchmark (Debian package wrk)')));
    child.once('exit', () => resolve());
  });
}

export async function measureOverApi(nodes: number, pods: number): Promise<OverApi> {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  const api = await startApiServer(dir, ['--disable-admission-plugins', 'TaintNodesByCondition']);
  const { port, token } = api;
  const program = join(root, 'dist/pilothouse.mjs');
  const nodeFlags = process.env.PILOTHOUSE_BENCH_NODE_FLAGS?.split(' ') ?? [];
  const daemon = (name: string, flags: string[]) => start(process.execPath, [...nodeFlags, program, name, '--kubeconfig', join(dir, `${name}.conf`), '--log-level', 'error', ...flags]);
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await request(port, path, { method, token, body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.body.toString().slice(0, 300)}`);
    return answer;
  };
  spawnSync(process.execPath, [program, 'kubeconfigs', '--cert-dir', join(dir, 'pki'), '--server', `https://127.0.0.1:${port}`, '--out', dir], { stdio: 'ignore' });
  const controllers = daemon('controller-manager', ['--controllers=*,-node-lifecycle-controller', '--allocate-node-cidrs=false', '--leader-elect=false', '--secure-port', '0']);
  const children = [api.process, controllers];
  try {
    await inParallel(nodes, 32, (i) => call('POST', '/api/v1/nodes', node(i)));
    await inParallel(pods, 32, (i) => call('POST', '/api/v1/namespaces/default/pods', pod(`yard-${i}`, 'nobody')));
    let t = performance.now();
    await inParallel(pods, 32, (i) => call('POST', `/api/v1/namespaces/default/pods/yard-${i}/binding`, { target: { kind: 'Node', name: `node-${i % nodes}` } }));
    const yardstick = pods / ((performance.now() - t) / 1000);
    await call('DELETE', '/api/v1/namespaces/default/pods?gracePeriodSeconds=0');

    const metricsPort = await freePort();
    const scheduler = daemon('scheduler', ['--metrics-port', String(metricsPort), '--secure-port', '0', '--leader-elect=false']);
    children.push(scheduler);
    const bound = async () => Number(/^scheduler_pod_scheduling_attempts_count (\d+)/m.exec(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text())?.[1] ?? 0);
    await until('the scheduler', async () => (await bound()) === 0);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const pids = { apiserver: api.process.pid!, scheduler: scheduler.pid!, controllers: controllers.pid! };
    const each = <T>(measure: (pid: number, name: keyof typeof pids) => T) => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, measure(pid, name as keyof typeof pids)])) as Record<keyof typeof pids, T>;
    const before = each(cpuSeconds);
    t = performance.now();
    await createPods(dir, port, token, pods);
    const createdPerSecond = pods / ((performance.now() - t) / 1000);
    while ((await bound()) < pods) {
      if (performance.now() - t > 120_000) throw new Error('not every pod was bound within 2 minutes');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const perSecond = pods / ((performance.now() - t) / 1000);
    const micros = each((pid, name) => Math.round(((cpuSeconds(pid) - before[name]) / pods) * 1e6));
    return { perSecond, createdPerSecond, yardstick, micros, megabytes: each((pid) => Math.round(memoryMb(pid))) };
  } finally {
    for (const child of children.reverse()) await stop(child);
    rmSync(dir, { recursive: true, force: true });
  }
}
