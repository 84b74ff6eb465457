import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom, realRuntime } from '@pilothouse/base';
import { expect, test } from 'vitest';
import { prefixRange } from '../contract.ts';
import { startWriter } from '../suite/child.ts';
import { readWatch } from '../suite/support.ts';
import { openLmdbStore } from './lmdb-store.ts';

test('a process killed while it writes loses nothing that was acknowledged, and its lock does not stay', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pilothouse-crash-'));
  const acknowledged = new Map<string, number>();
  let revision = 0;
  try {
    for (let run = 0; run < 8; run++) {
      const writer = startWriter('lmdb', dir, `${run}`);
      await writer.wrote(50 + realRandom.below(300));
      await realClock.sleep(realRandom.below(30));
      await writer.kill();
      for (const [key, at] of writer.acknowledged) acknowledged.set(key, at);

      const store = await openLmdbStore(realRuntime(), { dir });
      const newest = await store.revision();
      expect(newest).toBeGreaterThanOrEqual(Math.max(revision, ...acknowledged.values()));
      revision = newest;
      const { entries } = await store.range(prefixRange('/crash/'));
      const found = new Map(entries.map((e) => [e.key, e]));
      for (const [key, at] of acknowledged) expect(found.get(key)?.modRevision, key).toBeGreaterThanOrEqual(at);
      for (const { key, value } of entries) if (!key.endsWith('shared')) expect(Buffer.from(value).equals(Buffer.alloc(value.length, key)), key).toBe(true);
      // History is whole as well: a watch from the beginning tells each revision once.
      const reader = readWatch(store, prefixRange(''), 1);
      await reader.reached(newest);
      await reader.stop();
      expect(reader.events.map((e) => e.revision)).toEqual(Array.from({ length: newest - 1 }, (_, i) => i + 2));
      await store.close();
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
