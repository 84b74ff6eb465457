import { type Status, StatusError } from '@pilothouse/apimachinery';
import type { StoreFeed } from './store-feed.ts';

/** How long a request waits for the caches to reach the revision it asks for. */
const patienceMs = 3_000;

/**
 * Resolves once the caches have reached the revision.
 * @throws StatusError 504 Timeout, which tells clients that the revision is too large
 */
export async function waitForRevision(core: { feed: StoreFeed }, revision: number): Promise<void> {
  if (core.feed.revision >= revision || (await core.feed.waitFor(revision, patienceMs))) return;
  throw tooLargeRevision(revision, core.feed.revision);
}

export function tooLargeRevision(asked: number, current: number): StatusError {
  const message = 'Too large resource version';
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    reason: 'Timeout',
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message }], retryAfterSeconds: 1 },
    code: 504,
  } satisfies Status);
}
