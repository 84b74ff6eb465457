import { expect, test } from 'vitest';
import { Compacted, FutureRevision, prefixRange, WatcherTooSlow } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, line, readWatch } from './support.ts';

export function compactionTests(subject: Subject): void {
  const { at } = subject;

  test('after compaction the past cannot be read or watched, the revision compacted at and all later can', async () => {
    const { store } = subject;
    const range = prefixRange(at(''));
    const { modRevision: first } = await store.put(at('a'), bytes('1'));
    await store.put(at('b'), bytes('1'));
    await store.put(at('a'), bytes('2'));
    const { revision: floor } = (await store.delete(at('b')))!;
    const { modRevision: last } = await store.put(at('a'), bytes('3'));
    await store.compact(floor);
    expect(await store.compactedRevision()).toBe(floor);
    for (const revision of [first, floor - 1]) {
      await expect(store.get(at('a'), { revision })).rejects.toBeInstanceOf(Compacted);
      const error = await store.range(range, { revision }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Compacted);
      expect((error as Compacted).compactedRevision).toBe(floor);
      const watched = readWatch(store, range, revision);
      expect(await watched.ended).toBeInstanceOf(Compacted);
    }
    expect((await store.range(range, { revision: floor })).entries.map(line)).toEqual([`${at('a')}=2 ${first} ${floor - 1}`]);
    expect((await store.range(range)).entries.map(line)).toEqual([`${at('a')}=3 ${first} ${last}`]);
    const reader = readWatch(store, range, floor);
    await reader.reached(last);
    await reader.stop();
    expect(reader.events.map((e) => e.revision)).toEqual([last]);
  });

  test('compacting twice, or in the future, is refused', async () => {
    const { store } = subject;
    await store.put(at('a'), bytes('1'));
    const { modRevision } = await store.put(at('a'), bytes('2'));
    await store.compact(modRevision);
    await expect(store.compact(modRevision)).rejects.toBeInstanceOf(Compacted);
    await expect(store.compact(modRevision - 1)).rejects.toBeInstanceOf(Compacted);
    await expect(store.compact(modRevision + 100)).rejects.toBeInstanceOf(FutureRevision);
    expect((await store.get(at('a'), { revision: modRevision })).entry?.modRevision).toBe(modRevision);
  });

  test('a reader under way that history overtakes is told it was too slow, or misses nothing', async () => {
    const { store } = subject;
    const abort = new AbortController();
    const after = await store.revision();
    const batches = store.watch(prefixRange(at('')), { after, signal: abort.signal })[Symbol.asyncIterator]();
    await store.put(at('a'), bytes('first'));
    let seen = (await batches.next()).value!.events.length;
    let last = 0;
    for (let i = 0; i < 100; i++) last = (await store.put(at('a'), bytes(`${i}`))).modRevision;
    await store.compact(last);
    try {
      for (let at = 0; at < last; ) {
        const { value } = await batches.next();
        seen += value!.events.length;
        at = value!.revision;
      }
      expect(seen).toBe(101);
    } catch (error) {
      expect(error).toBeInstanceOf(WatcherTooSlow);
    } finally {
      abort.abort();
    }
  });

  test('watches that keep up go on across compactions', async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('')), await store.revision());
    const acknowledged: number[] = [];
    for (let i = 0; i < 60; i++) {
      acknowledged.push((await store.put(at(`k${i % 3}`), bytes(`${i}`))).modRevision);
      if (i % 20 === 10) {
        await reader.reached(acknowledged.at(-1)!);
        await store.compact(acknowledged.at(-3)!);
      }
    }
    await reader.reached(acknowledged.at(-1)!);
    await reader.stop();
    expect(reader.events.map((e) => e.revision)).toEqual(acknowledged);
  });
}
