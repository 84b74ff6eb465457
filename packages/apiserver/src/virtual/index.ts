/** Creates that are answered by computing. One file each, one list. */
import type { Authorizer, VirtualHandler } from '../contract.ts';
import type { TokenAuthenticator } from '../auth/tokens/authenticator.ts';
import type { TokenIssuer } from '../auth/tokens/issuer.ts';
import { localSubjectAccessReview } from './local-subject-access-review.ts';
import { selfSubjectAccessReview } from './self-subject-access-review.ts';
import { selfSubjectReview } from './self-subject-review.ts';
import { selfSubjectRulesReview } from './self-subject-rules-review.ts';
import { subjectAccessReview } from './subject-access-review.ts';
import { tokenRequest } from './token-request.ts';
import { tokenReview } from './token-review.ts';

export interface VirtualOptions {
  authorizer: Authorizer;
  tokens: readonly TokenAuthenticator[];
  issuer: TokenIssuer;
  /** `--service-account-max-token-expiration` in seconds. */
  maxTokenExpirationSeconds?: number;
}

export const virtualHandlers = ({ authorizer, tokens, issuer, maxTokenExpirationSeconds }: VirtualOptions): VirtualHandler[] => [
  subjectAccessReview(authorizer),
  localSubjectAccessReview(authorizer),
  selfSubjectAccessReview(authorizer),
  selfSubjectRulesReview(authorizer),
  selfSubjectReview,
  tokenReview(tokens, issuer.audiences),
  tokenRequest(issuer, maxTokenExpirationSeconds),
];
