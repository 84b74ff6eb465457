import { fakeClock, realClock, type Runtime, Scope, seededRandom, silentLogger } from '@pilothouse/base';
import { Compacted, openMemoryStore, type Store, type WatchBatch } from '@pilothouse/storage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ResourceCache } from './resource-cache.ts';
import { StoreFeed } from './store-feed.ts';

const clock = fakeClock();
const runtime: Runtime = { clock, random: seededRandom(1), log: silentLogger };
const settle = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => realClock.soon(resolve));
};
const cacheOf = (plural: string) => new ResourceCache({ prefix: `/registry/${plural}/`, namespaced: true, indexer: { fields: {}, parsed() {} }, reader: { head: Buffer.from('{'), foreign: (value) => JSON.parse(value.toString()) }, clock });
const names = (cache: ResourceCache): string => {
  const found: string[] = [];
  cache.scan('', undefined, (object) => void found.push(`${object.name}@${object.revision}`));
  return found.join(' ');
};

let store: Store;
let scope: Scope;
/** Makes the watch that runs now end with an error. */
let breakWatch: (error: Error) => void;

/** The memory store, with a watch that a test can break. */
function breakable(inner: Store): Store {
  return {
    ...inner,
    async *watch(range, options): AsyncGenerator<WatchBatch> {
      const broken = new Promise<never>((_, reject) => {
        breakWatch = reject;
      });
      broken.catch(() => {});
      const batches = inner.watch(range, options)[Symbol.asyncIterator]();
      for (;;) {
        const next = await Promise.race([batches.next(), broken]);
        if (next.done) return;
        yield next.value;
      }
    },
  };
}

beforeEach(() => {
  store = openMemoryStore(runtime);
  scope = new Scope('test');
});
afterEach(async () => {
  await scope.close();
  await store.close();
});

const put = async (key: string): Promise<number> => {
  const [, name = ''] = /([^/]+)$/.exec(key) ?? [];
  return (await store.put(`/registry/${key}`, Buffer.from(JSON.stringify({ kind: 'X', apiVersion: 'v1', metadata: { name, namespace: 'ns', uid: name } })))).modRevision;
};

test('a write anywhere moves every cache on, so that one revision says how far all are', async () => {
  const feed = new StoreFeed(store, runtime);
  const [pods, secrets] = [cacheOf('pods'), cacheOf('secrets')];
  await feed.add(pods);
  await feed.add(secrets);
  const first = await put('pods/ns/a');
  await feed.start(scope);
  expect([names(pods), feed.revision]).toEqual([`a@${first}`, first]);
  const second = await put('secrets/ns/s');
  expect(await feed.waitFor(second, 1_000)).toBe(true);
  expect([pods.revision, names(pods), names(secrets)]).toEqual([second, `a@${first}`, `s@${second}`]);
});

test('a broken watch resumes where it was: no change is lost or seen twice, and clients notice nothing', async () => {
  const feed = new StoreFeed(breakable(store), runtime);
  const pods = cacheOf('pods');
  await feed.add(pods);
  await feed.start(scope);
  const watcher = pods.watch({ namespace: '', name: '' }, undefined);
  await settle();
  const a = await put('pods/ns/a');
  await settle();
  breakWatch(new Error('connection reset'));
  const b = await put('pods/ns/b');
  await settle();
  await clock.advanceAsync(100);
  expect(names(pods)).toBe(`a@${a} b@${b}`);
  expect((await watcher.take())!.map((delivery) => `${delivery.type} ${delivery.revision}`)).toEqual([`ADDED ${a}`, `ADDED ${b}`]);
  expect(watcher.ended).toBeUndefined();
});

test('where history is gone everything is listed anew, and watches end', async () => {
  const feed = new StoreFeed(breakable(store), runtime);
  const pods = cacheOf('pods');
  await feed.add(pods);
  await put('pods/ns/gone');
  await feed.start(scope);
  const changes: string[] = [];
  pods.follow((object, old) => changes.push(`${object?.name ?? '-'}<-${old?.name ?? '-'}`));
  const watcher = pods.watch({ namespace: '', name: '' }, pods.revision);
  await settle();
  breakWatch(new Compacted(99));
  await store.delete('/registry/pods/ns/gone');
  const b = await put('pods/ns/b');
  await settle();
  await clock.advanceAsync(100);
  expect(names(pods)).toBe(`b@${b}`);
  expect(watcher.ended).toBe('done');
  expect(changes).toEqual(['gone<--', 'b<--', '-<-gone']);
});

test('a cache that comes later has what is there, and what is written while it is filled', async () => {
  const feed = new StoreFeed(store, runtime);
  await feed.start(scope);
  const a = await put('example.com/widgets/ns/a');
  const widgets = cacheOf('example.com/widgets');
  const adding = feed.add(widgets);
  const b = await put('example.com/widgets/ns/b');
  await adding;
  await feed.waitFor(b, 1_000);
  expect(names(widgets)).toBe(`a@${a} b@${b}`);
});
