import { realClock } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { prefixRange, RevisionConflict } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, line, readWatch, replay, text } from './support.ts';

export function concurrencyTests(subject: Subject): void {
  const { at } = subject;

  test('of many that create a key, exactly one wins, and the others see what won', async () => {
    const { store } = subject;
    for (let round = 0; round < 10; round++) {
      const key = at(`k${round}`);
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.put(key, bytes(`${i}`), { ifRevision: 0 })));
      const won = outcomes.filter((o) => o.status === 'fulfilled');
      expect(won.length).toBe(1);
      for (const o of outcomes) {
        if (o.status === 'fulfilled') continue;
        expect(o.reason).toBeInstanceOf(RevisionConflict);
        expect(line(o.reason.current)).toBe(line(won[0].value));
      }
    }
  });

  test('of many that update or delete a key at one revision, exactly one wins', async () => {
    const { store } = subject;
    const { modRevision } = await store.put(at('a'), bytes('0'));
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => (i % 3 ? store.put(at('a'), bytes(`${i}`), { ifRevision: modRevision }) : store.delete(at('a'), { ifRevision: modRevision }))));
    expect(outcomes.filter((o) => o.status === 'fulfilled').length).toBe(1);
    for (const o of outcomes) if (o.status === 'rejected') expect(o.reason).toBeInstanceOf(RevisionConflict);
  });

  test('increments by compare-and-swap are not lost', async () => {
    const { store } = subject;
    await store.put(at('n'), bytes('0'));
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let done = 0; done < 10; ) {
        const { entry } = await store.get(at('n'));
        try {
          await store.put(at('n'), bytes(`${Number(text(entry!.value)) + 1}`), { ifRevision: entry!.modRevision });
          done++;
        } catch (error) {
          if (!(error instanceof RevisionConflict)) throw error;
        }
      }
    }));
    expect(text((await store.get(at('n'))).entry!.value)).toBe('80');
  });

  test('watches that start at any time under concurrent writers have neither gap nor repeat', async () => {
    const { store } = subject;
    const range = prefixRange(at('w/'));
    const begin = await store.revision();
    const acknowledged: number[] = [];
    let writing = true;
    const writers = Array.from({ length: 6 }, async (_, w) => {
      for (let i = 0; i < 60; i++) {
        const key = at(`${i % 5 ? 'w' : 'v'}/${(w * 7 + i) % 11}`);
        if (i % 6 === 4) {
          const gone = await store.delete(key);
          if (gone && key.startsWith(at('w/'))) acknowledged.push(gone.revision);
        } else {
          const put = await store.put(key, bytes(`${w}.${i}`));
          if (key.startsWith(at('w/'))) acknowledged.push(put.modRevision);
        }
      }
    });
    const lists: { after: number; seen: string[]; reader: ReturnType<typeof readWatch> }[] = [];
    const starter = (async () => {
      while (writing && lists.length < 20) {
        // As a client does: list, then watch from the list's revision.
        const { entries, revision } = await store.range(range);
        lists.push({ after: revision, seen: entries.map(line), reader: readWatch(store, range, revision) });
        await realClock.sleep(3);
      }
    })();
    const fromBegin = readWatch(store, range, begin);
    await Promise.all(writers);
    writing = false;
    await starter;
    // Some start when all is history.
    for (const after of [begin, ...acknowledged.slice(0, 40).filter((_, i) => i % 8 === 0)]) lists.push({ after, seen: (await store.range(range, { revision: after })).entries.map(line), reader: readWatch(store, range, after) });
    const end = await store.revision();
    const { entries } = await store.range(range);
    const final = entries.map(line);
    await fromBegin.reached(end);
    await fromBegin.stop();
    expect(fromBegin.events.map((e) => e.revision)).toEqual(acknowledged.sort((a, b) => a - b));
    for (const { after, seen, reader } of lists) {
      await reader.reached(end);
      await reader.stop();
      expect(reader.events.map((e) => e.revision)).toEqual(acknowledged.filter((r) => r > after));
      const state = replay(reader.events);
      const touched = new Set(reader.events.map((e) => e.key));
      const kept = seen.filter((l) => !touched.has(l.slice(0, l.indexOf('='))));
      expect([...kept, ...state.values()].sort()).toEqual(final.toSorted());
    }
    for (let i = 1, before = new Map<string, string>(); i <= fromBegin.events.length; i++) {
      const e = fromBegin.events[i - 1];
      expect(text(e.previous)).toBe(before.get(e.key));
      if (e.type === 'put') before.set(e.key, text(e.value)!);
      else before.delete(e.key);
    }
  });
}
