import { fakeClock, realRuntime } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { prefixRange, RevisionConflict, StoreUnavailable } from '../contract.ts';
import { bytes, line, readWatch, text } from '../suite/support.ts';
import { type Change, type Journal, openMvccStore } from './store.ts';

/** A journal whose appends wait until they are let through, or made to fail. */
function heldJournal() {
  const values = new Map<number, Uint8Array>();
  const batches: { changes: readonly Change[]; done(): void; fail(error: Error, keep?: boolean): void }[] = [];
  let last = 1;
  const journal: Journal = {
    append: (changes) => new Promise((resolve, reject) => {
      const keep = () => {
        for (const c of changes) values.set(c.revision, c.value);
        last = changes.at(-1)!.revision;
      };
      batches.push({ changes, done: () => (keep(), resolve()), fail: (error, kept) => (kept && keep(), reject(error)) });
    }),
    value: (revision) => values.get(revision),
    forget: (revisions) => revisions.forEach((r) => values.delete(r)),
    intact: (committed) => last === committed,
    size: () => values.size,
    close() {},
  };
  const next = async () => {
    for (let i = 0; i < 100 && batches.length === 0; i++) await new Promise((resolve) => setImmediate(resolve));
    return batches.shift()!;
  };
  return { journal, next, batches };
}

const setUp = () => {
  const clock = fakeClock();
  const held = heldJournal();
  return { clock, ...held, store: openMvccStore({ ...realRuntime(), clock }, held.journal, { historyMs: 600_000, progressMs: 100 }) };
};

test('writes that come while others are made durable share the next batch, and none is seen before it is durable', async () => {
  const { store, next } = setUp();
  const reader = readWatch(store, prefixRange('/'), 1);
  const first = store.put('/a', bytes('1'));
  const rest = [store.put('/b', bytes('1')), store.put('/a', bytes('2')), store.delete('/b')];
  const conflict = store.put('/a', bytes('3'), { ifRevision: 0 }).catch((e: unknown) => e);
  expect((await store.range(prefixRange('/'))).count).toBe(0);
  expect(await store.revision()).toBe(1);
  const one = await next();
  expect(one.changes.map((c) => c.key)).toEqual(['/a']);
  one.done();
  await first;
  expect((await store.range(prefixRange('/'))).entries.map(line)).toEqual(['/a=1 2 2']);
  const two = await next();
  expect(two.changes.map((c) => c.key)).toEqual(['/b', '/a', '/b']);
  await reader.reached(2);
  expect(reader.events.map((e) => e.revision)).toEqual([2]);
  two.done();
  await Promise.all(rest);
  expect(text(((await conflict) as RevisionConflict).current?.value)).toBe('2');
  await reader.reached(5);
  expect(reader.events.map((e) => e.revision)).toEqual([2, 3, 4, 5]);
  await store.close();
});

test('a batch that fails and left nothing is taken back with what was decided on it, and the store goes on', async () => {
  const { store, next, clock } = setUp();
  const before = store.put('/a', bytes('1'), { ttlSeconds: 10 });
  (await next()).done();
  await before;
  const failing = [store.put('/a', bytes('2')), store.put('/new', bytes('1')), store.delete('/a'), store.put('/new', bytes('2'), { ifRevision: 0 })].map((p) => p.catch((e: unknown) => e));
  const batch = await next();
  batch.fail(new Error('disk full'));
  for (const error of await Promise.all(failing)) {
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect((error as StoreUnavailable).outcomeUnknown).toBe(false);
  }
  expect((await store.range(prefixRange('/'))).entries.map(line)).toEqual(['/a=1 2 2']);
  const after = store.put('/new', bytes('3'), { ifRevision: 0 });
  (await next()).done();
  expect((await after).modRevision).toBe(3);
  // The time to live that the failed write had ended is in force again.
  clock.advance(10_000);
  (await next()).done();
  await clock.advanceAsync(0);
  expect((await store.range(prefixRange('/'))).entries.map((e) => e.key)).toEqual(['/new']);
  await store.close();
});

test('when it is unknown what a failed batch left, writes are refused from then on', async () => {
  const { store, next } = setUp();
  const failing = store.put('/a', bytes('1')).catch((e: unknown) => e);
  (await next()).fail(new Error('I/O error'), true);
  expect(((await failing) as StoreUnavailable).outcomeUnknown).toBe(true);
  await expect(store.put('/b', bytes('1'))).rejects.toBeInstanceOf(StoreUnavailable);
  await expect(store.health()).rejects.toBeInstanceOf(StoreUnavailable);
  expect((await store.range(prefixRange('/'))).count).toBe(0);
  await store.close();
});
