import { messageOf } from '@pilothouse/base';
import type { TokenAuthenticator } from './authenticator.ts';

/** Thrown when a token is refused; `message` is what TokenReview's `status.error` says. */
export class InvalidToken extends Error {
  override name = 'InvalidToken';
}

/** Asks each in turn; the first that knows the token decides. @throws InvalidToken when none does */
export async function authenticateToken(authenticators: readonly TokenAuthenticator[], token: string, audiences: readonly string[]) {
  const errors: string[] = [];
  for (const authenticator of authenticators) {
    try {
      const identity = await authenticator.authenticateToken(token, audiences);
      if (identity) return identity;
    } catch (error) {
      errors.push(messageOf(error));
    }
  }
  const invalid = 'invalid bearer token';
  throw new InvalidToken(errors.length ? `[${[invalid, ...new Set(errors)].join(', ')}]` : invalid);
}
