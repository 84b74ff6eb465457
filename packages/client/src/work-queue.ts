import { type Clock, KeyedHeap, type Timer } from '@pilothouse/base';
import type { WorkQueue } from './contract.ts';

export interface WorkQueueOptions {
  clock: Clock;
  /** First back-off; default 5 ms. It doubles with each failure. */
  baseDelayMs?: number;
  /** Longest back-off; default 1,000 s. */
  maxDelayMs?: number;
  /** Told of a key that has become due, and of the seconds that it waited for a worker. */
  observer?: { added(): void; waited(seconds: number): void };
}

/**
 * client-go's work queue. Invariants: a key is in `ready` at most once; a key in `processing` is never in `ready`
 * (if it is added meanwhile it is `dirty`, and becomes ready when done); `later` holds a key once, at its earliest time.
 */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, baseDelayMs = 5, maxDelayMs = 1_000_000, observer } = options;
  let ready: string[] = [];
  let head = 0;
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const failures = new Map<string, number>();
  const addedAt = new Map<string, number>();
  const takers: ((key: string | undefined) => void)[] = [];
  const later = new KeyedHeap<{ key: string; at: number; order: number }>({ key: (e) => e.key, before: (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order) });
  let order = 0;
  let timer: Timer | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let stopping = false;

  const push = (key: string) => {
    const taker = takers.shift();
    if (taker) taker(take(key));
    else ready.push(key);
  };
  /** The key is a worker's from here on. */
  const take = (key: string) => {
    dirty.delete(key);
    processing.add(key);
    if (observer) {
      observer.waited((clock.monotonic() - (addedAt.get(key) ?? clock.monotonic())) / 1000);
      addedAt.delete(key);
    }
    return key;
  };
  const add = (key: string) => {
    if (stopping || dirty.has(key)) return;
    dirty.add(key);
    if (observer) {
      addedAt.set(key, clock.monotonic());
      observer.added();
    }
    if (!processing.has(key)) push(key);
  };
  const arm = () => {
    const next = later.peek();
    if (!next || next.at >= timerAt) return;
    timer?.cancel();
    timerAt = next.at;
    timer = clock.after(next.at - clock.monotonic(), fire);
  };
  const fire = () => {
    timerAt = Number.POSITIVE_INFINITY;
    const now = clock.monotonic();
    for (let next = later.peek(); next && next.at <= now; next = later.peek()) {
      later.pop();
      add(next.key);
    }
    arm();
  };
  const addAfter = (key: string, delayMs: number) => {
    if (stopping) return;
    if (delayMs <= 0) return add(key);
    const at = clock.monotonic() + delayMs;
    const waiting = later.get(key);
    if (waiting && waiting.at <= at) return;
    later.push({ key, at, order: order++ });
    arm();
  };

  return {
    add,
    addAfter,
    addRateLimited(key) {
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      addAfter(key, Math.min(baseDelayMs * 2 ** failed, maxDelayMs));
    },
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
    get() {
      if (head < ready.length) {
        const key = ready[head++];
        if (head > 1024 && head * 2 > ready.length) {
          ready = ready.slice(head);
          head = 0;
        }
        return Promise.resolve(take(key));
      }
      if (stopping) return Promise.resolve(undefined);
      return new Promise((resolve) => takers.push(resolve));
    },
    done(key) {
      processing.delete(key);
      if (dirty.has(key)) push(key);
    },
    get length() {
      return ready.length - head;
    },
    shutDown() {
      stopping = true;
      timer?.cancel();
      for (const taker of takers.splice(0)) taker(undefined);
    },
  };
}
