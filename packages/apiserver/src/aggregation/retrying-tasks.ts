import type { Clock, Scope, Timer } from '@pilothouse/base';

export interface RetryingTasks {
  /** Runs the task of this key now, or once more where it runs already. */
  run(key: string): void;
}

/**
 * One task a key at a time. A task that rejects runs again after `firstRetryMs`, twice as long each time up to
 * `againMs`; one that resolves true runs again after `againMs`, one that resolves false only when it is told to.
 */
export function retryingTasks(clock: Pick<Clock, 'after'>, scope: Scope, { firstRetryMs, againMs }: { firstRetryMs: number; againMs: number }, task: (key: string) => Promise<boolean>): RetryingTasks {
  const keys = new Map<string, { running: boolean; due: boolean; failed: number; timer: Timer | undefined }>();
  async function work(key: string): Promise<void> {
    const state = keys.get(key)!;
    state.running = true;
    let waitMs: number | undefined;
    do {
      state.due = false;
      try {
        waitMs = (await task(key)) ? againMs : undefined;
        state.failed = 0;
      } catch {
        waitMs = Math.min(firstRetryMs * 2 ** state.failed++, againMs);
      }
    } while (state.due && !scope.closed);
    state.running = false;
    if (waitMs === undefined || scope.closed) keys.delete(key);
    else state.timer = clock.after(waitMs, () => run(key));
  }
  function run(key: string): void {
    if (scope.closed) return;
    const state = keys.get(key) ?? { running: false, due: false, failed: 0, timer: undefined };
    keys.set(key, state);
    state.timer?.cancel();
    state.timer = undefined;
    if (state.running) state.due = true;
    else void work(key);
  }
  scope.defer(() => {
    for (const { timer } of keys.values()) timer?.cancel();
  });
  return { run };
}
