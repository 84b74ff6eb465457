/** Makes service account tokens and tells others how to check them (OpenID discovery). */
import type { Runtime } from '@pilothouse/base';
import { jwks, type SigningKey, signingKey, signToken, type VerificationKey, verificationKey } from './jwt.ts';

export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';

/** A projected token asked for with this life is of the kind the service account admission mounts: it is extended, and use past this age noted. */
const warnOnlyExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 3600;

interface ObjectIdentity {
  name: string;
  uid?: string;
}

export interface TokenSpec {
  serviceAccount: { namespace: string; name: string; uid: string };
  pod?: ObjectIdentity;
  secret?: ObjectIdentity;
  node?: ObjectIdentity;
  audiences: readonly string[];
  expirationSeconds: number;
}

export interface TokenIssuer {
  issuer: string;
  audiences: readonly string[];
  keys(): Promise<readonly VerificationKey[]>;
  /** `expiresAtMs` is what the holder is told, which may be before the token's own end. */
  issue(spec: TokenSpec): Promise<{ token: string; expiresAtMs: number; id: string }>;
  /** Body of `/.well-known/openid-configuration`. */
  discovery(): Promise<Record<string, unknown>>;
  /** Body of `/openid/v1/jwks`. */
  jwks(): Promise<Record<string, unknown>>;
}

export interface TokenIssuerOptions {
  /** PEM; a promise while the key is being made. */
  privateKey: string | Promise<string>;
  /** Further PEM keys whose tokens are accepted. */
  publicKeys?: readonly string[];
  issuer?: string;
  /** API audiences; default: the issuer. */
  audiences?: readonly string[];
  /** Where `jwks_uri` points. */
  jwksUri?: string;
  /** `--service-account-extend-token-expiration`; default true. */
  extendExpiration?: boolean;
}

export function createTokenIssuer(runtime: Runtime, options: TokenIssuerOptions): TokenIssuer {
  const issuer = options.issuer ?? defaultIssuer;
  const audiences = options.audiences ?? [issuer];
  let loaded: Promise<{ signing: SigningKey; verification: VerificationKey[] }> | undefined;
  const load = () => {
    loaded ??= Promise.resolve(options.privateKey).then((pem) => ({ signing: signingKey(pem), verification: [verificationKey(pem), ...(options.publicKeys ?? []).map(verificationKey)] }));
    return loaded;
  };
  return {
    issuer,
    audiences,
    keys: async () => (await load()).verification,
    async issue(spec) {
      const nowSeconds = Math.floor(runtime.clock.now() / 1000);
      // Only tokens for the API itself: others must be able to rely on the life that was asked for.
      const extended = options.extendExpiration !== false && spec.expirationSeconds === warnOnlyExpirationSeconds && spec.audiences.every((a) => audiences.includes(a));
      const id = runtime.random.uuid();
      const reference = (o: ObjectIdentity | undefined) => o && { name: o.name, ...(o.uid && { uid: o.uid }) };
      const { signing } = await load();
      const token = signToken(signing, {
        aud: spec.audiences,
        exp: nowSeconds + (extended ? extendedExpirationSeconds : spec.expirationSeconds),
        iat: nowSeconds,
        iss: issuer,
        jti: id,
        'kubernetes.io': {
          namespace: spec.serviceAccount.namespace,
          ...(spec.node && { node: reference(spec.node) }),
          ...(spec.pod && { pod: reference(spec.pod) }),
          ...(spec.secret && { secret: reference(spec.secret) }),
          serviceaccount: { name: spec.serviceAccount.name, uid: spec.serviceAccount.uid },
          ...(extended && { warnafter: nowSeconds + spec.expirationSeconds }),
        },
        nbf: nowSeconds,
        sub: `system:serviceaccount:${spec.serviceAccount.namespace}:${spec.serviceAccount.name}`,
      });
      return { token, expiresAtMs: (nowSeconds + spec.expirationSeconds) * 1000, id };
    },
    async discovery() {
      const algorithms = [...new Set((await load()).verification.map((k) => k.algorithm))];
      return { issuer, jwks_uri: options.jwksUri ?? `${issuer}/openid/v1/jwks`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: algorithms };
    },
    jwks: async () => jwks((await load()).verification),
  };
}
