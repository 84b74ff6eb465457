import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realRuntime } from '@pilothouse/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prefixRange, type Store } from '../contract.ts';
import { openEtcdStore } from '../etcd/etcd-store.ts';
import { openLmdbStore } from '../lmdb/lmdb-store.ts';
import { restoreLmdbStore } from '../lmdb/restore.ts';
import { openLmdbSnapshot } from '../lmdb/snapshot.ts';
import { type EtcdProcess, etcdMissing, startEtcd } from '../suite/etcd-process.ts';
import { bytes } from '../suite/support.ts';
import { openBackup, writeBackup } from './backup-file.ts';
import { restoreIntoStore, snapshotOf } from './store-snapshot.ts';

const missing = etcdMissing();
const runtime = realRuntime();

describe.skipIf(missing)(missing ?? 'a backup of etcd', () => {
  const root = mkdtempSync(join(tmpdir(), 'pilothouse-etcd-backup-'));
  const file = join(root, 'backup');
  const place = { prefix: '/registry/', passing: ['/registry/events/'] };
  let server: EtcdProcess;
  beforeAll(async () => {
    [server] = await startEtcd();
  });
  afterAll(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });
  const openEtcd = (prefix: string) => openEtcdStore(runtime, { endpoints: [server.endpoint], prefix, compactionIntervalMs: 0 });
  const values = async (store: Store) => (await store.range(prefixRange('/registry/'))).entries.map((e) => `${e.key}=${Buffer.from(e.value).toString('latin1')}`);

  test('is consistent while writes go on, and moves a cluster to the embedded store and back', async () => {
    const etcd = await openEtcd('/one');
    for (let i = 0; i < 2_500; i++) if (i % 50 === 0) await Promise.all(Array.from({ length: 50 }, (_, j) => etcd.put(`/registry/x/${i + j}`, i === 0 ? Buffer.from([107, 56, 115, 0, 200, j]) : bytes(`${i + j}`))));
    await etcd.put('/registry/events/n/e', bytes('gone in an hour'), { ttlSeconds: 3_600 });
    const before = await values(etcd);
    const snapshot = await snapshotOf(etcd, place);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) await etcd.put(`/registry/x/${i % 2_500}`, bytes('later'));
    })();
    await writeBackup(runtime, file, snapshot);
    writing = false;
    await writer;
    const wanted = before.filter((line) => !line.includes('/events/'));

    await restoreLmdbStore(runtime, join(root, 'embedded'), await openBackup(file));
    const embedded = await openLmdbStore(runtime, { dir: join(root, 'embedded') });
    expect(await values(embedded)).toEqual(wanted);
    await embedded.put('/registry/x/new', bytes('new'));
    await embedded.close();

    const again = await openLmdbSnapshot(runtime, join(root, 'embedded'));
    await writeBackup(runtime, file, again);
    await again.close();
    const other = await openEtcd('/two');
    await restoreIntoStore(other, await openBackup(file), { prefix: '/registry/', nowMs: runtime.clock.now() });
    expect(await values(other)).toEqual([...wanted, '/registry/x/new=new'].sort((a, b) => Buffer.compare(Buffer.from(a.split('=')[0]), Buffer.from(b.split('=')[0]))));
    await etcd.close();
    await other.close();
  });
});
