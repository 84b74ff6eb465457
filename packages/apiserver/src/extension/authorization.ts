/** Whether they may: the API server is asked by SubjectAccessReview, and its answers remembered for a short while. */
import type { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from '@pilothouse/api-schemas/types/authorization/v1';
import { subjectAccessReviews } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base';
import { mastersAuthorizer, pathsAuthorizer, unionAuthorizer } from '../auth/authorizers/simple.ts';
import type { Authorizer, RequestAttributes } from '../contract.ts';
import { briefCache } from './brief-cache.ts';
import type { ReviewClient } from './index.ts';

/** Upstream's for delegated authorization. */
const cacheMs = 10_000;

function specOf({ user, verb, isResource, path, group, version, resource, subresource, namespace, name }: RequestAttributes): SubjectAccessReviewSpec {
  return {
    user: user.name,
    ...(user.uid && { uid: user.uid }),
    groups: [...user.groups],
    ...(user.extra && { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
    ...(isResource ? { resourceAttributes: { namespace, verb, group, version, resource, subresource, name } } : { nonResourceAttributes: { path, verb } }),
  };
}

/** system:masters and the paths may; all else is asked. `paths`: exact, or a prefix that ends in `*`. */
export function delegatedAuthorization(clock: Clock, client: ReviewClient, paths: readonly string[]): Authorizer {
  const known = briefCache<SubjectAccessReviewStatus>(clock, () => cacheMs);
  const asking: Authorizer = {
    name: 'subject-access-review',
    async authorize(attributes) {
      const spec = specOf(attributes);
      const { allowed, denied, reason } = await known(JSON.stringify(spec), async () => (await client.create(subjectAccessReviews, { metadata: {}, spec })).status!);
      return { decision: allowed ? 'allow' : denied ? 'deny' : 'no-opinion', ...(reason && { reason }) };
    },
  };
  return unionAuthorizer([mastersAuthorizer, pathsAuthorizer(paths), asking]);
}
