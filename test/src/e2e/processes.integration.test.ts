import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd, type EtcdProcess } from '@pilothouse/storage/suite/etcd-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, program } from '../golden/cluster.ts';
import { eventually, kubectlFor, lacking, run } from './tools.ts';

/** Daemons by name, each with its arguments, so that one can be killed and started again. */
class Daemons {
  readonly #running = new Map<string, { child: ChildProcess; args: string[]; output: string }>();

  start(name: string, args: string[]): void {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const entry = { child, args, output: '' };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { entry.output += chunk; });
    this.#running.set(name, entry);
  }

  output = (name: string): string => this.#running.get(name)?.output ?? '';

  async end(name: string, signal: NodeJS.Signals): Promise<string[]> {
    const { child, args } = this.#running.get(name)!;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      const forced = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(forced);
    }
    return args;
  }

  async restart(name: string): Promise<void> {
    this.start(name, await this.end(name, 'SIGKILL'));
  }

  async close(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.end(name, 'SIGTERM');
  }
}

describe.skipIf(lacking({ commands: ['kubectl', 'etcd', 'etcdctl'] }))('five processes over etcd', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-processes-'));
  const daemons = new Daemons();
  let etcd: EtcdProcess;
  let kubectl: ReturnType<typeof kubectlFor>;
  const pki = join(dir, 'pki');
  let apiArgs: string[];
  const etcdctl = (args: string[], endpoint = etcd.endpoint) => run('etcdctl', ['--endpoints', endpoint, ...args], { env: { ETCDCTL_API: '3' } });

  beforeAll(async () => {
    mkdirSync(pki, { recursive: true });
    [etcd] = await startEtcd();
    const port = await freePort();
    apiArgs = ['apiserver', '--etcd-servers', etcd.endpoint, '--cert-dir', pki, '--bind-address', '127.0.0.1', '--secure-port', String(port)];
    daemons.start('apiserver', apiArgs);
    const made = await run(process.execPath, [program, 'kubeconfigs', '--cert-dir', pki, '--server', `https://127.0.0.1:${port}`, '--out', dir, '--node-name', 'node-1']);
    expect(made.stdout).toContain('admin.conf');
    kubectl = kubectlFor(join(dir, 'admin.conf'));
    await eventually('the API server', () => kubectl('get --raw /readyz'), (text) => text === 'ok');
    daemons.start('controller-manager', ['controller-manager', '--kubeconfig', join(dir, 'controller-manager.conf'), '--root-ca-file', join(pki, 'ca.crt'), '--cluster-signing-cert-file', join(pki, 'ca.crt'), '--cluster-signing-key-file', join(pki, 'ca.key'), '--secure-port', '0']);
    daemons.start('scheduler', ['scheduler', '--kubeconfig', join(dir, 'scheduler.conf'), '--secure-port', '0']);
    daemons.start('hollow', ['hollow-nodes', '--kubeconfig', join(dir, 'admin.conf'), '--count', '3']);
    await eventually('three Ready nodes', () => kubectl('get nodes --no-headers'), (text) => text.split('\n').filter((l) => / Ready /.test(l)).length === 3, 40_000);
  }, 90_000);
  afterAll(async () => {
    await daemons.close();
    await etcd?.dispose();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  test('a deployment becomes available, and etcdctl shows its keys', async () => {
    await kubectl('create deployment web --image=nginx:1 --replicas=3');
    await kubectl('rollout status deployment/web --timeout=60s', { limitMs: 70_000 });
    const keys = (await etcdctl(['get', '/registry', '--prefix', '--keys-only'])).stdout.split('\n').filter(Boolean);
    expect(keys).toContain('/registry/deployments/default/web');
    expect(keys.filter((k) => k.startsWith('/registry/pods/default/web-'))).toHaveLength(3);
  });

  test('the nodes answer the API server, which they know by the authority it publishes, and nobody else', async () => {
    expect(await kubectl('exec deployment/web -- echo there')).toContain('there');
    const kubelet = await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].status.daemonEndpoints.kubeletEndpoint.Port}']);
    expect((await run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `https://127.0.0.1:${kubelet}/pods`])).stdout).toMatch(/^40[13]$/);
  });

  test.each(['scheduler', 'controller-manager', 'apiserver', 'hollow'])('killing the %s in the middle changes nothing but a little latency', async (name) => {
    await kubectl('set image deployment/web nginx=nginx:' + name);
    await daemons.restart(name);
    await eventually('the API server', () => kubectl('get --raw /readyz'), (text) => text === 'ok');
    await kubectl('rollout status deployment/web --timeout=90s', { limitMs: 100_000 });
    const images = await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[?(@.metadata.deletionTimestamp=="")].spec.containers[0].image}{range .items[*]}{.spec.containers[0].image} {end}']);
    expect(images.split(/\s+/).filter((i) => i === `nginx:${name}`)).toHaveLength(3);
  }, 150_000);

  test('an etcd snapshot restored brings the cluster back', async () => {
    const snapshot = join(dir, 'snapshot.db');
    expect((await etcdctl(['snapshot', 'save', snapshot])).code).toBe(0);
    await kubectl('delete deployment web --wait=true');
    for (const name of ['hollow', 'scheduler', 'controller-manager', 'apiserver']) await daemons.end(name, 'SIGTERM');
    const restored = join(dir, 'restored');
    const peer = await freePort();
    expect((await run('etcdctl', ['snapshot', 'restore', snapshot, '--data-dir', restored, '--name', 'r', '--initial-cluster', `r=http://127.0.0.1:${peer}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`], { env: { ETCDCTL_API: '3' } })).code).toBe(0);
    const client = await freePort();
    const second = spawn('etcd', ['--name', 'r', '--data-dir', restored, '--listen-client-urls', `http://127.0.0.1:${client}`, '--advertise-client-urls', `http://127.0.0.1:${client}`, '--listen-peer-urls', `http://127.0.0.1:${peer}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`, '--initial-cluster', `r=http://127.0.0.1:${peer}`], { stdio: 'ignore' });
    try {
      daemons.start('apiserver', apiArgs.map((a) => (a === etcd.endpoint ? `http://127.0.0.1:${client}` : a)));
      await eventually('the API server', () => kubectl('get --raw /readyz'), (text) => text === 'ok');
      expect(await kubectl(['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'])).toBe('3');
      expect((await kubectl('get pods -l app=web -o name')).split('\n')).toHaveLength(3);
    } finally {
      await daemons.end('apiserver', 'SIGTERM');
      second.kill('SIGKILL');
    }
  }, 90_000);
});

const occupied = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => occupied.once('listening', resolve));
const taken = (occupied.address() as { port: number }).port;

describe('what the user must mend', () => {
  afterAll(() => void occupied.close());
  const pilothouse = (args: string[]) => run(process.execPath, [program, ...args], { limitMs: 40_000 });
  test.each([
    ['no etcd', ['apiserver', '--etcd-servers', 'http://127.0.0.1:1', '--cert-dir', join(tmpdir(), 'ph-mend')], /no etcd answers at/],
    ['a port in use', ['up', '--data-dir', join(tmpdir(), 'ph-mend-port'), '--container-runtime-endpoint', 'none', '--secure-port', String(taken)], /cannot listen on 127\.0\.0\.1:\d+: another program has that port/],
    ['an unknown flag', ['up', '--no-such-flag'], /unknown option/],
    ['a kubeconfig that is not there', ['scheduler', '--kubeconfig', '/nonexistent'], /nonexistent/],
    ['a data directory in a file', ['up', '--data-dir', '/dev/null/x', '--container-runtime-endpoint', 'none'], /\/dev\/null/],
  ])('%s: one clear sentence, exit status 1', async (_, args, words) => {
    const { code, stderr } = await pilothouse(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/\n\s+at /);
  }, 60_000);
});
