import { seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { SortedEntries } from './sorted-entries.ts';

test('agrees with a sorted array through thousands of insertions and deletions', () => {
  const random = seededRandom('sorted');
  const entries = new SortedEntries<{ key: string; n: number }>();
  const twin = new Map<string, number>();
  const key = () => `/r/${String(random.below(3_000)).padStart(5, '0')}`;
  for (let n = 0; n < 12_000; n++) {
    const k = key();
    if (random.next() < 0.6) {
      entries.set({ key: k, n });
      twin.set(k, n);
    } else expect(entries.delete(k)?.n).toBe(twin.get(k)), twin.delete(k);
    if (n % 400) continue;
    const [start, end] = [key(), key()].sort();
    const wanted = [...twin].filter(([name]) => name >= start && name < end).sort(([a], [b]) => (a < b ? -1 : 1));
    const found: [string, number][] = [];
    entries.scan(start, end, (entry) => void found.push([entry.key, entry.n]));
    expect(found).toEqual(wanted);
    expect(entries.count(start, end)).toBe(wanted.length);
    expect(entries.size).toBe(twin.size);
  }
});
