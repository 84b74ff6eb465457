/** History is compacted under the feet of those who read it: they are told so in upstream's words, and nothing is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, realClock, realRuntime, Scope } from '@pilothouse/base';
import { openEtcdStore, prefixRange, type Store } from '@pilothouse/storage';
import { etcdMissing, startEtcd } from '@pilothouse/storage/suite/etcd-process';
import type { Change } from '@pilothouse/testing/histories/operations';
import { checkLists, checkWatched } from '@pilothouse/testing/histories/watches';
import { apiProcess } from '../consistency/api-process.ts';
import { collection } from '../consistency/clients.ts';
import { startWatcher } from '../consistency/watcher.ts';
import { dice, type FaultContext, type FaultReport, type FaultSuite, type Finding } from '../suite.ts';
import { type ReaderOptions, runExactLists, runLateWatches, runPager, type Seen } from './readers.ts';

const runtime = realRuntime();
const lastingCount = 400;
/** Between two compactions; each leaves what was written since the one before. */
const compactMs = 150;
/** The server's caches know what happened since it started: they are made to forget. */
const restartMs = 4_000;
const catchUpMs = 30_000;
const shown = 5;

/** All changes of ConfigMaps from now on, out of the store itself. */
function record(store: Store, after: number): { log: Change[]; stop(): Promise<void> } {
  const prefix = '/registry/configmaps/default/';
  const log: Change[] = [];
  const abort = new AbortController();
  const running = (async () => {
    for await (const batch of store.watch(prefixRange(prefix), { after, signal: abort.signal })) for (const { key, type, value, revision } of batch.events) log.push({ key: key.slice(prefix.length), revision, value: type === 'put' ? JSON.parse(Buffer.from(value).toString()).data.v : undefined });
  })().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    log,
    stop() {
      abort.abort();
      return running;
    },
  };
}

async function run({ seed, forMs }: FaultContext): Promise<FaultReport> {
  const scope = new Scope('compaction');
  const findings: Finding[] = [];
  const say = (title: string, problems: readonly string[]) => void (problems.length && findings.push({ title: `${title} (seed ${seed})`, detail: [...problems.slice(0, shown), ...(problems.length > shown ? [`and ${problems.length - shown} more`] : [])].join('\n') }));
  const seen: Seen = { wrong: [], pages: 0, inconsistent: 0, lists: [], watched: [], gone: 0 };
  let compactions = 0;
  let relists = 0;
  let writes = 0;
  try {
    const [member] = await startEtcd(1);
    scope.defer(() => member.dispose());
    const dir = mkdtempSync(join(tmpdir(), 'pilothouse-compaction-'));
    scope.defer(() => rmSync(dir, { recursive: true, force: true }));
    const store = scope.own(await openEtcdStore(runtime, { endpoints: [member.endpoint], compactionIntervalMs: 0 }));
    const server = await apiProcess('a', dir, ['--etcd-servers', member.endpoint, '--etcd-compaction-interval', '0']);
    scope.defer(() => server.kill());
    await server.start();
    const recorder = record(store, await store.revision());
    const { target } = server;
    const put = async (name: string, v: string): Promise<number | undefined> => {
      const answer = await target.call('PATCH', `${collection}/${name}?fieldManager=m&force=true`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { v } }, 'application/apply-patch+yaml').catch(() => undefined);
      return answer && answer.status < 300 ? Number(answer.body.metadata.resourceVersion) : undefined;
    };
    const lasting = Array.from({ length: lastingCount }, (_, i) => `s-${String(i).padStart(4, '0')}`);
    let newest = 0;
    await Promise.all(Array.from({ length: 8 }, async (_, part) => {
      for (let i = part; i < lasting.length; i += 8) newest = Math.max(newest, (await put(lasting[i], 'lasting')) ?? 0);
    }));

    const until = realClock.monotonic() + forMs;
    const running = () => realClock.monotonic() < until;
    const revisions: number[] = [newest];
    const chance = dice(`${seed} earlier`);
    const common = { target, running, lasting, seen, earlier: () => revisions[Math.max(0, revisions.length - 1 - chance.below(400))] };
    const reader = (name: string): ReaderOptions => ({ ...common, name, dice: dice(`${seed} ${name}`) });
    const watchers = [0, 1].map((i) => startWatcher(`watcher ${i}`, [target], 0));
    const churn = async (part: number): Promise<void> => {
      const { below, once } = dice(`${seed} churn ${part}`);
      while (running()) {
        const name = `${'amz'[below(3)]}-${part}-${below(20)}`;
        if (once(4)) await target.call('DELETE', `${collection}/${name}`).catch(() => undefined);
        else {
          const revision = await put(name, `${part}.${writes}`);
          if (revision) revisions.push(revision);
          else await realClock.sleep(20);
        }
        writes++;
      }
    };
    const compact = async (): Promise<void> => {
      let last = await store.revision();
      while (running()) {
        await realClock.sleep(compactMs);
        const now = await store.revision();
        await store.compact(last).then(() => compactions++, () => undefined);
        last = now;
      }
    };
    const restart = async (): Promise<void> => {
      for (let next = realClock.monotonic() + restartMs; running(); await realClock.sleep(50)) {
        if (realClock.monotonic() < next) continue;
        await server.kill();
        await server.start();
        next = realClock.monotonic() + restartMs;
      }
    };
    await Promise.all([compact(), restart(), ...[0, 1, 2].map(churn), ...[0, 1, 2].map((i) => runPager(reader(`pager ${i}`))), runExactLists(reader('exact lists')), ...[0, 1].map((i) => runLateWatches(reader(`late ${i}`)))]);

    const last = (await put('z-last', 'last'))!;
    const caughtUp = await Promise.all(watchers.map((watcher) => watcher.reached(last, catchUpMs)));
    say('watchers do not catch up', caughtUp.flatMap((reached, i) => (reached ? [] : [`watcher ${i} has not reached revision ${last}`])));
    for (const watcher of watchers) await watcher.stop();
    relists = watchers.reduce((sum, watcher) => sum + watcher.relists(), 0);
    for (const limit = realClock.monotonic() + catchUpMs; recorder.log.at(-1)?.revision !== last && realClock.monotonic() < limit; await realClock.sleep(20));
    await recorder.stop();
    const mine = recorder.log.filter(({ key }) => key !== 'kube-root-ca.crt');
    say('a reader was answered wrongly', seen.wrong);
    say('a watch is wrong', [...watchers.flatMap(({ told }) => told), ...seen.watched].flatMap((watched) => checkWatched(mine, watched)));
    say('a list is wrong', checkLists(mine, [], seen.lists));
  } catch (error) {
    findings.push({ title: 'the servers could not be worked with', detail: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) });
  } finally {
    await scope.close();
  }
  return { tried: seen.pages + seen.lists.length + seen.watched.length, findings, notes: [`${writes} writes, ${compactions} compactions; ${seen.pages} pages, ${seen.inconsistent} times 410 and on with its token; ${seen.lists.length} exact lists, ${seen.watched.length} late watches, ${seen.gone} times 410; ${relists} relists`] };
}

/** One API server over etcd, which somebody compacts all the time and which is killed now and then. */
export const compaction: FaultSuite = { name: 'compaction-etcd', missing: etcdMissing, run };
