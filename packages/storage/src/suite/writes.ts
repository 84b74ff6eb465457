import { expect, test } from 'vitest';
import { prefixRange, RevisionConflict } from '../contract.ts';
import { longestKeyBytes } from '../keys.ts';
import type { Subject } from './conformance.ts';
import { bytes, line, text } from './support.ts';

/** Where a key stands when a write with a precondition meets it. */
const preconditions: { name: string; exists: boolean; ifRevision: 'none' | 'zero' | 'current' | 'older'; succeeds: boolean }[] = [
  { name: 'no condition, absent', exists: false, ifRevision: 'none', succeeds: true },
  { name: 'no condition, present', exists: true, ifRevision: 'none', succeeds: true },
  { name: 'must not exist, absent', exists: false, ifRevision: 'zero', succeeds: true },
  { name: 'must not exist, present', exists: true, ifRevision: 'zero', succeeds: false },
  { name: 'the current revision', exists: true, ifRevision: 'current', succeeds: true },
  { name: 'an older revision', exists: true, ifRevision: 'older', succeeds: false },
  { name: 'a revision, absent', exists: false, ifRevision: 'older', succeeds: false },
];

export function writeTests(subject: Subject): void {
  const { at } = subject;

  test('a write gets a greater revision than all before; the create revision lasts until the key is deleted', async () => {
    const { store } = subject;
    const before = await store.revision();
    const a1 = await store.put(at('a'), bytes('1'));
    const a2 = await store.put(at('a'), bytes('2'));
    expect(a1.modRevision).toBeGreaterThan(before);
    expect(a1.createRevision).toBe(a1.modRevision);
    expect(a2.modRevision).toBeGreaterThan(a1.modRevision);
    expect(a2.createRevision).toBe(a1.modRevision);
    const gone = (await store.delete(at('a')))!;
    expect(gone.revision).toBeGreaterThan(a2.modRevision);
    expect(line(gone.previous)).toBe(`${at('a')}=2 ${a1.createRevision} ${a2.modRevision}`);
    const a3 = await store.put(at('a'), bytes('3'));
    expect(a3.createRevision).toBe(a3.modRevision);
    expect(line((await store.get(at('a'))).entry!)).toBe(line(a3));
  });

  test('deleting what is not there changes nothing', async () => {
    const { store } = subject;
    const before = await store.revision();
    expect(await store.delete(at('a'))).toBeUndefined();
    expect(await store.revision()).toBe(before);
  });

  for (const verb of ['put', 'delete'] as const) {
    test.each(preconditions)(`${verb} with a precondition: $name`, async ({ exists, ifRevision, succeeds }) => {
      const { store } = subject;
      const first = await store.put(at('a'), bytes('first'));
      let current = await store.put(at('a'), bytes('second'));
      if (!exists) await store.delete(at('a'));
      else current = (await store.get(at('a'))).entry!;
      const options = ifRevision === 'none' ? {} : { ifRevision: { zero: 0, current: current.modRevision, older: first.modRevision }[ifRevision] };
      const before = await store.revision();
      const act = verb === 'put' ? store.put(at('a'), bytes('new'), options) : store.delete(at('a'), options);
      if (succeeds) {
        await act;
        expect(text((await store.get(at('a'))).entry?.value)).toBe(verb === 'put' ? 'new' : undefined);
        return;
      }
      const error = await act.then(() => undefined, (e: unknown) => e);
      expect(error).toBeInstanceOf(RevisionConflict);
      expect((error as RevisionConflict).key).toBe(at('a'));
      const there = (error as RevisionConflict).current;
      expect(there && line(there)).toBe(exists ? line(current) : undefined);
      expect(await store.revision()).toBe(before);
    });
  }

  test('a write is visible to every read once it is acknowledged', async () => {
    const { store } = subject;
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const put = await store.put(at(`k${i}`), bytes(`${i}`));
      expect(await store.revision()).toBeGreaterThanOrEqual(put.modRevision);
      expect(text((await store.get(at(`k${i}`))).entry?.value)).toBe(`${i}`);
    }));
    expect((await store.range(prefixRange(at('')), { countOnly: true })).count).toBe(50);
  });

  test.each([
    ['empty', ''],
    ['with half a surrogate pair', '/a\ud800b'],
    ['too long', `/${'x'.repeat(longestKeyBytes)}`],
  ])('a key that is %s is refused', async (_, key) => {
    await expect(subject.store.put(key, bytes('x'))).rejects.toBeInstanceOf(RangeError);
  });

  test('keys may be long and hold any characters, and are ordered by their bytes', async () => {
    const { store } = subject;
    const names = ['', '\0', '\0\0', '\u0001', ' ', '%2F', '/', 'A', 'a', 'a\0', 'a\0b', 'aa', '~', '\x7f', '\x80', 'é', '\u0fff', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}', 'z'.repeat(1200)];
    for (const name of names.toReversed()) await store.put(at(name), bytes(name));
    const sorted = names.map(at).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const { entries } = await store.range(prefixRange(at('')));
    expect(entries.map((e) => e.key)).toEqual(sorted);
    expect(entries.map((e) => at(text(e.value)!))).toEqual(sorted);
    for (const key of sorted) expect((await store.get(key)).entry?.key).toBe(key);
  });

  test('values come back as they were, empty ones and those of 1.5 MB too', async () => {
    const { store } = subject;
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const large = Buffer.alloc(1_500_000, every);
    const values = { empty: new Uint8Array(0), every, large, page: Buffer.alloc(4096, 'p') };
    for (const [name, value] of Object.entries(values)) await store.put(at(name), value);
    for (const [name, value] of Object.entries(values)) expect(Buffer.compare((await store.get(at(name))).entry!.value, value), name).toBe(0);
    const gone = await store.delete(at('large'));
    expect(Buffer.compare(gone!.previous.value, large)).toBe(0);
    // More than one message of a transport usually may hold.
    for (let i = 0; i < 5; i++) await store.put(at(`large${i}`), large);
    expect((await store.range(prefixRange(at('large')))).entries.reduce((sum, e) => sum + e.value.length, 0)).toBe(5 * large.length);
  });
}
