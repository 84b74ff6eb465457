import type { User } from '../../contract.ts';

/** Who a token stands for. */
export interface TokenIdentity {
  user: User;
  /** Those of the audiences asked for that the token is good for. */
  audiences?: readonly string[];
}

/**
 * Says whom a bearer token stands for; undefined: not this kind of token. An Error says why a token of this kind is
 * refused; its message is shown by TokenReview.
 */
export interface TokenAuthenticator {
  name: string;
  authenticateToken(token: string, audiences: readonly string[]): Promise<TokenIdentity | undefined>;
}
