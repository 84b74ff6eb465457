/**
 * A process that writes without end and tells what was acknowledged, for tests that kill it, or its store.
 * `node writer.ts lmdb DIR RUN` or `node writer.ts etcd ENDPOINTS RUN`: lines of key, mod revision on stdout.
 */
import { writeSync } from 'node:fs';
import { realClock, realRuntime } from '@pilothouse/base';
import { StoreUnavailable } from '../contract.ts';
import { openEtcdStore } from '../etcd/etcd-store.ts';
import { openLmdbStore } from '../lmdb/lmdb-store.ts';

const [backend, where, run] = process.argv.slice(2);
const store = backend === 'lmdb' ? await openLmdbStore(realRuntime(), { dir: where }) : await openEtcdStore(realRuntime(), { endpoints: where.split(','), compactionIntervalMs: 0 });
writeSync(1, 'ready 0\n');

await Promise.all(Array.from({ length: 16 }, async (_, w) => {
  for (let i = 0; ; i++) {
    const key = `/crash/${run}-${w}-${i}`;
    try {
      // Small and large values, so that a cut leaves both kinds of pages half written.
      const { modRevision } = await store.put(key, Buffer.alloc(i % 10 === 0 ? 20_000 : 200, key));
      writeSync(1, `${key} ${modRevision}\n`);
      if (i % 3 === 2) {
        const again = await store.put(`/crash/${run}-${w}-shared`, Buffer.from(`${i}`));
        writeSync(1, `/crash/${run}-${w}-shared ${again.modRevision}\n`);
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await realClock.sleep(20);
    }
  }
}));
