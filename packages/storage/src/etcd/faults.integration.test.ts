import { realClock, realRuntime } from '@pilothouse/base';
import { afterEach, describe, expect, test } from 'vitest';
import { prefixRange, type Store, StoreUnavailable } from '../contract.ts';
import { startWriter } from '../suite/child.ts';
import { type EtcdProcess, etcdMissing, startEtcd } from '../suite/etcd-process.ts';
import { bytes, line, readWatch, replay, text } from '../suite/support.ts';
import { openEtcdStore } from './etcd-store.ts';

const missing = etcdMissing();

describe.skipIf(missing)(missing ?? 'the etcd store when etcd fails', () => {
  let servers: EtcdProcess[] = [];
  const stores: Store[] = [];
  const openStore = async (options: object = {}): Promise<Store> => {
    const store = await openEtcdStore(realRuntime(), { endpoints: servers.map((s) => s.endpoint), compactionIntervalMs: 0, ...options });
    stores.push(store);
    return store;
  };
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((s) => s.close()));
    await Promise.all(servers.splice(0).map((s) => s.dispose()));
  });

  test('nothing acknowledged is lost, and watches have neither gap nor repeat, while etcd is killed and started again', async () => {
    servers = await startEtcd();
    const store = await openStore();
    const range = prefixRange('/w/');
    const readers = [readWatch(store, range, 1)];
    const acknowledged = new Map<number, string>();
    let unknown = 0;
    let writing = true;
    const writers = Array.from({ length: 8 }, async (_, w) => {
      for (let i = 0; writing; i++) {
        try {
          const { key, modRevision } = await store.put(`/w/${w}-${i % 5}`, bytes(`${w}.${i}`));
          acknowledged.set(modRevision, `${key}=${w}.${i}`);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUnavailable);
          if ((error as StoreUnavailable).outcomeUnknown) unknown++;
        }
      }
    });
    for (let round = 0; round < 4; round++) {
      await realClock.sleep(300);
      await servers[0].kill();
      await realClock.sleep(150);
      await servers[0].start();
      await realClock.sleep(200);
      readers.push(readWatch(store, range, await store.revision()));
    }
    writing = false;
    await Promise.all(writers);
    const end = await store.revision();
    const { entries } = await store.range(range);
    for (const reader of readers) {
      await reader.reached(end);
      await reader.stop();
      const revisions = reader.events.map((e) => e.revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    }
    const told = new Map(readers[0].events.map((e) => [e.revision, `${e.key}=${text(e.value)}`]));
    for (const [revision, what] of acknowledged) expect(told.get(revision)).toBe(what);
    expect([...replay(readers[0].events).values()].sort()).toEqual(entries.map(line).sort());
    expect(acknowledged.size).toBeGreaterThan(100);
    // Each kill cuts at most the writes that were under way.
    expect(unknown).toBeLessThanOrEqual(4 * 8);
  });

  test('what another process was told is written stays, though etcd is killed under it', async () => {
    servers = await startEtcd();
    const writer = startWriter('etcd', servers[0].endpoint, 'x');
    for (let round = 1; round <= 3; round++) {
      await writer.wrote(round * 300);
      await servers[0].kill();
      await servers[0].start();
    }
    await writer.wrote(1_200);
    await writer.kill();
    const store = await openStore();
    const found = new Map((await store.range(prefixRange('/crash/'))).entries.map((e) => [e.key, e.modRevision]));
    expect(writer.acknowledged.size).toBeGreaterThan(500);
    for (const [key, revision] of writer.acknowledged) expect(found.get(key), key).toBeGreaterThanOrEqual(revision);
  });

  test('with three members, reads, writes and watches go on when one is killed and when one hangs', async () => {
    servers = await startEtcd(3);
    const store = await openStore({ requestTimeoutMs: 6_000 });
    const reader = readWatch(store, prefixRange('/k'), 1);
    let last = 0;
    const put = async (value: string) => {
      for (;;) {
        try {
          last = (await store.put('/k', bytes(value))).modRevision;
          return;
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUnavailable);
        }
      }
    };
    await put('before');
    for (const server of servers) {
      await server.kill();
      await put('one is dead');
      expect(text((await store.get('/k')).entry?.value)).toBe('one is dead');
      await server.start();
    }
    servers[0].signal('SIGSTOP');
    expect(text((await store.get('/k')).entry?.value)).toBe('one is dead');
    await put('one hangs');
    servers[0].signal('SIGCONT');
    await reader.reached(last);
    await reader.stop();
    expect([...replay(reader.events).values()]).toEqual((await store.range(prefixRange('/k'))).entries.map(line));
  });

  test('a watch that was cut off while history was compacted is told that it was too slow, or misses nothing', async () => {
    servers = await startEtcd();
    const store = await openStore({ keep: { events: 2, bytes: 1_000 } });
    const abort = new AbortController();
    const batches = store.watch(prefixRange('/k'), { after: 1, signal: abort.signal })[Symbol.asyncIterator]();
    await store.put('/k', bytes('0'));
    expect((await batches.next()).value!.events.length).toBe(1);
    let last = 0;
    for (let i = 0; i < 50; i++) last = (await store.put('/k', bytes(`${i}`))).modRevision;
    const other = await openStore();
    await other.compact(last);
    await expect(batches.next()).rejects.toThrow('compacted');
    abort.abort();
  });

  test('while etcd is away, calls fail in time and say whether a write may have happened', async () => {
    servers = await startEtcd();
    const store = await openStore({ requestTimeoutMs: 1_000 });
    await store.put('/k', bytes('1'));
    await servers[0].kill();
    const began = realClock.now();
    await expect(store.get('/k')).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.health()).rejects.toBeInstanceOf(StoreUnavailable);
    const error = await store.put('/k', bytes('2')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect((error as StoreUnavailable).outcomeUnknown).toBe(false);
    expect(realClock.now() - began).toBeLessThan(4_000);
    await servers[0].start();
    expect(text((await store.get('/k')).entry?.value)).toBe('1');
  });

  test('opening fails in time when no etcd answers', async () => {
    await expect(openEtcdStore(realRuntime(), { endpoints: ['http://127.0.0.1:1'], requestTimeoutMs: 500 })).rejects.toBeInstanceOf(StoreUnavailable);
  });
});
