import { type Random, realRandom, seededRandom } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { Compacted, prefixRange, type Revision, RevisionConflict, type Store } from '../contract.ts';
import type { Subject } from './conformance.ts';
import { bytes, line, readWatch, text } from './support.ts';

/** A store as one would first write it: every event kept, every question answered by going through all of them. */
class Oracle {
  readonly events: { key: string; value: string | undefined; revision: Revision }[] = [];
  floor: Revision = 0;

  state(revision: Revision): Map<string, string> {
    const created = new Map<string, Revision>();
    const lines = new Map<string, string>();
    for (const e of this.events) {
      if (e.revision > revision) break;
      if (e.value === undefined) {
        created.delete(e.key);
        lines.delete(e.key);
      } else {
        if (!created.has(e.key)) created.set(e.key, e.revision);
        lines.set(e.key, `${e.key}=${e.value} ${created.get(e.key)} ${e.revision}`);
      }
    }
    return lines;
  }

  list(start: string, end: string, revision: Revision): string[] {
    const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    return [...this.state(revision)].filter(([key]) => order(key, start) >= 0 && order(key, end) < 0).sort((a, b) => order(a[0], b[0])).map(([, l]) => l);
  }

  modRevision(key: string): Revision {
    const last = this.events.findLast((e) => e.key === key);
    return last?.value === undefined ? 0 : last.revision;
  }
}

const steps = 500;

async function play(store: Store, at: (name: string) => string, random: Random): Promise<void> {
  const oracle = new Oracle();
  const begin = await store.revision();
  oracle.floor = begin;
  const names = Array.from({ length: 12 }, (_, i) => at(`${random.suffix(1 + random.below(3))}${['', '/', '\0', '\u{1f600}', '\uff21'][i % 5]}`));
  const pick = <T>(of: readonly T[]): T => of[random.below(of.length)];
  const all = prefixRange(at(''));
  const readers: { after: Revision; reader: ReturnType<typeof readWatch> }[] = [{ after: begin, reader: readWatch(store, all, begin) }];
  const newest = () => oracle.events.at(-1)?.revision ?? begin;
  const past = () => oracle.floor + random.below(newest() - oracle.floor + 1);

  const moves: Record<string, () => Promise<void>> = {
    async put() {
      const key = pick(names);
      const value = random.suffix(random.below(20));
      const current = oracle.modRevision(key);
      const ifRevision = pick([undefined, current, 0, newest()]);
      const outcome = await store.put(key, bytes(value), { ifRevision }).catch((e: unknown) => e);
      if (ifRevision !== undefined && ifRevision !== current) expect(outcome).toBeInstanceOf(RevisionConflict);
      else {
        oracle.events.push({ key, value, revision: (outcome as { modRevision: Revision }).modRevision });
        expect(line(outcome as never)).toBe(oracle.state(newest()).get(key));
      }
    },
    async delete() {
      const key = pick(names);
      const current = oracle.modRevision(key);
      const ifRevision = pick([undefined, current, current, newest()]);
      const before = oracle.state(newest()).get(key);
      const outcome = await store.delete(key, { ifRevision }).catch((e: unknown) => e);
      if (ifRevision !== undefined && ifRevision !== current) expect(outcome).toBeInstanceOf(RevisionConflict);
      else if (current === 0) expect(outcome).toBeUndefined();
      else {
        const { revision, previous } = outcome as { revision: Revision; previous: never };
        expect(line(previous)).toBe(before);
        oracle.events.push({ key, value: undefined, revision });
      }
    },
    async range() {
      const [start, end] = [pick(names), pick(names)];
      const revision = pick([undefined, past()]);
      const limit = pick([undefined, 1, 3]);
      const result = await store.range({ start, end }, { revision, limit });
      const expected = oracle.list(start, end, revision ?? newest());
      expect(result.entries.map(line)).toEqual(limit ? expected.slice(0, limit) : expected);
      expect(result.count).toBe(expected.length);
      expect(result.more).toBe(result.entries.length < expected.length);
    },
    async get() {
      const key = pick(names);
      const revision = past();
      const { entry } = await store.get(key, { revision });
      expect(entry && line(entry)).toBe(oracle.state(revision).get(key));
    },
    async watch() {
      if (readers.length > 8) return;
      const after = past();
      readers.push({ after, reader: readWatch(store, all, after) });
    },
    async compact() {
      if (random.below(5) > 0) return;
      for (const { reader } of readers) await reader.reached(newest());
      const revision = past();
      if (revision <= oracle.floor) return;
      await store.compact(revision);
      oracle.floor = revision;
      await expect(store.get(names[0], { revision: revision - 1 })).rejects.toBeInstanceOf(Compacted);
    },
  };
  const weighted = ['put', 'put', 'put', 'put', 'delete', 'delete', 'range', 'range', 'get', 'watch', 'compact'];
  for (let step = 0; step < steps; step++) await moves[pick(weighted)]();

  for (const { after, reader } of readers) {
    await reader.reached(newest());
    await reader.stop();
    const told = reader.events.map((e) => `${e.key} ${e.type === 'put' ? text(e.value) : '-'} ${e.revision}`);
    expect(told).toEqual(oracle.events.filter((e) => e.revision > after).map((e) => `${e.key} ${e.value ?? '-'} ${e.revision}`));
  }
}

export function modelTests(subject: Subject): void {
  test('random calls are answered as a naive store answers them', { timeout: 60_000 }, async () => {
    const given = process.env.PILOTHOUSE_SEED;
    const seed = given ? Number(given) : realRandom.below(2 ** 31);
    try {
      await play(subject.store, subject.at, seededRandom(seed));
    } catch (error) {
      throw new Error(`failed with PILOTHOUSE_SEED=${seed}`, { cause: error });
    }
  });
}
