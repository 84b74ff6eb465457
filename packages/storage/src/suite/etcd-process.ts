/** etcd servers for tests, on loopback with a directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { realClock } from '@pilothouse/base';

export interface EtcdProcess {
  endpoint: string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP, SIGCONT: it hangs, and goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Starts it again, on its data and port; resolves when it listens. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

/** Why tests with etcd cannot run; undefined when they can. They must when PILOTHOUSE_REQUIRE_ALL is set. */
export function etcdMissing(): string | undefined {
  if (process.env.PILOTHOUSE_REQUIRE_ALL || program('etcd')) return undefined;
  return 'etcd is not installed (Debian: etcd-server)';
}

function program(name: string): string | undefined {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Look further.
    }
  }
  return undefined;
}

const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
});

/** Starts a cluster of `members` servers. */
export async function startEtcd(members = 1): Promise<EtcdProcess[]> {
  const places = await Promise.all(Array.from({ length: members }, async (_, i) => ({
    name: `m${i}`,
    dir: mkdtempSync(join(tmpdir(), 'pilothouse-etcd-')),
    client: `http://127.0.0.1:${await freePort()}`,
    peer: `http://127.0.0.1:${await freePort()}`,
  })));
  const cluster = places.map((p) => `${p.name}=${p.peer}`).join(',');
  const servers = places.map(({ name, dir, client, peer }) => member(dir, client, ['--name', name, '--data-dir', dir, '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster, '--logger', 'zap', '--log-level', 'error']));
  await Promise.all(servers.map((s) => s.start()));
  return servers;
}

function member(dir: string, endpoint: string, args: string[]): EtcdProcess {
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  const end = () => {
    child?.kill('SIGCONT');
    child?.kill('SIGKILL');
    return gone;
  };
  const onExit = () => void child?.kill('SIGKILL');
  process.once('exit', onExit);
  return {
    endpoint,
    kill: end,
    signal: (name) => void child!.kill(name),
    async start() {
      const running = spawn(program('etcd') ?? 'etcd', args, { stdio: 'ignore' });
      child = running;
      let exited: string | undefined;
      gone = new Promise((resolve) => {
        running.once('error', (error) => resolve(void (exited = error.message)));
        running.once('exit', (code, signal) => resolve(void (exited = `exit ${code ?? signal}`)));
      });
      for (const until = realClock.now() + 15_000; ; ) {
        const healthy = await fetch(`${endpoint}/health`).then(async (r) => (await r.text()).includes('"true"'), () => false);
        if (healthy) return;
        if (exited || realClock.now() > until) throw new Error(`etcd did not start: ${exited ?? 'it is not healthy after 15 s'}`);
        await realClock.sleep(50);
      }
    },
    async dispose() {
      await end();
      process.off('exit', onExit);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
