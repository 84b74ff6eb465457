/** Who asks, and whether they may: the usual compositions of what this folder holds. */
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import { secrets } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, UserError } from '@pilothouse/base';
import type { LoopbackClient } from '../bootstrap/client.ts';
import { nodeRules } from '../bootstrap/data.ts';
import type { Authenticator, Authorizer, ObjectFeed, ObjectReader, ResourceAndNonResourceRules, User } from '../contract.ts';
import { bearerAuthenticator } from './authenticators/bearer.ts';
import { certificateAuthenticator, certificateChecker } from './authenticators/certificate.ts';
import { requestHeaderAuthenticator, type RequestHeaderOptions } from './authenticators/request-header.ts';
import { unionAuthenticator } from './authenticators/union.ts';
import { nodeAuthorizer } from './authorizers/node.ts';
import { NodeGraph } from './authorizers/node-graph.ts';
import { alwaysAllow, alwaysDeny, mastersAuthorizer, pathsAuthorizer, unionAuthorizer } from './authorizers/simple.ts';
import { rbacAuthorizer } from './rbac/authorizer.ts';
import { RbacIndex } from './rbac/index.ts';
import type { TokenAuthenticator } from './tokens/authenticator.ts';
import { bootstrapTokens } from './tokens/bootstrap.ts';
import { createTokenIssuer, type TokenIssuer, type TokenIssuerOptions } from './tokens/issuer.ts';
import { serviceAccountTokens } from './tokens/service-account.ts';
import { staticTokens } from './tokens/static.ts';

export type { RequestHeaderOptions } from './authenticators/request-header.ts';
export { forbiddenByAuthorization } from './forbidden.ts';
export { impersonate } from './impersonation.ts';
export * from './names.ts';
export { escalationCheck } from './rbac/escalation.ts';
export { RbacIndex } from './rbac/index.ts';
export { createTokenIssuer, type TokenIssuer } from './tokens/issuer.ts';
export { parseTokenFile } from './tokens/static.ts';

export interface AuthenticationOptions {
  /** PEM bundles whose certificates name users (`--client-ca-file`). */
  clientAuthorities: readonly string[];
  /** PEM bundles of front proxies (`--requestheader-client-ca-file`). */
  requestHeaderAuthorities?: readonly string[];
  requestHeader?: RequestHeaderOptions;
  serviceAccounts: TokenIssuerOptions;
  read: ObjectReader;
  /** Notes on secrets when their token was last used. Absent: it is not noted. */
  client?: LoopbackClient;
  /** `--enable-bootstrap-token-auth`; default true. */
  bootstrapTokens?: boolean;
  /** `--token-auth-file`, parsed. */
  staticTokens?: Readonly<Record<string, User>>;
  /** Default true. */
  anonymous?: boolean;
}

export interface StandardAuthentication {
  authenticator: Authenticator;
  tokens: readonly TokenAuthenticator[];
  issuer: TokenIssuer;
}

/** Another writer's change is no loss: the next use tells again, tomorrow at the latest. */
const noteUse = (client: LoopbackClient, runtime: Runtime) => (secret: Secret) => void client.update(secrets, secret).catch((error) => runtime.log.debug('Cannot note the use of a token', { secret: secret.metadata.name, err: messageOf(error) }));

/** Front proxy, client certificates, bearer tokens (static, service account, bootstrap), anonymous; asked in this order. */
export function standardAuthentication(runtime: Runtime, options: AuthenticationOptions): StandardAuthentication {
  const issuer = createTokenIssuer(runtime, options.serviceAccounts);
  const tokens: TokenAuthenticator[] = [
    ...(options.staticTokens ? [staticTokens(options.staticTokens)] : []),
    serviceAccountTokens(runtime, { issuer, read: options.read, ...(options.client && { legacyTokenUsed: noteUse(options.client, runtime) }) }),
    ...(options.bootstrapTokens === false ? [] : [bootstrapTokens(runtime, options.read)]),
  ];
  const authenticators = [
    ...(options.requestHeaderAuthorities?.length ? [requestHeaderAuthenticator(certificateChecker(runtime, options.requestHeaderAuthorities), options.requestHeader)] : []),
    certificateAuthenticator(certificateChecker(runtime, options.clientAuthorities)),
    bearerAuthenticator(tokens, issuer.audiences, runtime.log),
  ];
  return { authenticator: unionAuthenticator(authenticators, options.anonymous !== false), tokens, issuer };
}

export const authorizationModes = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC'] as const;
export type AuthorizationMode = (typeof authorizationModes)[number];

export interface AuthorizationOptions {
  feed: ObjectFeed;
  /** `--authorization-mode`; default Node, RBAC. */
  modes?: readonly string[];
  /** Asked before the modes (webhooks and the like). */
  further?: readonly Authorizer[];
  /** Paths that anyone may read, with what is below them, besides the health ones. */
  publicPaths?: readonly string[];
  signal?: AbortSignal;
}

export interface StandardAuthorization {
  authorizer: Authorizer & { rulesFor(user: User, namespace: string): ResourceAndNonResourceRules };
  rbac: RbacIndex;
  /** Resolves when roles, bindings and the node graph are complete; until then only system:masters is allowed for sure. */
  ready: Promise<void>;
}

/** system:masters, public paths, then the modes. @throws UserError for a mode that does not exist */
export function standardAuthorization({ feed, modes = ['Node', 'RBAC'], further = [], publicPaths = [], signal }: AuthorizationOptions): StandardAuthorization {
  const rbac = new RbacIndex();
  const waiting: Promise<void>[] = [rbac.follow(feed, signal)];
  const make: Readonly<Record<AuthorizationMode, () => Authorizer>> = {
    AlwaysAllow: () => alwaysAllow,
    AlwaysDeny: () => alwaysDeny,
    Node: () => {
      const graph = new NodeGraph();
      waiting.push(graph.follow(feed, signal));
      return nodeAuthorizer(graph, feed, nodeRules);
    },
    RBAC: () => rbacAuthorizer(rbac),
  };
  const chosen = modes.map((mode) => {
    const factory = make[mode as AuthorizationMode];
    if (!factory) throw new UserError(`--authorization-mode: ${JSON.stringify(mode)} is not a valid mode; there are ${authorizationModes.join(', ')}`);
    return factory();
  });
  const authorizer = unionAuthorizer([mastersAuthorizer, pathsAuthorizer(['/healthz', '/livez', '/readyz', ...publicPaths]), ...further, ...chosen]);
  return { authorizer, rbac, ready: Promise.all(waiting).then(() => undefined) };
}
