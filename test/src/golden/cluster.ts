/** A cluster in processes of its own, for tests and replays: `pilothouse up` with the store and nodes asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startEtcd } from '@pilothouse/storage/suite/etcd-process';
import { removeNodeAddress, removeServiceProxyTable } from '@pilothouse/node-network';
import { run } from '@pilothouse/node-network/run';
import { missingForContainerd, startPrivateContainerd } from '@pilothouse/testing/containerd';

export interface ClusterOptions {
  /** Where it keeps everything. */
  dir: string;
  /** A node that runs containers by a private containerd; else three hollow ones. */
  realNode?: boolean;
  store?: 'memory' | 'lmdb' | 'etcd';
  /** Further flags of `up`. */
  flags?: readonly string[];
}

export interface TestCluster {
  kubeconfig: string;
  port: number;
  process: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** kill -9, then start again on the same directory. */
  crashAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../../..');
/** The bundle; PILOTHOUSE_PROGRAM names another, such as the sources' main.ts. */
export const program = process.env.PILOTHOUSE_PROGRAM ?? join(root, 'dist/pilothouse.mjs');

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** What a real node lacks on this machine; empty where it can run. */
export const missingForRealNode = (): string[] => [...missingForContainerd(), ...(existsSync('/usr/sbin/nft') ? [] : ['nft']), ...(process.getuid?.() === 0 ? [] : ['root'])];

/** What a node leaves on the machine on purpose, for its pods outlive it: rules, bridge, address, volumes mounted below `dir`. */
async function leaveNothing(dir: string): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1]).filter((path) => path?.startsWith(`${dir}/`));
  for (const path of mounts.reverse()) await run('umount', ['-l', path]);
  await removeServiceProxyTable();
  await run('ip', ['link', 'delete', 'cni0']);
  await removeNodeAddress();
}

/** @throws Error with the program's output when it does not come up within 30 seconds */
export async function startCluster(options: ClusterOptions): Promise<TestCluster> {
  const closers: (() => Promise<unknown>)[] = [];
  const port = await freePort();
  const kubeconfig = join(options.dir, 'admin.conf');
  const args = ['up', '--data-dir', join(options.dir, 'data'), '--secure-port', String(port), '--kubeconfig', kubeconfig, ...(options.flags ?? [])];
  if (options.store === 'memory') args.push('--in-memory');
  if (options.store === 'etcd') {
    const members = await startEtcd();
    closers.push(() => Promise.all(members.map((member) => member.dispose())));
    args.push('--etcd-servers', members.map((member) => member.endpoint).join(','));
  }
  if (options.realNode) {
    const containerd = await startPrivateContainerd({ podCidr: false });
    closers.push(async () => {
      await containerd.close();
      await leaveNothing(options.dir);
    });
    args.push('--container-runtime-endpoint', containerd.endpoint, '--cni-conf-dir', containerd.cniConfDir, '--kubelet-root-dir', join(options.dir, 'kubelet'), '--pod-logs-dir', join(options.dir, 'logs'), '--cgroup-root', containerd.cgroupRoot, '--node-name', 'node-1');
  } else args.push('--container-runtime-endpoint', 'none');

  let text = '';
  let child: ChildProcess;
  const launch = async () => {
    text = '';
    // As `npx pilothouse` starts it (scripts/with-node.mjs).
    child = spawn(process.execPath, ['--stack-size=6500', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => { text += chunk; });
    for (let waited = 0; !text.includes('\nTry:'); waited += 50) {
      if (child.exitCode !== null || waited > 30_000) throw new Error(`the cluster did not come up:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const forced = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(forced);
  };
  const cluster: TestCluster = {
    kubeconfig,
    port,
    get process() {
      return child;
    },
    output: () => text,
    async crashAndRestart() {
      await end('SIGKILL');
      await launch();
    },
    async stop() {
      await end('SIGTERM');
      for (const close of closers.reverse()) await close();
    },
  };
  try {
    await launch();
  } catch (error) {
    await cluster.stop().catch(() => undefined);
    throw error;
  }
  return cluster;
}
