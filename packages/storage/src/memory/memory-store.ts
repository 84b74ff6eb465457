import type { Runtime } from '@pilothouse/base';
import type { Revision, Store } from '../contract.ts';
import { type Journal, openMvccStore } from '../mvcc/store.ts';

export interface MemoryStoreOptions {
  /** How long versions that were overwritten can still be read, at least; default 5 minutes. */
  historyMs?: number;
  /** How long a watch's position may stay unreported; default 500. */
  progressMs?: number;
}

/** A store that lives and dies with the process. Writes are done when the call returns, so the same calls give the same revisions. */
export function openMemoryStore(runtime: Runtime, options: MemoryStoreOptions = {}): Store {
  return openMvccStore(runtime, memoryJournal(), { historyMs: options.historyMs ?? 300_000, progressMs: options.progressMs ?? 500 });
}

function memoryJournal(): Journal {
  const values = new Map<Revision, Uint8Array>();
  let bytes = 0;
  return {
    append(changes) {
      for (const { revision, createRevision, value } of changes) {
        if (createRevision === 0) continue;
        values.set(revision, value);
        bytes += value.length;
      }
    },
    value: (revision) => values.get(revision),
    forget(revisions) {
      for (const revision of revisions) {
        bytes -= values.get(revision)?.length ?? 0;
        values.delete(revision);
      }
    },
    intact: () => true,
    size: () => bytes,
    close: () => values.clear(),
  };
}
