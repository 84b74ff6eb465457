import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock, realRuntime, UserError } from '@pilothouse/base';
import { open } from 'lmdb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Compacted, prefixRange } from '../contract.ts';
import { bytes, line, readWatch, text } from '../suite/support.ts';
import { lockDirectory } from './directory-lock.ts';
import { openLmdbStore } from './lmdb-store.ts';

let root: string;
let dir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pilothouse-lmdb-'));
  dir = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true }));
const openStore = (options: object = {}, runtime = realRuntime()) => openLmdbStore(runtime, { dir, ...options });

test('what was written is there after closing and opening: values, revisions, and history', async () => {
  const first = await openStore();
  const a1 = await first.put('/a', bytes('1'));
  await first.put('/b', bytes('1'));
  const a2 = await first.put('/a', bytes('2'));
  const gone = (await first.delete('/b'))!;
  await first.close();

  const store = await openStore();
  expect(await store.revision()).toBe(gone.revision);
  expect((await store.range(prefixRange('/'))).entries.map(line)).toEqual([line(a2)]);
  expect(line((await store.get('/a', { revision: a1.modRevision })).entry!)).toBe(line(a1));
  const reader = readWatch(store, prefixRange('/'), a1.modRevision);
  const next = await store.put('/b', bytes('2'));
  expect(next).toMatchObject({ modRevision: gone.revision + 1, createRevision: gone.revision + 1 });
  await reader.reached(next.modRevision);
  await reader.stop();
  expect(reader.events.map((e) => `${e.type} ${e.key} ${text(e.value)} ${text(e.previous)}`)).toEqual(['put /b 1 undefined', 'put /a 2 1', 'delete /b  1', 'put /b 2 undefined']);
  await store.close();
});

test('what was compacted stays forgotten, and its room on disk is used again', async () => {
  let store = await openStore();
  const value = Buffer.alloc(20_000, 'x');
  const fill = async () => {
    for (let i = 0; i < 200; i++) await store.put(`/k${i % 3}`, value);
  };
  await fill();
  await store.delete('/k2');
  const floor = await store.revision();
  await store.compact(floor);
  const size = await store.size();
  await store.close();
  store = await openStore();
  expect(await store.compactedRevision()).toBe(floor);
  expect(await store.revision()).toBe(floor);
  await expect(store.get('/k0', { revision: floor - 1 })).rejects.toBeInstanceOf(Compacted);
  expect((await store.range(prefixRange('/'))).entries.map((e) => e.key)).toEqual(['/k0', '/k1']);
  await fill();
  expect(await store.size()).toBeLessThan(size * 1.3);
  await store.close();
});

test('times to live and the age of history count on while the store is closed', async () => {
  const clock = fakeClock();
  const runtime = { ...realRuntime(), clock };
  let store = await openStore({ historyMs: 600_000 }, runtime);
  await store.put('/short', bytes('1'), { ttlSeconds: 100 });
  await store.put('/kept', bytes('1'), { ttlSeconds: 100 });
  await store.put('/kept', bytes('2'));
  await store.close();
  clock.advance(99_000);
  store = await openStore({ historyMs: 600_000 }, runtime);
  expect((await store.get('/short')).entry).toBeDefined();
  await clock.advanceAsync(1_000);
  while ((await store.get('/short')).entry) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.close();
  clock.advance(800_000);
  store = await openStore({ historyMs: 600_000 }, runtime);
  await store.get('/kept', { revision: 3 });
  await clock.advanceAsync(60_000);
  while ((await store.compactedRevision()) === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(store.get('/kept', { revision: 3 })).rejects.toBeInstanceOf(Compacted);
  expect((await store.range(prefixRange('/'))).entries.map((e) => e.key)).toEqual(['/kept']);
  await store.close();
});

test('a compaction that was cut off is finished at the next opening', async () => {
  let store = await openStore();
  for (let i = 0; i < 10; i++) await store.put(`/k${i % 2}`, bytes(`${i}`));
  await store.delete('/k1');
  const floor = await store.revision();
  await store.close();
  const env = open({ path: dir, overlappingSync: false });
  const at = Buffer.alloc(8);
  at.writeDoubleLE(floor);
  await env.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }).put('floor', at);
  await env.close();
  store = await openStore();
  expect((await store.range(prefixRange('/'))).entries.map((e) => text(e.value))).toEqual(['8']);
  await store.close();
  const again = open({ path: dir, overlappingSync: false });
  expect([...again.openDB<Buffer, number>({ name: 'log', encoding: 'binary' }).getKeys()]).toEqual([10]);
  await again.close();
});

test('many writes at a time share transactions', async () => {
  const store = await openStore();
  const transactions = () => {
    const metas = readFileSync(join(dir, 'data.mdb'));
    return Math.max(...[0, 4096].map((page) => Number(metas.readBigUInt64LE(page + 24 + 128))));
  };
  const before = transactions();
  await Promise.all(Array.from({ length: 500 }, (_, i) => store.put(`/k${i}`, bytes('x'))));
  expect(transactions() - before).toBeLessThan(10);
  await store.close();
});

test('a directory that is in use is refused, and free again when its user closed it or died', async () => {
  const store = await openStore();
  await expect(openStore()).rejects.toThrow(`the data directory ${dir} is in use by process ${process.pid}`);
  await expect(openStore()).rejects.toBeInstanceOf(UserError);
  await store.close();

  const holder = spawn(process.execPath, ['--input-type=module', '-e', `
    import { openLmdbStore } from ${JSON.stringify(join(import.meta.dirname, 'lmdb-store.ts'))};
    import { realRuntime } from '@pilothouse/base';
    await openLmdbStore(realRuntime(), { dir: ${JSON.stringify(dir)} });
    console.log('open');
    setInterval(() => {}, 1000);
  `], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await expect(openStore()).rejects.toThrow(`in use by process ${holder.pid}`);
  holder.kill('SIGKILL');
  await new Promise((resolve) => holder.once('exit', resolve));
  await (await openStore()).close();
});

test.each([
  ['another process of the same number', { started: '1' }, false, 0],
  ['a process before the machine was started anew', { boot: 'before' }, false, 0],
  ['a process of another container that is silent', { namespace: 'pid:[1]' }, false, 60_000],
  ['a process of another container', { namespace: 'pid:[1]' }, true, 0],
  ['this very process', {}, true, 0],
])('the lock of %s', (_, change, holds, silentMs) => {
  mkdirSync(dir);
  const clock = fakeClock(Date.now() + silentMs);
  const first = lockDirectory({ ...realRuntime(), clock }, dir);
  const lock = join(dir, 'lock');
  writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), ...change }));
  const take = () => lockDirectory({ ...realRuntime(), clock }, dir);
  if (holds) expect(take).toThrow(UserError);
  else take().release();
  first.release();
  rmSync(lock, { force: true });
  take().release();
});

test('a data directory that cannot be made or written is named', async () => {
  writeFileSync(dir, 'a file');
  await expect(openStore()).rejects.toThrow(`cannot use the data directory ${dir}`);
  await expect(openStore({ dir: join(dir, 'below') })).rejects.toBeInstanceOf(UserError);
  await expect(openStore({ dir: '/proc/pilothouse' })).rejects.toBeInstanceOf(UserError);
});

test('a database of another program, or of a later format, is refused', async () => {
  const other = open({ path: dir });
  await other.openDB({ name: 'theirs' }).put('a', 1);
  await other.close();
  await expect(openStore()).rejects.toThrow(/holds an LMDB database of something else/);
  rmSync(dir, { recursive: true });
  await (await openStore()).close();
  const later = open({ path: dir, overlappingSync: false });
  await later.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }).put('format', Buffer.from([9, 0, 0, 0]));
  await later.close();
  await expect(openStore()).rejects.toThrow(/has format 9, this version of Pilothouse reads format 1/);
});

test('damaged data is named at opening, or at the latest when it is read', async () => {
  const store = await openStore();
  for (let i = 0; i < 300; i++) await store.put(`/k${i}`, Buffer.alloc(i % 4 ? 300 : 9_000, `${i}`));
  await store.close();
  const good = join(root, 'good.mdb');
  const path = join(dir, 'data.mdb');
  copyFileSync(path, good);
  const whole = readFileSync(good);
  const damages: Record<string, (data: Buffer) => Buffer> = {
    'cut short in the first page': (data) => data.subarray(0, 100),
    'cut to two pages': (data) => data.subarray(0, 8192),
    'cut in half': (data) => data.subarray(0, Math.floor(data.length / 8192) * 4096),
    'cut in the midst of a page': (data) => data.subarray(0, data.length - 1000),
    text: () => Buffer.alloc(20_000, 'not a database '),
    zeros: (data) => Buffer.alloc(data.length),
    'zeros behind the first pages': (data) => Buffer.concat([data.subarray(0, 8192), Buffer.alloc(data.length - 8192)]),
    'noise behind the first pages': (data) => Buffer.concat([data.subarray(0, 8192), Buffer.alloc(data.length - 8192, 0xa7)]),
  };
  for (const [name, damage] of Object.entries(damages)) {
    writeFileSync(path, damage(Buffer.from(whole)));
    const error = await openStore().then(() => undefined, (e: unknown) => e);
    expect(error, name).toBeInstanceOf(UserError);
    expect((error as Error).message, name).toMatch(/is damaged .* restore it from a backup/);
  }
  truncateSync(path, 0);
  await (await openStore()).close();

  // One byte of a large value: found by its checksum.
  const at = whole.indexOf('288288288288288288');
  whole[at + 5_000] ^= 1;
  writeFileSync(path, whole);
  const reopened = await openStore();
  expect(text((await reopened.get('/k1')).entry?.value)?.slice(0, 3)).toBe('111');
  await expect(reopened.get('/k288')).rejects.toThrow(/the value of revision 290 .* is damaged/);
  await reopened.close();
});
