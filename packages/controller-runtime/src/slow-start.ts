/**
 * Runs `attempt` up to `count` times in batches of 1, 2, 4, … side by side. After a batch with a failure no further one
 * is started, so that what cannot succeed is not tried a thousand times. Never rejects.
 */
export async function slowStartBatch(count: number, attempt: (index: number) => Promise<unknown>): Promise<{ succeeded: number; error?: unknown }> {
  let succeeded = 0;
  let started = 0;
  for (let size = Math.min(count, 1); size > 0; size = Math.min(size * 2, count - started)) {
    const first = started;
    started += size;
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => attempt(first + i)));
    const failed = results.filter((result) => result.status === 'rejected');
    succeeded += size - failed.length;
    if (failed.length) return { succeeded, error: failed[0].reason };
  }
  return { succeeded };
}
