/** One round: clients and watchers on all servers while something is done to these, then the verdict. */
import { realClock } from '@pilothouse/base';
import { prefixRange, type Store } from '@pilothouse/storage';
import { checkLinearizable } from '@pilothouse/testing/histories/linearizable';
import type { Change } from '@pilothouse/testing/histories/operations';
import { checkLists, checkLog, checkWatched, settle } from '@pilothouse/testing/histories/watches';
import { dice, type Finding } from '../suite.ts';
import type { ApiTarget } from './api-target.ts';
import { collection, type Recorder, runClient } from './clients.ts';
import { checkHoldings, type Holding, runServices, sharedNow } from './services.ts';
import { startWatcher, type Watcher } from './watcher.ts';

export interface RoundOptions {
  /** Part of the names of its objects. */
  name: string;
  seed: string;
  targets: readonly ApiTarget[];
  clients: number;
  forMs: number;
  /** Does things to the servers until it is over; everything runs when it resolves. */
  disturb(until: () => boolean): Promise<void>;
  /** Calls with the store behind the servers, which nothing writes to any more. */
  withStore<T>(read: (store: Store) => Promise<T>): Promise<T>;
}

export interface RoundReport {
  findings: Finding[];
  operations: number;
  /** Writes whose outcome the client did not learn. */
  unknown: number;
  events: number;
  /** Addresses and ports that were given out. */
  allocations: number;
  relists: number;
}

const keysPerRound = 6;
/** Once everything runs again, watchers are to have caught up within this. */
const catchUpMs = 30_000;
const shown = 5;

export async function runRound(options: RoundOptions): Promise<RoundReport> {
  const watchers = options.targets.map((target, i) => startWatcher(`watcher ${i} (${target.name} first)`, options.targets, i));
  try {
    return await judgedRound(options, watchers);
  } finally {
    for (const watcher of watchers) await watcher.stop();
  }
}

async function judgedRound(options: RoundOptions, watchers: readonly Watcher[]): Promise<RoundReport> {
  const { name, targets } = options;
  const prefix = `r${name}-`;
  const recorder: Recorder = { history: [], lists: [] };
  const keys = Array.from({ length: keysPerRound }, (_, i) => `${prefix}${i}`);
  const until = realClock.monotonic() + options.forMs;
  const running = () => realClock.monotonic() < until;
  const clients = Array.from({ length: options.clients }, (_, i) => runClient({ name: `${name}.${i}`, targets, first: i, keys, round: name, dice: dice(`${options.seed} client ${i}`), recorder, running }));
  const holdings: Holding[] = [];
  const services = targets.map((_, i) => runServices({ name: `${name}-${i}`, targets, dice: dice(`${options.seed} services ${i}`), running, holdings }));
  await allEnded([options.disturb(running), ...clients, ...services]);

  const last = await marker(targets, `${prefix}last`);
  const findings: Finding[] = [];
  const say = (title: string, problems: readonly string[]) => {
    if (problems.length) findings.push({ title: `${title} (round ${name}, seed ${options.seed})`, detail: [...problems.slice(0, shown), ...(problems.length > shown ? [`and ${problems.length - shown} more`] : [])].join('\n') });
  };
  const caughtUp = await Promise.all(watchers.map((watcher) => watcher.reached(last, catchUpMs)));
  say('watchers do not catch up', caughtUp.flatMap((reached, i) => (reached ? [] : [`watcher ${i} has not reached revision ${last}`])));
  for (const watcher of watchers) await watcher.stop();
  const consistent = await Promise.all(targets.map((target) => target.call('GET', collection).then(({ body }) => JSON.stringify(body.items.filter((o: any) => o.metadata.name.startsWith(prefix))))));
  say('servers show different states', consistent.flatMap((state, i) => (state === consistent[0] ? [] : [`${targets[i].name}: ${state}\n${targets[0].name}: ${consistent[0]}`])));

  say('an address or a port was given out twice', [...checkHoldings(holdings), ...(await sharedNow(targets[0]))]);

  const log = await options.withStore(changesOf);
  const mine = log.filter((change) => change.key.startsWith(prefix));
  say('answers and store differ', checkLog(mine, recorder.history));
  say('a list is wrong', checkLists(mine, recorder.history, recorder.lists));
  say('a watch is wrong', watchers.flatMap(({ told }) => told.flatMap((watched) => checkWatched(log, watched))));
  const verdict = checkLinearizable(settle(recorder.history, mine));
  if (!verdict.linearizable) say('the history is not linearizable', [`${verdict.key}: ${verdict.explanation}`]);
  return {
    findings,
    operations: recorder.history.length + recorder.lists.length,
    unknown: recorder.history.filter((o) => o.kind === 'write' && o.outcome === 'unknown').length,
    events: watchers.reduce((sum, { told }) => sum + told.reduce((n, { changes }) => n + changes.length, 0), 0),
    allocations: holdings.length,
    relists: watchers.reduce((sum, watcher) => sum + watcher.relists(), 0),
  };
}

/** Waits for all, even when one fails: nothing is to go on with servers that are being closed. */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** A write after all others; its revision. */
async function marker(targets: readonly ApiTarget[], name: string): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const target = targets[attempt % targets.length];
    const answer = await target.call('POST', collection, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data: { v: name } }).catch(() => undefined);
    if (answer?.status === 201) return Number(answer.body.metadata.resourceVersion);
    if (answer?.status === 409) return Number((await target.call('GET', `${collection}/${name}`)).body.metadata.resourceVersion);
    await realClock.sleep(100);
  }
  throw new Error('no server takes writes any more');
}

/** All that happened to ConfigMaps of the namespace, in order, from the store's own history. */
async function changesOf(store: Store): Promise<Change[]> {
  const upTo = await store.revision();
  const prefix = '/registry/configmaps/default/';
  const changes: Change[] = [];
  const abort = new AbortController();
  for await (const batch of store.watch(prefixRange(prefix), { after: 1, signal: abort.signal })) {
    for (const { key, type, value, revision } of batch.events) changes.push({ key: key.slice(prefix.length), revision, value: type === 'put' ? JSON.parse(Buffer.from(value).toString()).data.v : undefined });
    if (batch.revision >= upTo) abort.abort();
    else store.requestProgress();
  }
  return changes;
}
