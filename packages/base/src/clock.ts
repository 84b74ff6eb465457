/**
 * Time as a value that is passed in. Only this file touches `Date`, `performance` and the timers of the runtime
 * (the import checker enforces it), so that a whole control plane can run on a virtual clock.
 */

/** A timer that was set. Cancelling one that has fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch (wall clock: may jump). */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For measuring durations. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs` (at least 0). A real timer does not keep the process alive unless `keepAlive`. */
  after(delayMs: number, fn: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Calls `fn` every `periodMs`, first after one period, until cancelled. */
  every(periodMs: number, fn: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Runs `fn` after the current turn of the event loop and pending I/O callbacks (`setImmediate`). */
  soon(fn: () => void): void;
}

function sleepOn(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, { keepAlive: true });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** setTimeout's longest delay; longer ones are chained. */
const longestMs = 2 ** 31 - 1;

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn, options) {
    let left = Math.max(0, delayMs);
    let handle: NodeJS.Timeout;
    const arm = () => {
      const step = Math.min(left, longestMs);
      left -= step;
      handle = setTimeout(() => (left > 0 ? arm() : fn()), step);
      if (!options?.keepAlive) handle.unref?.();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, fn) {
    const handle = setInterval(fn, periodMs);
    handle.unref?.();
    return { cancel: () => clearInterval(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(realClock, delayMs, signal),
  soon: (fn) => void setImmediate(fn),
};

export interface FakeClock extends Clock {
  /** Moves time forward, firing what falls due in order of time, then of setting. Synchronous. */
  advance(ms: number): void;
  /** As `advance`, but lets promises settle between two timers. */
  advanceAsync(ms: number): Promise<void>;
  /** Milliseconds until the next timer; undefined when none is set. */
  next(): number | undefined;
  /** Timers that are set. */
  pending(): number;
}

interface Entry {
  at: number;
  order: number;
  fn: () => void;
}

/** A clock that stands still until it is told to move. Starts at `startMs` (default 2026-01-01T00:00:00Z). */
export function fakeClock(startMs = 1_767_225_600_000): FakeClock {
  let time = startMs;
  let order = 0;
  const entries = new Set<Entry>();
  const earliest = () => {
    let first: Entry | undefined;
    for (const e of entries) if (!first || e.at < first.at || (e.at === first.at && e.order < first.order)) first = e;
    return first;
  };
  const fireNext = (until: number): boolean => {
    const first = earliest();
    if (!first || first.at > until) return false;
    entries.delete(first);
    time = Math.max(time, first.at);
    first.fn();
    return true;
  };
  const clock: FakeClock = {
    now: () => time,
    monotonic: () => time - startMs,
    after(delayMs, fn) {
      const entry = { at: time + Math.max(0, delayMs), order: order++, fn };
      entries.add(entry);
      return { cancel: () => void entries.delete(entry) };
    },
    every(periodMs, fn) {
      let timer = clock.after(periodMs, function fire() {
        timer = clock.after(periodMs, fire);
        fn();
      });
      return { cancel: () => timer.cancel() };
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    soon: (fn) => void clock.after(0, fn),
    advance(ms) {
      const until = time + ms;
      while (fireNext(until));
      time = until;
    },
    async advanceAsync(ms) {
      const until = time + ms;
      do await settle();
      while (fireNext(until));
      time = until;
      await settle();
    },
    next: () => {
      const first = earliest();
      return first && Math.max(0, first.at - time);
    },
    pending: () => entries.size,
  };
  return clock;
}

/** Lets promise callbacks that are ready run, including chains of some length. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** RFC 3339 with seconds, as `metav1.Time` is written: `2026-01-02T03:04:05Z`. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== lastSecond) {
    lastTime = `${new Date(ms).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastTime;
}
/** Most calls are about the present second. */
let lastSecond = Number.NaN;
let lastTime = '';

/** RFC 3339 with microseconds, as `metav1.MicroTime` is written: `2026-01-02T03:04:05.123000Z`. */
export const formatMicroTime = (ms: number): string => `${new Date(Math.floor(ms)).toISOString().slice(0, 23)}${String(Math.floor((ms % 1) * 1000)).padStart(3, '0')}Z`;

/** Milliseconds since the epoch of an RFC 3339 time; NaN where it is none. */
export const parseTime = (text: string): number => Date.parse(text);
