import { realClock } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { prefixRange } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, readWatch, replay, text, line } from './support.ts';

export function watchTests(subject: Subject): void {
  const { at } = subject;

  test('a watch tells of each write in its range after the revision asked for, with the value before', async () => {
    const { store } = subject;
    await store.put(at('w/a'), bytes('0'));
    const after = await store.revision();
    const a = await store.put(at('w/a'), bytes('1'));
    await store.put(at('other'), bytes('x'));
    const b = await store.put(at('w/b'), bytes('2'));
    const reader = readWatch(store, prefixRange(at('w/')), after);
    const gone = (await store.delete(at('w/a')))!;
    const again = await store.put(at('w/a'), bytes(''));
    await reader.reached(again.modRevision);
    await reader.stop();
    expect(reader.events.map((e) => ({ ...e, value: text(e.value), previous: text(e.previous) }))).toEqual([
      { type: 'put', key: at('w/a'), value: '1', revision: a.modRevision, createRevision: a.createRevision, previous: '0' },
      { type: 'put', key: at('w/b'), value: '2', revision: b.modRevision, createRevision: b.modRevision, previous: undefined },
      { type: 'delete', key: at('w/a'), value: '', revision: gone.revision, createRevision: 0, previous: '1' },
      { type: 'put', key: at('w/a'), value: '', revision: again.modRevision, createRevision: again.modRevision, previous: undefined },
    ]);
  });

  test('a watch can start at any revision of history', async () => {
    const { store } = subject;
    const revisions: number[] = [await store.revision()];
    for (let i = 0; i < 30; i++) revisions.push((await store.put(at(`k${i % 4}`), bytes(`${i}`))).modRevision);
    for (let from = 0; from < revisions.length; from += 3) {
      const reader = readWatch(store, prefixRange(at('')), revisions[from]);
      await reader.reached(revisions.at(-1)!);
      await reader.stop();
      expect(reader.events.map((e) => e.revision)).toEqual(revisions.slice(from + 1));
    }
  });

  test('a watch from a revision to come tells of what is written from then on', async () => {
    const { store } = subject;
    const now = await store.revision();
    const reader = readWatch(store, prefixRange(at('')), now + 2);
    for (let i = 0; i < 4; i++) await store.put(at('a'), bytes(`${i}`));
    await reader.reached(now + 4);
    await reader.stop();
    expect(reader.events.map((e) => text(e.value))).toEqual(['2', '3']);
  });

  test('watches of one key and of all keys', async () => {
    const { store } = subject;
    const after = await store.revision();
    const one = readWatch(store, { start: at('a'), end: at('a\0') }, after);
    const all = readWatch(store, prefixRange(''), after);
    await store.put(at('a'), bytes('1'));
    await store.put(at('a0'), bytes('2'));
    const last = await store.put(at('b'), bytes('3'));
    await Promise.all([one.reached(last.modRevision), all.reached(last.modRevision)]);
    await Promise.all([one.stop(), all.stop()]);
    expect(one.events.map((e) => e.key)).toEqual([at('a')]);
    expect(all.events.map((e) => e.key)).toEqual([at('a'), at('a0'), at('b')]);
  });

  test('a watch that is asked for progress reports a position though nothing happened in its range', async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('quiet/')), await store.revision());
    const { modRevision } = await store.put(at('elsewhere'), bytes('1'));
    await reader.reached(modRevision);
    await reader.stop();
    expect(reader.events).toEqual([]);
    expect(reader.batches.every((b) => b.events.length === 0)).toBe(true);
  });

  test('progress is reported unasked too', async () => {
    const { store } = subject;
    const abort = new AbortController();
    const after = await store.revision();
    const batches = store.watch(prefixRange(at('quiet/')), { after, signal: abort.signal })[Symbol.asyncIterator]();
    const next = batches.next();
    await store.put(at('elsewhere'), bytes('1'));
    const { value } = await next;
    expect(value!.events).toEqual([]);
    expect(value!.revision).toBeGreaterThan(after);
    abort.abort();
    expect((await batches.next()).done).toBe(true);
  });

  test('the revision of a batch is never less than its events’, and positions only rise', async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('w/')), await store.revision());
    let last = 0;
    for (let i = 0; i < 60; i++) {
      last = (await store.put(at(i % 3 ? 'other' : `w/${i}`), bytes(`${i}`))).modRevision;
      if (i % 7 === 0) store.requestProgress();
    }
    await reader.reached(last);
    await reader.stop();
    let position = 0;
    for (const { events, revision } of reader.batches) {
      for (const e of events) {
        expect(e.revision).toBeGreaterThan(position);
        position = e.revision;
      }
      expect(revision).toBeGreaterThanOrEqual(position);
      position = revision;
    }
    expect(reader.events.length).toBe(20);
  });

  test('an aborted watch ends quietly, also before it is read and while it waits', async () => {
    const { store } = subject;
    const after = await store.revision();
    const waiting = readWatch(store, prefixRange(at('')), after);
    await realClock.sleep(20);
    await waiting.stop();
    expect(await waiting.ended).toBeUndefined();
    const abort = new AbortController();
    abort.abort(new Error('gone'));
    const seen = [];
    for await (const batch of store.watch(prefixRange(at('')), { after, signal: abort.signal })) seen.push(batch);
    expect(seen).toEqual([]);
  });

  test('a reader that is slow, or left off for a while, misses nothing', async () => {
    const { store } = subject;
    const after = await store.revision();
    const abort = new AbortController();
    const batches = store.watch(prefixRange(at('')), { after, signal: abort.signal })[Symbol.asyncIterator]();
    await store.put(at('k'), bytes('first'));
    const events = [...(await batches.next()).value!.events];
    let last = 0;
    for (let i = 0; i < 40; i++) for (const e of await Promise.all(Array.from({ length: 50 }, (_, j) => store.put(at(`k${j}`), bytes(`${i}`))))) last = Math.max(last, e.modRevision);
    while (events[events.length - 1].revision < last) events.push(...(await batches.next()).value!.events);
    abort.abort();
    await batches.return?.();
    expect(events.length).toBe(2_001);
    expect(new Set(events.map((e) => e.revision)).size).toBe(2_001);
    const { entries } = await store.range(prefixRange(at('')));
    expect([...replay(events).values()].sort()).toEqual(entries.map(line).sort());
  });

  test('large values come through a watch', async () => {
    const { store } = subject;
    const reader = readWatch(store, prefixRange(at('')), await store.revision());
    const value = Buffer.alloc(1_500_000, 'large');
    let last = 0;
    for (let i = 0; i < 4; i++) last = (await store.put(at('a'), value)).modRevision;
    await reader.reached(last);
    await reader.stop();
    expect(reader.events.length).toBe(4);
    expect(Buffer.compare(reader.events[3].value, value)).toBe(0);
    expect(Buffer.compare(reader.events[3].previous!, value)).toBe(0);
  });
}
