import { Scope } from '@pilothouse/base';

/** Longest that a clean stop may take. */
const deadlineMs = 15_000;

/**
 * Runs a daemon until it is told to stop: the first SIGTERM or SIGINT closes the scope (what was started last, first),
 * a second one exits at once. Resolves when everything is closed.
 */
export async function runUntilSignal(scope: Scope, clock: { after(ms: number, fn: () => void): { cancel(): void } }): Promise<void> {
  let asked = 0;
  await new Promise<void>((resolve) => {
    const onSignal = () => {
      if (++asked > 1) process.exit(130);
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
