import { expect, test } from 'vitest';
import { FutureRevision, prefixRange } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, line, text } from './support.ts';

export function readTests(subject: Subject): void {
  const { at } = subject;

  test('a range has its start and not its end, in key order', async () => {
    const { store } = subject;
    for (const name of ['c', 'a', 'e', 'b', 'd']) await store.put(at(name), bytes(name));
    const names = async (start: string, end: string) => (await store.range({ start: at(start), end: at(end) })).entries.map((e) => text(e.value)).join('');
    expect(await names('b', 'd')).toBe('bc');
    expect(await names('', 'z')).toBe('abcde');
    expect(await names('bb', 'dd')).toBe('cd');
    expect(await names('d', 'b')).toBe('');
    expect(await names('b', 'b')).toBe('');
  });

  test('a range without end goes to the last key', async () => {
    const { store } = subject;
    await store.put(at('\u{10ffff}a'), bytes('last'));
    const { entries } = await store.range({ start: at('\u{10ffff}'), end: '' });
    expect(entries.map((e) => e.key)).toContain(at('\u{10ffff}a'));
  });

  test('the range of a prefix has no sibling that merely begins alike', async () => {
    const { store } = subject;
    for (const name of ['pods', 'pods/', 'pods/a', 'pods/b/c', 'pods0', 'podsx/a', 'pod/a']) await store.put(at(name), bytes(name));
    expect((await store.range(prefixRange(at('pods/')))).entries.map((e) => text(e.value))).toEqual(['pods/', 'pods/a', 'pods/b/c']);
  });

  test.each([
    { limit: undefined, names: 'abcde', more: false },
    { limit: 0, names: 'abcde', more: false },
    { limit: 2, names: 'ab', more: true },
    { limit: 5, names: 'abcde', more: false },
    { limit: 6, names: 'abcde', more: false },
  ])('limit $limit gives $names, and counts all', async ({ limit, names, more }) => {
    const { store } = subject;
    for (const name of 'abcdef') await store.put(at(name), bytes(name));
    await store.delete(at('f'));
    const result = await store.range(prefixRange(at('')), { limit });
    expect(result.entries.map((e) => text(e.value)).join('')).toBe(names);
    expect(result.more).toBe(more);
    expect(result.count).toBe(5);
    expect(result.revision).toBe(await store.revision());
  });

  test('counting gives no entries', async () => {
    const { store } = subject;
    for (const name of 'abc') await store.put(at(name), bytes(name));
    const { entries, count } = await store.range(prefixRange(at('')), { countOnly: true });
    expect({ entries, count }).toEqual({ entries: [], count: 3 });
  });

  test('the past stays as it was', async () => {
    const { store } = subject;
    const r0 = await store.revision();
    const { modRevision: r1 } = await store.put(at('a'), bytes('a1'));
    const { modRevision: r2 } = await store.put(at('b'), bytes('b1'));
    const { modRevision: r3 } = await store.put(at('a'), bytes('a2'));
    const { revision: r4 } = (await store.delete(at('b')))!;
    const { modRevision: r5 } = await store.put(at('b'), bytes('b2'));
    const expected: [number, string[]][] = [
      [r0, []],
      [r1, [`${at('a')}=a1 ${r1} ${r1}`]],
      [r2, [`${at('a')}=a1 ${r1} ${r1}`, `${at('b')}=b1 ${r2} ${r2}`]],
      [r3, [`${at('a')}=a2 ${r1} ${r3}`, `${at('b')}=b1 ${r2} ${r2}`]],
      [r4, [`${at('a')}=a2 ${r1} ${r3}`]],
      [r5, [`${at('a')}=a2 ${r1} ${r3}`, `${at('b')}=b2 ${r5} ${r5}`]],
    ];
    for (const [revision, lines] of expected) {
      const result = await store.range(prefixRange(at('')), { revision });
      expect(result.entries.map(line)).toEqual(lines);
      expect(result.count).toBe(lines.length);
      expect(result.revision).toBeGreaterThanOrEqual(revision);
      const b = (await store.get(at('b'), { revision })).entry;
      expect(b && line(b)).toBe(lines.find((l) => l.startsWith(at('b'))));
    }
    // Revision 0 stands for the newest.
    expect((await store.range(prefixRange(at('')), { revision: 0 })).entries.map(line)).toEqual(expected.at(-1)![1]);
  });

  test('a revision that does not exist yet cannot be read', async () => {
    const { store } = subject;
    const { modRevision } = await store.put(at('a'), bytes('1'));
    await expect(store.get(at('a'), { revision: modRevision + 1000 })).rejects.toBeInstanceOf(FutureRevision);
    await expect(store.range(prefixRange(at('')), { revision: modRevision + 1000 })).rejects.toBeInstanceOf(FutureRevision);
  });

  test('pages at one revision make up what was there then, while writes go on', async () => {
    const { store } = subject;
    const range = prefixRange(at(''));
    for (let i = 0; i < 95; i++) await store.put(at(`k${String(i).padStart(3, '0')}`), bytes(`${i}`));
    await store.delete(at('k007'));
    const { entries: whole, revision } = await store.range(range);
    const pages: string[] = [];
    let start = range.start;
    for (let page = 0; ; page++) {
      const result = await store.range({ start, end: range.end }, { revision, limit: 10 });
      pages.push(...result.entries.map(line));
      expect(result.count).toBe(94 - 10 * page);
      expect(result.more).toBe(result.count > 10);
      if (!result.more) break;
      start = `${result.entries.at(-1)!.key}\0`;
      await store.put(at(`k${String(page * 7).padStart(3, '0')}`), bytes('changed'));
      await store.put(at(`k${String(page * 9).padStart(3, '0')}x`), bytes('new'));
      await store.delete(at(`k${String(90 - page).padStart(3, '0')}`));
    }
    expect(pages).toEqual(whole.map(line));
  });

  test('a long range is whole at its revision though writes go on', async () => {
    const { store } = subject;
    const names = Array.from({ length: 5_000 }, (_, i) => at(`k${String(i).padStart(5, '0')}`));
    for (let i = 0; i < names.length; i += 250) await Promise.all(names.slice(i, i + 250).map((name) => store.put(name, bytes('old'))));
    const reading = store.range(prefixRange(at('')));
    const writing = Promise.all(names.slice(-200).map((name) => store.put(name, bytes('new'))));
    const { entries, revision, count } = await reading;
    await writing;
    expect(entries.length).toBe(5_000);
    expect(count).toBe(5_000);
    const again = await store.range(prefixRange(at('')), { revision });
    expect(again.entries.map(line)).toEqual(entries.map(line));
  });
}
