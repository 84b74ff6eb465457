/**
 * Consistency under faults: what servers answer, by the recorded histories of many clients, is linearizable; nothing
 * acknowledged is lost; no watcher misses or is told twice.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '@pilothouse/apiserver';
import { messageOf, realClock, realRuntime, Scope } from '@pilothouse/base';
import { openEtcdStore, openLmdbStore, openMemoryStore, type Store } from '@pilothouse/storage';
import { etcdMissing, startEtcd } from '@pilothouse/storage/suite/etcd-process';
import { type Dice, dice, type FaultContext, type FaultReport, type FaultSuite } from '../suite.ts';
import { type ApiProcess, apiProcess } from './api-process.ts';
import { type ApiTarget, inProcessTarget } from './api-target.ts';
import { allEnded, type RoundReport, runRound } from './round.ts';

/** Longest that one round goes on: searching an order takes longer the more there is to order. */
const roundMs = 20_000;
const runtime = realRuntime();

interface Arena {
  targets: readonly ApiTarget[];
  clients: number;
  disturb(dice: Dice, until: () => boolean): Promise<void>;
  withStore<T>(read: (store: Store) => Promise<T>): Promise<T>;
  /** What was done to the servers so far. */
  troubles: Troubles[];
}

interface Troubles {
  victims: string;
  killed: number;
  stopped: number;
}

/** Rounds in one arena until the time is over. */
async function rounds({ seed, forMs, only, log }: FaultContext, open: (scope: Scope) => Promise<Arena>): Promise<FaultReport> {
  const scope = new Scope('arena');
  const report: FaultReport = { tried: 0, findings: [], notes: [] };
  const sum: Omit<RoundReport, 'findings'> = { operations: 0, unknown: 0, events: 0, allocations: 0, relists: 0 };
  try {
    const arena = await open(scope);
    const until = realClock.monotonic() + forMs;
    for (let n = 0; report.findings.length === 0 && (n === 0 || (only === undefined && realClock.monotonic() < until)); n++) {
      const round = String(only ?? n);
      const roundSeed = `${seed} round ${round}`;
      const { findings, ...counts } = await runRound({ ...arena, name: round, seed: roundSeed, forMs: Math.min(roundMs, Math.max(2_000, until - realClock.monotonic())), disturb: (running) => arena.disturb(dice(`${roundSeed} faults`), running) });
      report.findings.push(...findings);
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
      log(`  round ${round}: ${counts.operations} operations, ${counts.unknown} without an outcome, ${counts.events} events, ${counts.allocations} allocations, ${counts.relists} relists`);
    }
    report.notes!.push(...arena.troubles.map(({ victims, killed, stopped }) => `${victims}: ${killed} times killed, ${stopped} times stopped for a while`));
  } catch (error) {
    report.findings.push({ title: 'the servers could not be worked with', detail: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) });
  } finally {
    await scope.close();
  }
  report.tried = sum.operations;
  report.notes!.push(`${sum.operations} operations (${sum.unknown} without an outcome), ${sum.events} events told, ${sum.allocations} addresses and ports given out, ${sum.relists} relists`);
  return report;
}

function temporary(scope: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-consistency-'));
  scope.defer(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Killable {
  kill(): Promise<void>;
  start(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

/** Kills, or stops for a while, one of them after the other, with breaks. */
async function trouble(victims: readonly Killable[], { pick, between, once }: Dice, { until, breakMs, count }: { until: () => boolean; breakMs: number; count: Troubles }): Promise<void> {
  while (until()) {
    await realClock.sleep(between(breakMs / 2, breakMs));
    if (!until()) return;
    const victim = pick(victims);
    if (once(3)) {
      count.stopped++;
      victim.signal('SIGSTOP');
      await realClock.sleep(between(200, 2_500));
      victim.signal('SIGCONT');
    } else {
      count.killed++;
      await victim.kill();
      await realClock.sleep(between(0, 800));
      await victim.start();
    }
  }
}

const processes = (scope: Scope, all: readonly ApiProcess[]) => {
  for (const each of all) scope.defer(() => each.kill());
};

/** Several API servers over one etcd of three members. */
export const sharedEtcd: FaultSuite = {
  name: 'consistency-etcd',
  missing: etcdMissing,
  run: (context) => rounds(context, async (scope) => {
    const members = await startEtcd(3);
    scope.defer(async () => void (await Promise.all(members.map((member) => member.dispose()))));
    const endpoints = members.map((member) => member.endpoint);
    const dir = temporary(scope);
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => apiProcess(name, dir, ['--etcd-servers', endpoints.join(','), '--etcd-compaction-interval', '0'])));
    processes(scope, servers);
    await Promise.all(servers.map((server) => server.start()));
    const [ofMembers, ofServers] = ['members of etcd', 'API servers'].map((victims): Troubles => ({ victims, killed: 0, stopped: 0 }));
    return {
      troubles: [ofMembers, ofServers],
      targets: servers.map((server) => server.target),
      clients: 9,
      disturb: async (chance, until) => {
        await allEnded([trouble(members, dice(`${chance.below(2 ** 30)} members`), { until, breakMs: 2_500, count: ofMembers }), trouble(servers, dice(`${chance.below(2 ** 30)} servers`), { until, breakMs: 3_500, count: ofServers })]);
      },
      async withStore(read) {
        const store = await openEtcdStore(runtime, { endpoints, compactionIntervalMs: 0 });
        try {
          return await read(store);
        } finally {
          await store.close();
        }
      },
    };
  }),
};

/** One API server over the embedded store. */
export const embedded: FaultSuite = {
  name: 'consistency-embedded',
  run: (context) => rounds(context, async (scope) => {
    const dir = temporary(scope);
    const certDir = join(dir, 'pki');
    mkdirSync(certDir);
    const server = await apiProcess('a', certDir, ['--data-dir', dir]);
    processes(scope, [server]);
    await server.start();
    const count: Troubles = { victims: 'API server', killed: 0, stopped: 0 };
    return {
      troubles: [count],
      targets: [server.target],
      clients: 6,
      disturb: (chance, until) => trouble([server], chance, { until, breakMs: 3_000, count }),
      async withStore(read) {
        await server.kill();
        const store = await openLmdbStore(runtime, { dir: join(dir, 'store') });
        try {
          return await read(store);
        } finally {
          await store.close();
          await server.start();
        }
      },
    };
  }),
};

/** Two API servers, each with its own caches, over one store in memory; nothing fails. */
export const inMemory: FaultSuite = {
  name: 'consistency-memory',
  run: (context) => rounds({ ...context, forMs: Math.min(context.forMs, 5_000) }, async (scope) => {
    const store = openMemoryStore(runtime);
    scope.own(store);
    const servers = await Promise.all(['a', 'b'].map(async (name) => inProcessTarget(name, scope.own(await createApiServer(runtime, { store })))));
    return { troubles: [], targets: servers, clients: 8, disturb: async () => {}, withStore: (read) => read(store) };
  }),
};
