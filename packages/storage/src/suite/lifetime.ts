import { realClock } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { prefixRange, StoreUnavailable } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, readWatch } from './support.ts';

export function lifetimeTests(subject: Subject): void {
  const { at } = subject;

  test('a key with a time to live is deleted after it, and a watch tells', { timeout: 20_000 }, async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('')), await store.revision());
    await store.put(at('short'), bytes('1'), { ttlSeconds: 2 });
    await store.put(at('kept'), bytes('1'), { ttlSeconds: 2 });
    await store.put(at('kept'), bytes('2'));
    await store.put(at('long'), bytes('1'), { ttlSeconds: 600 });
    const began = realClock.now();
    expect((await store.get(at('short'))).entry).toBeDefined();
    while ((await store.get(at('short'))).entry) await realClock.sleep(50);
    expect(realClock.now() - began).toBeGreaterThan(1_900);
    await reader.reached(await store.revision());
    await reader.stop();
    const last = reader.events.at(-1)!;
    expect([last.type, last.key]).toEqual(['delete', at('short')]);
    expect((await store.range(prefixRange(at('')))).entries.map((e) => e.key)).toEqual([at('kept'), at('long')]);
  });

  test('a store that serves is healthy and knows its size', async () => {
    const { store } = subject;
    await store.health();
    await store.put(at('a'), Buffer.alloc(100_000, 'x'));
    expect(await store.size()).toBeGreaterThanOrEqual(10_000);
  });

  test('closing ends watches quietly, finishes accepted writes, refuses the rest, and can be repeated', async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('')), await store.revision());
    const writes = Array.from({ length: 20 }, (_, i) => store.put(at(`k${i}`), bytes(`${i}`)));
    const closing = store.close();
    await Promise.all([closing, store.close()]);
    expect((await Promise.allSettled(writes)).map((w) => w.status)).toEqual(writes.map(() => 'fulfilled'));
    expect(await reader.ended).toBeUndefined();
    await store.close();
    for (const act of [() => store.get(at('a')), () => store.range(prefixRange(at(''))), () => store.put(at('a'), bytes('1')), () => store.delete(at('a')), () => store.revision(), () => store.health(), () => store.compact(1)]) {
      await expect(act()).rejects.toBeInstanceOf(StoreUnavailable);
    }
    const late = readWatch(store, prefixRange(at('')), 0);
    expect(await late.ended).toBeUndefined();
  });
}
