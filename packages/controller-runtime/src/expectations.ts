import type { Clock } from '@pilothouse/base';

/**
 * What a controller has asked for and not yet seen in its cache. Until all of it is seen (or five minutes are over)
 * the cache is known to be stale, and deciding from it would create or delete too much.
 * Keys are uids of owners; deletions are counted by the uid of what is deleted, so that one is not counted twice.
 */
export interface Expectations {
  /** False while something expected has not been observed. */
  satisfied(owner: string): boolean;
  expectCreations(owner: string, count: number): void;
  expectDeletions(owner: string, uids: Iterable<string>): void;
  /** Adds to what is expected. */
  raise(owner: string, more: { creations?: number; deletions?: Iterable<string> }): void;
  /** Also called for a creation that failed, or was given up. */
  creationObserved(owner: string, count?: number): void;
  deletionObserved(owner: string, uid: string): void;
  /** The owner is gone. */
  forget(owner: string): void;
}

/** After this long unmet expectations are given up: a watch may have lost what they wait for. */
export const expectationsTimeoutMs = 5 * 60_000;

export function createExpectations(clock: Clock): Expectations {
  const pending = new Map<string, { creations: number; deletions: Set<string>; since: number }>();
  const of = (owner: string) => {
    const entry = pending.get(owner) ?? { creations: 0, deletions: new Set<string>(), since: 0 };
    entry.since = clock.monotonic();
    pending.set(owner, entry);
    return entry;
  };
  return {
    satisfied(owner) {
      const entry = pending.get(owner);
      if (!entry) return true;
      if (entry.creations > 0 || entry.deletions.size > 0) {
        if (clock.monotonic() - entry.since < expectationsTimeoutMs) return false;
      }
      pending.delete(owner);
      return true;
    },
    expectCreations(owner, count) {
      of(owner).creations = count;
    },
    expectDeletions(owner, uids) {
      of(owner).deletions = new Set(uids);
    },
    raise(owner, { creations = 0, deletions = [] }) {
      const entry = of(owner);
      entry.creations += creations;
      for (const uid of deletions) entry.deletions.add(uid);
    },
    creationObserved(owner, count = 1) {
      const entry = pending.get(owner);
      if (entry) entry.creations = Math.max(0, entry.creations - count);
    },
    deletionObserved: (owner, uid) => void pending.get(owner)?.deletions.delete(uid),
    forget: (owner) => void pending.delete(owner),
  };
}
