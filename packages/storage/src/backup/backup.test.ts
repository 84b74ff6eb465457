import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fakeClock, realClock, realRuntime, silentLogger, seededRandom } from '@pilothouse/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Compacted, prefixRange, type Store } from '../contract.ts';
import { openLmdbStore } from '../lmdb/lmdb-store.ts';
import { restoreLmdbStore, revisionBump } from '../lmdb/restore.ts';
import { openLmdbSnapshot } from '../lmdb/snapshot.ts';
import { openMemoryStore } from '../memory/memory-store.ts';
import { startWriter } from '../suite/child.ts';
import { bytes, line, readWatch } from '../suite/support.ts';
import { openBackup, writeBackup } from './backup-file.ts';
import { restoreIntoStore, snapshotOf } from './store-snapshot.ts';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pilothouse-backup-'));
  file = join(root, 'backup');
});
afterEach(() => rmSync(root, { recursive: true }));

const runtime = realRuntime();
const all = prefixRange('/');
const place = (name: string) => join(root, name);
const linesOf = async (store: Store) => (await store.range(all)).entries.map(line);

async function backUp(dir: string): Promise<number> {
  const snapshot = await openLmdbSnapshot(runtime, dir);
  try {
    await writeBackup(runtime, file, snapshot);
    return snapshot.revision;
  } finally {
    await snapshot.close();
  }
}

/** A store with a past: overwritten, deleted and binary values. */
async function fill(dir: string): Promise<{ entries: string[]; revision: number }> {
  const store = await openLmdbStore(runtime, { dir });
  for (let i = 0; i < 50; i++) await store.put(`/k${i % 20}`, bytes(`value ${i} \u2028 \u{1f600}`));
  await store.delete('/k3');
  await store.put('/binary', Buffer.from([0x6b, 0x38, 0x73, 0, 0xff, 0xfe, 0x0a]));
  await store.put('/large', Buffer.alloc(300_000, 'x'));
  const before = { entries: await linesOf(store), revision: await store.revision() };
  await store.close();
  return before;
}

test('a restored store has what the backed-up one had, revisions included, and goes on past all that were given out', async () => {
  const before = await fill(place('a'));
  expect(await backUp(place('a'))).toBe(before.revision);
  const backup = await openBackup(file);
  expect(backup).toMatchObject({ revision: before.revision, count: before.entries.length });
  expect(await restoreLmdbStore(runtime, place('b/c'), backup)).toBe(before.revision + revisionBump);
  const store = await openLmdbStore(runtime, { dir: place('b/c') });
  expect(await linesOf(store)).toEqual(before.entries);
  const { entry } = await store.get('/binary');
  expect([...entry!.value]).toEqual([0x6b, 0x38, 0x73, 0, 0xff, 0xfe, 0x0a]);
  expect(await store.revision()).toBe(before.revision + revisionBump);
  // Whoever watched before, or reads the past, is told to begin anew.
  await expect(store.get('/k1', { revision: before.revision })).rejects.toBeInstanceOf(Compacted);
  const reader = readWatch(store, all, before.revision + 1);
  expect(await reader.ended).toBeInstanceOf(Compacted);
  const after = await store.put('/k1', bytes('new'), { ifRevision: (await store.get('/k1')).entry!.modRevision });
  expect(after.modRevision).toBe(before.revision + revisionBump + 1);
  await store.close();
  const again = await openLmdbStore(runtime, { dir: place('b/c') });
  expect((await again.get('/k1')).entry!.modRevision).toBe(after.modRevision);
  await again.close();
  expect(readdirSync(place('b'))).toEqual(['c']);
});

test('keys that were to expire still do', async () => {
  const clock = fakeClock(1_000_000);
  const fake = { clock, random: seededRandom(1), log: silentLogger };
  const first = await openLmdbStore(fake, { dir: place('a') });
  await first.put('/event', bytes('1'), { ttlSeconds: 3_600 });
  await first.close();
  await backUp(place('a'));
  clock.advance(3_000_000);
  await restoreLmdbStore(fake, place('b'), await openBackup(file));
  const store = await openLmdbStore(fake, { dir: place('b') });
  expect((await store.range(all)).count).toBe(1);
  const from = await store.revision();
  const reader = readWatch(store, all, from);
  await clock.advanceAsync(700_000);
  await reader.reached(from + 1);
  expect(reader.events.map((e) => `${e.type} ${e.key}`)).toEqual(['delete /event']);
  await store.close();
});

test('a backup made while writes go on has all that was acknowledged before, and is a prefix of what was written', async () => {
  const writer = startWriter('lmdb', place('a'), '0');
  const taken: { before: Map<string, number>; entries: Map<string, number>; revision: number }[] = [];
  for (let round = 1; round <= 4; round++) {
    await writer.wrote(round * 300);
    const before = new Map(writer.acknowledged);
    const revision = await backUp(place('a'));
    const entries = new Map<string, number>();
    for await (const { key, value, modRevision } of (await openBackup(file)).entries()) {
      entries.set(key, modRevision);
      if (!key.endsWith('shared')) expect(Buffer.from(value).equals(Buffer.alloc(value.length, key))).toBe(true);
    }
    taken.push({ before, entries, revision });
  }
  await writer.kill();
  for (const { before, entries, revision } of taken) {
    for (const [key, at] of before) expect(entries.get(key), key).toBeGreaterThanOrEqual(at);
    for (const [key, at] of writer.acknowledged) if (at <= revision && !key.endsWith('shared')) expect(entries.get(key), key).toBe(at);
    expect(Math.max(...entries.values())).toBeLessThanOrEqual(revision);
  }
  // The server may die while one is restored elsewhere; its own data are untouched by both.
  await restoreLmdbStore(runtime, place('b'), await openBackup(file));
  for (const dir of ['a', 'b']) {
    const store = await openLmdbStore(runtime, { dir: place(dir) });
    expect((await store.range(all)).count).toBeGreaterThanOrEqual(taken[3].entries.size);
    await store.close();
  }
});

test('a backup that is killed while it reads costs the store no room for long', async () => {
  const store = await openLmdbStore(runtime, { dir: place('a') });
  await store.put('/a', bytes('1'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { realRuntime } from ${JSON.stringify(import.meta.resolve('@pilothouse/base'))};
    import { openLmdbSnapshot } from ${JSON.stringify(join(import.meta.dirname, '../lmdb/snapshot.ts'))};
    const snapshot = await openLmdbSnapshot(realRuntime(), ${JSON.stringify(place('a'))});
    console.log(snapshot.revision);
    setInterval(() => {}, 1000);
  `], { stdio: ['ignore', 'pipe', 'inherit'] });
  const revision = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  expect(revision).toBe(2);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  const value = Buffer.alloc(100_000, 'x');
  const fill = async () => {
    for (let i = 0; i < 100; i++) await store.put('/a', value);
    await store.compact(await store.revision());
  };
  await fill();
  await fill();
  const size = await store.size();
  for (let i = 0; i < 4; i++) await fill();
  expect(await store.size()).toBeLessThan(size * 1.5);
  await store.close();
});

test('a directory that holds something is not restored into, one without a store is not backed up', async () => {
  await fill(place('a'));
  await backUp(place('a'));
  await expect(restoreLmdbStore(runtime, place('a'), await openBackup(file))).rejects.toThrow('is not empty');
  mkdirSync(place('empty'));
  await restoreLmdbStore(runtime, place('empty'), await openBackup(file));
  await expect(openLmdbSnapshot(runtime, place('none'))).rejects.toThrow(`there is no embedded store in ${place('none')}`);
  await expect(writeBackup(runtime, place('no/such'), { revision: 1, entries: [] })).rejects.toThrow('cannot write the backup');
});

test('a backup of a damaged store is not made', async () => {
  await fill(place('a'));
  const data = join(place('a'), 'data.mdb');
  const content = readFileSync(data);
  const at = content.lastIndexOf('xxxxxxxx');
  content.write('y', at);
  writeFileSync(data, content);
  await expect(backUp(place('a'))).rejects.toThrow('/large');
  expect(readdirSync(root)).toEqual(['a']);
});

test('any store can be backed up, and any empty one restored into', async () => {
  const from = openMemoryStore(runtime);
  for (let i = 0; i < 1_500; i++) await from.put(`/registry/x/${i}`, bytes(`${i}`));
  await from.put('/registry/events/e', bytes('leave'));
  const snapshot = await snapshotOf(from, { prefix: '/registry/', passing: ['/registry/events/'] });
  await from.put('/registry/x/late', bytes('late'));
  expect(await writeBackup(runtime, file, snapshot)).toBe(1_500);
  const to = openMemoryStore(runtime);
  await restoreIntoStore(to, await openBackup(file), { prefix: '/registry/', nowMs: realClock.now() });
  const values = async (store: Store) => (await store.range(prefixRange('/registry/x/'))).entries.map((e) => `${e.key}=${Buffer.from(e.value)}`);
  expect(await values(to)).toEqual((await values(from)).filter((l) => !l.includes('late')));
  await expect(restoreIntoStore(to, await openBackup(file), { prefix: '/registry/', nowMs: 0 })).rejects.toThrow('it has 1500 keys under /registry/');
  await from.close();
  await to.close();
});

describe('a file that is no whole backup is named', () => {
  beforeEach(async () => {
    await fill(place('a'));
    await backUp(place('a'));
  });

  test('cut short, wherever', async () => {
    const whole = readFileSync(file);
    for (const part of [0.2, 0.5, 0.9, 0.999]) {
      writeFileSync(file, whole.subarray(0, Math.floor(whole.length * part)));
      await expect(openBackup(file)).rejects.toThrow(/is cut short|was altered/);
    }
    writeFileSync(file, gzipSync('{"format":"pilothouse-backup","version":1,"revision":7}\n'));
    await expect(openBackup(file)).rejects.toThrow('is cut short');
  });

  test('altered, wherever', async () => {
    const text = gunzipSync(readFileSync(file)).toString();
    for (const change of [text.replace('value 40', 'value 41'), text.replace('/k1"', '/k9"'), text.split('\n').filter((l) => !l.includes('/k5')).join('\n'), `${text}${text}`, text.replace('revision":5', 'revision":6')]) {
      expect(change).not.toBe(text);
      writeFileSync(file, gzipSync(change));
      await expect(openBackup(file)).rejects.toThrow('was altered');
    }
    const flipped = gzipSync(text);
    flipped[100] ^= 0x10;
    writeFileSync(file, flipped);
    await expect(openBackup(file)).rejects.toThrow(/was altered|is not a backup/);
    const lines = ['{"format":"pilothouse-backup","version":1,"revision":7}', '{"key":"/a","createRevision":2,"modRevision":2,"value":"1"}', '{"entries":1,"sha256":"00"}'];
    writeFileSync(file, gzipSync(`${lines.join('\n')}\n`));
    await expect(openBackup(file)).rejects.toThrow('was altered');
  });

  test.each([
    ['text', Buffer.from('hello\n')],
    ['nothing', Buffer.alloc(0)],
    ['other gzip', gzipSync('{"kind":"List"}\n')],
    ['a tree of etcd', Buffer.alloc(5_000, 7)],
  ])('something else: %s', async (_, content) => {
    writeFileSync(file, content);
    await expect(openBackup(file)).rejects.toThrow(/is not a backup made by pilothouse backup|is cut short/);
  });

  test('of a later version, or not there', async () => {
    writeFileSync(file, gzipSync('{"format":"pilothouse-backup","version":9}\n'));
    await expect(openBackup(file)).rejects.toThrow('is of version 9');
    await expect(openBackup(place('none'))).rejects.toThrow('cannot read the backup');
  });
});
