/** Service account tokens: bound ones (TokenRequest) and the legacy ones kept in secrets. */
import { goQuote, nodes, type ObjectMeta, pods, secrets, serviceAccounts } from '@pilothouse/apimachinery';
import type { Secret } from '@pilothouse/api-schemas/types/core/v1';
import { formatTime, parseTime, type Runtime } from '@pilothouse/base';
import type { ObjectReader } from '../../contract.ts';
import { credentialIdKey, serviceAccountGroups, serviceAccountUserName } from '../names.ts';
import type { TokenAuthenticator, TokenIdentity } from './authenticator.ts';
import type { TokenIssuer } from './issuer.ts';
import { decodeToken, isSignedBy } from './jwt.ts';

/** Clocks may differ, and a deletion may take a moment to be known. */
const leewaySeconds = 60;
const legacyIssuer = 'kubernetes/serviceaccount';
const verifiedLimit = 10_000;

interface Reference {
  name: string;
  uid: string;
}

interface BoundClaims {
  namespace: string;
  serviceaccount: Reference;
  pod?: Reference;
  secret?: Reference;
  node?: Reference;
}

const invalidated = 'service account token has been invalidated';

/** Go's `%q` of a list of strings. */
export const quoteList = (values: readonly string[]): string => `[${values.map(goQuote).join(' ')}]`;

export interface ServiceAccountTokensOptions {
  issuer: Pick<TokenIssuer, 'issuer' | 'audiences' | 'keys'>;
  read: ObjectReader;
  /** Whether the objects a token is bound to must still exist (`--service-account-lookup`); default true. */
  lookup?: boolean;
  /** Told of the use of a token kept in a secret, the first time on a day (`2026-01-02`) that the secret does not show yet. */
  legacyTokenUsed?: (secret: Secret, day: string) => void;
}

const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';

export function serviceAccountTokens(runtime: Runtime, { issuer, read, lookup = true, legacyTokenUsed }: ServiceAccountTokensOptions): TokenAuthenticator {
  /** Claims of tokens whose signature has been checked, oldest first. Whether they still hold is asked every time. */
  const verified = new Map<string, Record<string, any>>();
  /** Secrets whose use has been told of, by uid: the day. */
  const noted = new Map<string, string>();

  async function claimsOf(token: string): Promise<Record<string, any> | undefined> {
    const known = verified.get(token);
    if (known) return known;
    const decoded = decodeToken(token);
    if (!decoded || (decoded.claims.iss !== issuer.issuer && decoded.claims.iss !== legacyIssuer)) return undefined;
    if (!isSignedBy(decoded, await issuer.keys())) throw new Error('failed to verify signature on jwt: error verifying token with any of the known keys');
    if (verified.size >= verifiedLimit) verified.delete(verified.keys().next().value!);
    verified.set(token, decoded.claims);
    return decoded.claims;
  }

  const gone = (metadata: ObjectMeta | undefined) => !metadata || (metadata.deletionTimestamp !== undefined && parseTime(metadata.deletionTimestamp) < runtime.clock.now() - leewaySeconds * 1000);

  async function checkServiceAccount(namespace: string, reference: Reference): Promise<void> {
    const account = await read.get(serviceAccounts, reference.name, namespace);
    if (!account) throw new Error(`serviceaccounts ${goQuote(reference.name)} not found`);
    if (gone(account.metadata)) throw new Error(`service account ${namespace}/${reference.name} has been deleted`);
    if (account.metadata.uid !== reference.uid) throw new Error(`service account UID (${account.metadata.uid}) does not match claim (${reference.uid})`);
  }

  async function checkBound(what: 'pod' | 'secret' | 'node', metadata: ObjectMeta | undefined, reference: Reference): Promise<void> {
    if (gone(metadata)) throw new Error(invalidated);
    if (metadata!.uid !== reference.uid) throw new Error(`${what} UID (${metadata!.uid}) does not match service account ${what} ref claim (${reference.uid})`);
  }

  function checkTime(claims: Record<string, any>): void {
    const now = runtime.clock.now() / 1000;
    if (claims.nbf !== undefined && now + leewaySeconds < claims.nbf) throw new Error('service account token is not valid yet');
    if (claims.exp !== undefined && now - leewaySeconds > claims.exp) throw new Error('service account token has expired');
    if (claims.iat !== undefined && now + leewaySeconds < claims.iat) throw new Error('service account token is issued in the future');
  }

  async function bound(claims: Record<string, any>, audiences: readonly string[]): Promise<TokenIdentity> {
    const held: string[] = Array.isArray(claims.aud) ? claims.aud : claims.aud ? [claims.aud] : [];
    const matching = audiences.filter((a) => held.includes(a));
    if (audiences.length && !matching.length) throw new Error(`token audiences ${quoteList(held)} is invalid for the target audiences ${quoteList(audiences)}`);
    const about = claims['kubernetes.io'] as BoundClaims | undefined;
    if (!about?.namespace || !about.serviceaccount?.name) throw new Error('service account token claims could not be validated due to unexpected private claim');
    checkTime(claims);
    const { namespace } = about;
    if (lookup) {
      await checkServiceAccount(namespace, about.serviceaccount);
      if (about.secret) await checkBound('secret', (await read.get(secrets, about.secret.name, namespace))?.metadata, about.secret);
      if (about.pod) await checkBound('pod', (await read.get(pods, about.pod.name, namespace))?.metadata, about.pod);
      // With a pod the node is only told, not bound to.
      else if (about.node) await checkBound('node', (await read.get(nodes, about.node.name))?.metadata, about.node);
    }
    return {
      user: {
        name: serviceAccountUserName(namespace, about.serviceaccount.name),
        uid: about.serviceaccount.uid,
        groups: serviceAccountGroups(namespace),
        extra: {
          ...(claims.jti && { [credentialIdKey]: [`JTI=${claims.jti}`] }),
          ...(about.pod && { 'authentication.kubernetes.io/pod-name': [about.pod.name], 'authentication.kubernetes.io/pod-uid': [about.pod.uid] }),
          ...(about.node && { 'authentication.kubernetes.io/node-name': [about.node.name], ...(about.node.uid && { 'authentication.kubernetes.io/node-uid': [about.node.uid] }) }),
        },
      },
      ...(matching.length && { audiences: matching }),
    };
  }

  async function legacy(token: string, claims: Record<string, any>, audiences: readonly string[]): Promise<TokenIdentity> {
    const claim = (name: string): string => claims[`kubernetes.io/serviceaccount/${name}`] ?? '';
    const namespace = claim('namespace');
    const secretName = claim('secret.name');
    const reference = { name: claim('service-account.name'), uid: claim('service-account.uid') };
    const matching = audiences.filter((a) => issuer.audiences.includes(a));
    if (audiences.length && !matching.length) throw new Error(`token audiences ${quoteList(issuer.audiences)} is invalid for the target audiences ${quoteList(audiences)}`);
    for (const [value, text] of [[namespace, 'namespace'], [secretName, 'secretName'], [reference.name, 'serviceAccountName'], [reference.uid, 'serviceAccountUID']]) if (!value) throw new Error(`${text} claim is missing`);
    if (claims.sub !== serviceAccountUserName(namespace, reference.name)) throw new Error('sub claim is invalid');
    if (lookup) {
      const secret = await read.get(secrets, secretName, namespace);
      if (!secret || secret.metadata.deletionTimestamp) throw new Error('service account token has been invalidated');
      if (Buffer.from(secret.data?.token ?? '', 'base64').toString() !== token) throw new Error('service account token does not match server\'s copy');
      await checkServiceAccount(namespace, reference);
      if (secret.metadata.labels?.['kubernetes.io/legacy-token-invalid-since']) throw new Error('the token in secret has been marked invalid');
      const day = formatTime(runtime.clock.now()).slice(0, 10);
      if (secret.metadata.labels?.[lastUsedLabel] !== day && noted.get(secret.metadata.uid!) !== day) {
        noted.set(secret.metadata.uid!, day);
        legacyTokenUsed?.({ ...secret, metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, [lastUsedLabel]: day } } }, day);
      }
    }
    return { user: { name: serviceAccountUserName(namespace, reference.name), uid: reference.uid, groups: serviceAccountGroups(namespace) }, ...(matching.length && { audiences: matching }) };
  }

  return {
    name: 'serviceaccount',
    async authenticateToken(token, audiences) {
      const claims = await claimsOf(token);
      if (!claims) return undefined;
      return claims.iss === issuer.issuer ? bound(claims, audiences) : legacy(token, claims, audiences);
    },
  };
}
