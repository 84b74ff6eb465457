import { type ApiResponse, badRequestError, notFoundError } from '@pilothouse/apimachinery';
import { waitForRevision } from '../cache/freshness.ts';
import { plainError } from '../request/errors.ts';
import { isTrue } from '../request/info.ts';
import { answerObject } from './answer.ts';
import type { Call } from './call.ts';
import { revisionFault } from './list-options.ts';
import { prepareViews, viewOf } from './view.ts';

/**
 * One object. Without a resourceVersion the answer is at least as new as every write acknowledged before the request;
 * with one, at least as new as that; `0` takes what the cache has.
 */
export async function getObject(call: Call): Promise<ApiResponse> {
  const { core, resource, info } = call;
  if (info.query.size) refuseExport(info.query);
  const asked = info.query.size ? (info.query.get('resourceVersion') ?? '') : '';
  const { cache } = resource.stored!;
  if (asked === '') {
    const revision = core.store.revision();
    await waitForRevision(core, await revision);
  } else if (asked !== '0') {
    const problem = revisionFault(asked);
    if (problem) throw plainError(problem);
    await waitForRevision(core, Number(asked));
  }
  const entry = cache.get(info.namespace, info.name);
  if (!entry) throw notFoundError(resource.subject, info.name);
  const ready = prepareViews(resource, [entry]);
  if (ready) await ready;
  return answerObject(call, viewOf(resource, entry));
}

/** @throws StatusError 400: exporting is gone since v1.21 */
export function refuseExport(query: URLSearchParams): void {
  if (query.has('export') && isTrue(query.get('export'))) throw badRequestError('the export parameter, deprecated since v1.14, is no longer supported');
}
