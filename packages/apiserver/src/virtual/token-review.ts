import { badRequestError, goQuote } from '@pilothouse/apimachinery';
import type { User, VirtualHandler } from '../contract.ts';
import { allAuthenticated } from '../auth/names.ts';
import type { TokenAuthenticator } from '../auth/tokens/authenticator.ts';
import { authenticateToken, InvalidToken } from '../auth/tokens/union.ts';
import { userInfo } from './self-subject-review.ts';

const authenticated = (user: User): User => (user.groups.includes(allAuthenticated) ? user : { ...user, groups: [...user.groups, allAuthenticated] });

/** Whom does this token stand for? Asked by kubelets and extension servers. `apiAudiences`: where the review names none. */
export const tokenReview = (authenticators: readonly TokenAuthenticator[], apiAudiences: readonly string[]): VirtualHandler => ({
  group: 'authentication.k8s.io',
  plural: 'tokenreviews',
  subresource: '',
  async create({ object, admit }) {
    const spec = object.spec ?? {};
    if (!spec.token) throw badRequestError('token is required for TokenReview in authentication');
    await admit();
    const audiences: readonly string[] = spec.audiences?.length ? spec.audiences : apiAudiences;
    try {
      const found = await authenticateToken(authenticators, spec.token, audiences);
      // An authenticator that knows nothing of audiences speaks for the API server's own.
      const good = found.audiences ?? apiAudiences.filter((a) => audiences.includes(a));
      if (!good.length) throw new InvalidToken(`[invalid bearer token, token audiences are invalid for the target audiences [${audiences.map(goQuote).join(' ')}]]`);
      object.status = { authenticated: true, user: userInfo(authenticated(found.user)), audiences: [...good] };
    } catch (error) {
      if (!(error instanceof InvalidToken)) throw error;
      object.status = { user: {}, error: error.message };
    }
    return object;
  },
});
