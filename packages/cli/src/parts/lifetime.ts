import type { Clock, Scope } from '@pilothouse/base';

/** A Ctrl-C reaches the daemon from the terminal and from the launcher (npm, npx): two signals so close are one. */
const sameSignalMs = 300;

/** Longest that a clean stop may take. */
const deadlineMs = 15_000;

/**
 * Runs a daemon until it is told to stop: the first SIGTERM or SIGINT closes the scope (what was started last, first),
 * a second one exits at once. Resolves when everything is closed.
 */
export async function runUntilSignal(scope: Scope, clock: Pick<Clock, 'after' | 'monotonic'>): Promise<void> {
  let askedAt: number | undefined;
  await new Promise<void>((resolve) => {
    const onSignal = () => {
      if (askedAt !== undefined && clock.monotonic() - askedAt > sameSignalMs) process.exit(130);
      askedAt ??= clock.monotonic();
      resolve();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    scope.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const timer = clock.after(deadlineMs, () => {
    console.error('pilothouse: stopping took too long, exiting');
    process.exit(1);
  });
  await scope.close();
  timer.cancel();
}
