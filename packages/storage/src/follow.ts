/**
 * Watching, the same for every backend: a reader goes through a log of events at its own pace. Nothing is queued for
 * it; it is woken when the log grew, and reads what it has not seen.
 */
import type { Clock, Timer } from '@pilothouse/base';
import { Compacted, type Revision, type WatchBatch, WatcherTooSlow } from './contract.ts';
import type { KeyRange } from './keys.ts';

export interface EventLog {
  /** Revision of the newest event that may be delivered. */
  position(): Revision;
  /**
   * Some events of the range after `after`, at most up to `position()`; the batch's revision tells how far it looked
   * (past `after`, unless the signal aborted). @throws Compacted
   */
  read(range: KeyRange, after: Revision, signal: AbortSignal): WatchBatch | Promise<WatchBatch>;
}

export interface Followers {
  /** What a store's `watch` returns. Ends quietly when the signal aborts or the followers are closed. */
  follow(range: KeyRange, options: { after: Revision; signal: AbortSignal }): AsyncIterable<WatchBatch>;
  /** To be called whenever the log's position moved. */
  moved(): void;
  requestProgress(): void;
  /** Ends all with `error`, or quietly; repeatable. */
  close(error?: Error): void;
}

/** Readers of one log. `progressMs`: how long a position that moved by events of other ranges may stay unreported. */
export function followers(clock: Clock, log: EventLog, progressMs: number): Followers {
  const waiting = new Set<() => void>();
  let timer: Timer | undefined;
  /** Readers are to report positions up to this one even without events. */
  let progressTo: Revision = 0;
  let ended: { error?: Error } | undefined;

  const wakeAll = () => {
    const woken = [...waiting];
    waiting.clear();
    for (const wake of woken) wake();
  };
  const report = () => {
    timer?.cancel();
    timer = undefined;
    progressTo = log.position();
    wakeAll();
  };
  /** Resolves at the next wake-up, or when the signal aborts. */
  const pause = (signal: AbortSignal) => new Promise<void>((resolve) => {
    const done = () => {
      waiting.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    waiting.add(done);
    signal.addEventListener('abort', done, { once: true });
  });

  async function* follow(range: KeyRange, { after, signal }: { after: Revision; signal: AbortSignal }): AsyncGenerator<WatchBatch> {
    let at = Math.max(after, 1);
    let reported = at;
    let underWay = false;
    while (!signal.aborted && !ended) {
      if (log.position() > at) {
        let batch: WatchBatch;
        try {
          batch = await log.read(range, at, signal);
        } catch (error) {
          if (signal.aborted || ended) break;
          if (underWay && error instanceof Compacted) throw new WatcherTooSlow(`the watch had reached revision ${at} when history before revision ${error.compactedRevision} was compacted`);
          throw error;
        }
        at = Math.max(at, batch.revision);
        underWay = true;
        if (batch.events.length === 0) continue;
        reported = at;
        yield batch;
      } else if (progressTo > reported && at > reported) {
        reported = at;
        yield { events: [], revision: at };
      } else {
        if (at > reported) timer ??= clock.after(progressMs, report);
        await pause(signal);
      }
    }
    if (!signal.aborted && ended?.error) throw ended.error;
  }

  return {
    follow,
    moved: wakeAll,
    requestProgress: report,
    close(error) {
      ended ??= { error };
      timer?.cancel();
      wakeAll();
    },
  };
}
