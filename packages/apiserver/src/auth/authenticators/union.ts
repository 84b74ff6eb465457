import { type ApiRequest, unauthorizedError } from '@pilothouse/apimachinery';
import type { Authenticator, User } from '../../contract.ts';
import { allAuthenticated, allUnauthenticated, anonymousUser } from '../names.ts';

/** Everyone who has been recognised is in system:authenticated. */
function withAuthenticatedGroup(user: User): User {
  if (user.name === anonymousUser.name || user.groups.includes(allAuthenticated) || user.groups.includes(allUnauthenticated)) return user;
  return { ...user, groups: [...user.groups, allAuthenticated] };
}

/**
 * The first authenticator that recognises the request decides. Credentials that one refuses may still be accepted by
 * another (a client certificate beside a stale token); only when none accepts is the request refused. A request
 * without credentials is anonymous where `anonymous` allows it.
 */
export function unionAuthenticator(authenticators: readonly Authenticator[], anonymous: boolean): Authenticator {
  return {
    name: 'union',
    async authenticate(request: ApiRequest) {
      let refused: unknown;
      for (const authenticator of authenticators) {
        try {
          const answer = authenticator.authenticate(request);
          const found = answer instanceof Promise ? await answer : answer;
          if (found) return { ...found, user: withAuthenticatedGroup(found.user) };
        } catch (error) {
          refused ??= error;
        }
      }
      if (refused) throw refused;
      if (anonymous) return { user: anonymousUser };
      throw unauthorizedError();
    },
  };
}
