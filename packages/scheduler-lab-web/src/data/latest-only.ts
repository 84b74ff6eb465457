/** Loads one thing at a time. What is wanted meanwhile waits, and only the last of it is loaded next. */
export interface LatestOnly<W> {
  /** Undefined: nothing, and what is there goes. */
  want(wanted: W | undefined): void;
  close(): void;
}

export interface LatestOnlyOptions<W, T> {
  load(wanted: W, signal: AbortSignal): Promise<T>;
  show(found: T | undefined): void;
  fail(error: unknown): void;
}

export function latestOnly<W, T>({ load, show, fail }: LatestOnlyOptions<W, T>): LatestOnly<W> {
  const stop = new AbortController();
  let next: { wanted: W | undefined } | undefined;
  let running = false;
  const run = async () => {
    running = true;
    while (next && !stop.signal.aborted) {
      const { wanted } = next;
      next = undefined;
      try {
        const found = wanted === undefined ? undefined : await load(wanted, stop.signal);
        if (!stop.signal.aborted) show(found);
      } catch (error) {
        if (!stop.signal.aborted) fail(error);
      }
    }
    running = false;
  };
  return {
    want(wanted) {
      next = { wanted };
      if (!running) void run();
    },
    close: () => stop.abort(new Error('no longer shown')),
  };
}
