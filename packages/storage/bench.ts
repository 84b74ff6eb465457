/**
 * Writes and ranges per second of each backend, beside yardsticks of the same run:
 * `node packages/storage/bench.ts [memory lmdb etcd]`. Ratios compare between machines, rates do not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRuntime } from '@pilothouse/base';
import { openEtcdStore, openLmdbStore, openMemoryStore, prefixRange, type Store } from '@pilothouse/storage';
import { etcdMissing, startEtcd } from './src/suite/etcd-process.ts';

const value = Buffer.alloc(1024, 'v');
const inFlight = 64;
const root = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));

async function rate(count: number, act: () => Promise<unknown>): Promise<number> {
  const began = realClock.monotonic();
  await act();
  return (count / (realClock.monotonic() - began)) * 1000;
}

/** `count` calls, `inFlight` at a time. */
const inParallel = (count: number, call: (i: number) => Promise<unknown>) => {
  let next = 0;
  return Promise.all(Array.from({ length: inFlight }, async () => {
    while (next < count) await call(next++);
  }));
};

/** A plain file: 64 records appended, then one fdatasync; what a perfect group commit would do. */
async function yardstick(): Promise<number> {
  const file = await open(join(root, 'yardstick'), 'w');
  const batch = Buffer.alloc(inFlight * value.length);
  const result = await rate(300 * inFlight, async () => {
    for (let i = 0; i < 300; i++) {
      await file.write(batch);
      await file.datasync();
    }
  });
  await file.close();
  return result;
}

async function measure(name: string, store: Store, puts: number, perfect: number): Promise<void> {
  const putRate = await rate(puts, () => inParallel(puts, (i) => store.put(`/registry/pods/ns${i % 50}/pod-${i}`, value)));
  const updateRate = await rate(puts, () => inParallel(puts, (i) => store.put(`/registry/pods/ns${i % 50}/pod-${i}`, value)));
  const rangeRate = await rate(puts * 3, async () => {
    for (let i = 0; i < 3; i++) await store.range(prefixRange('/registry/pods/'));
  });
  const getRate = await rate(puts, () => inParallel(puts, (i) => store.get(`/registry/pods/ns${i % 50}/pod-${i}`)));
  const abort = new AbortController();
  const watchRate = await rate(puts * 2, async () => {
    let seen = 0;
    for await (const { events } of store.watch(prefixRange('/registry/'), { after: 1, signal: abort.signal })) if ((seen += events.length) >= puts * 2) abort.abort();
  });
  const show = (n: number) => Math.round(n).toLocaleString('en').padStart(10);
  console.log(`${name.padEnd(8)}${show(putRate)} creates/s${show(updateRate)} updates/s (÷ yardstick ${(updateRate / perfect).toFixed(2)})${show(rangeRate)} range keys/s${show(getRate)} gets/s${show(watchRate)} watched/s`);
  await store.close();
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['memory', 'lmdb', 'etcd'];
try {
  const perfect = await yardstick();
  console.log(`yardstick: ${Math.round(perfect).toLocaleString('en')} records of 1 KiB/s appended to a file, ${inFlight} to an fdatasync`);
  if (wanted.includes('memory')) await measure('memory', openMemoryStore(realRuntime()), 150_000, perfect);
  if (wanted.includes('lmdb')) await measure('lmdb', await openLmdbStore(realRuntime(), { dir: join(root, 'lmdb') }), 50_000, perfect);
  const missing = etcdMissing();
  if (wanted.includes('etcd') && missing) console.log(`etcd: ${missing}`);
  else if (wanted.includes('etcd')) {
    const [server] = await startEtcd();
    await measure('etcd', await openEtcdStore(realRuntime(), { endpoints: [server.endpoint] }), 10_000, perfect).finally(() => server.dispose());
  }
} finally {
  rmSync(root, { recursive: true });
}
