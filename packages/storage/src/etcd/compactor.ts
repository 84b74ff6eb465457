import type { Runtime } from '@pilothouse/base';
import type { Connection } from './connection.ts';
import { compactMethod, compareVersion, txnMethod } from './messages.ts';

/** The key by which the API servers of a cluster agree who compacts; the same as upstream's. */
const turnKey = 'compact_rev_key';

/**
 * Compacts etcd to what was its newest revision one interval ago. Of several API servers on one etcd, whoever moves the
 * turn key first does it; the others go by what they find there.
 */
export function startCompactor({ clock, log }: Runtime, connection: Connection, intervalMs: number): { stop(): void } {
  /** Version of the turn key and the revision the store was at, as of the last interval. */
  let turn = 0;
  let revision = 0;

  const tick = async () => {
    const result = await connection.call(txnMethod, {
      compare: [{ target: compareVersion, key: turnKey, version: turn }],
      success: [{ put: { key: turnKey, value: Buffer.from(String(revision)) } }],
      failure: [{ range: { key: turnKey } }],
    }, { writes: true });
    if (!result.succeeded) {
      turn = result.responses[0].range!.kvs[0]?.version ?? 0;
      revision = result.header.revision;
      return;
    }
    const target = revision;
    turn++;
    revision = result.header.revision;
    if (target > 0) await connection.call(compactMethod, { revision: target });
  };
  const timer = clock.every(intervalMs, () => void tick().catch((error) => log.warn('Compaction of etcd failed', { err: error })));
  return { stop: () => timer.cancel() };
}
