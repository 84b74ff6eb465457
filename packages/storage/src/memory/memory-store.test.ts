import { fakeClock, realRuntime } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { Compacted, prefixRange } from '../contract.ts';
import { openMemoryStore } from './memory-store.ts';

test('a key with a time to live is deleted when its time has come, unless it was written again', async () => {
  const clock = fakeClock();
  const store = openMemoryStore({ ...realRuntime(), clock });
  await store.put('/a', Buffer.from('1'), { ttlSeconds: 10 });
  await store.put('/b', Buffer.from('1'), { ttlSeconds: 10 });
  await store.put('/b', Buffer.from('2'));
  clock.advance(9_999);
  expect((await store.get('/a')).entry).toBeDefined();
  clock.advance(1);
  expect((await store.get('/a')).entry).toBeUndefined();
  expect((await store.get('/b')).entry?.modRevision).toBe(4);
  await store.close();
  expect(clock.pending()).toBe(0);
});

test('history is forgotten after its time, and what is current stays', async () => {
  const clock = fakeClock();
  const store = openMemoryStore({ ...realRuntime(), clock }, { historyMs: 60_000 });
  for (let i = 0; i < 5; i++) await store.put('/a', Buffer.from([i]));
  await clock.advanceAsync(50_000);
  expect((await store.get('/a', { revision: 2 })).entry?.value[0]).toBe(0);
  await clock.advanceAsync(20_000);
  await expect(store.get('/a', { revision: 2 })).rejects.toThrow(Compacted);
  expect((await store.range(prefixRange('/'))).entries.map((e) => e.value[0])).toEqual([4]);
  expect(await store.size()).toBe(1);
  await store.close();
});
