import { realRuntime } from '@pilothouse/base';
import { afterAll, beforeAll, describe } from 'vitest';
import { storeConformance } from '../suite/conformance.ts';
import { type EtcdProcess, etcdMissing, startEtcd } from '../suite/etcd-process.ts';
import { openEtcdStore } from './etcd-store.ts';

const missing = etcdMissing();

describe.skipIf(missing)(missing ?? 'etcd', () => {
  let server: EtcdProcess;
  beforeAll(async () => {
    [server] = await startEtcd();
  });
  afterAll(() => server.dispose());

  const open = (options: object) => async () => ({ store: await openEtcdStore(realRuntime(), { endpoints: [server.endpoint], ...options }) });
  storeConformance('etcd', open({}));
  storeConformance('etcd, with a prefix, and watches that read from history', open({ prefix: '/some/where\u{1f600}', keep: { events: 3, bytes: 1_000 } }));
});
