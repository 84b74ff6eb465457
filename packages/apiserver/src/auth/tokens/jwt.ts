/** JSON Web Tokens in the two forms service accounts use: RS256 and ES256. Synchronous: node:crypto is quicker than any wrapper here. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export interface SigningKey {
  algorithm: 'RS256' | 'ES256';
  keyId: string;
  privateKey: KeyObject;
}

export interface VerificationKey {
  algorithm: 'RS256' | 'ES256';
  keyId: string;
  publicKey: KeyObject;
}

export interface DecodedToken {
  header: { alg?: string; kid?: string };
  claims: Record<string, any>;
  signed: string;
  signature: Buffer;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function algorithmOf(key: KeyObject): 'RS256' | 'ES256' {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw new Error(`service account keys must be RSA or ECDSA P-256, not ${key.asymmetricKeyType}`);
}

/** The key id upstream gives a key: the SHA-256 of its public part. */
const keyIdOf = (publicKey: KeyObject) => createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');

export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { algorithm: algorithmOf(privateKey), keyId: keyIdOf(createPublicKey(pem)), privateKey };
}

/** `pem` may hold a public or a private key. */
export function verificationKey(pem: string): VerificationKey {
  const publicKey = createPublicKey(pem);
  return { algorithm: algorithmOf(publicKey), keyId: keyIdOf(publicKey), publicKey };
}

/** Options that make ECDSA signatures the 64 bytes JWS wants rather than DER. */
const form = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' as const });

export function signToken(key: SigningKey, claims: Record<string, unknown>): string {
  const signed = `${encode({ alg: key.algorithm, kid: key.keyId })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), form(key.privateKey)).toString('base64url')}`;
}

/** Takes a token apart without trusting it; undefined when it is no JWT. */
export function decodeToken(token: string): DecodedToken | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const header = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
    if (typeof header !== 'object' || typeof claims !== 'object' || !header || !claims) return undefined;
    return { header, claims, signed: `${parts[0]}.${parts[1]}`, signature: Buffer.from(parts[2], 'base64url') };
  } catch {
    return undefined;
  }
}

/** Whether one of the keys made the signature. The algorithm is the key's, never the token's choice. */
export function isSignedBy(token: DecodedToken, keys: readonly VerificationKey[]): boolean {
  const named = keys.filter((k) => k.keyId === token.header.kid);
  return (named.length ? named : keys).some((k) => token.header.alg === k.algorithm && verify('sha256', Buffer.from(token.signed), form(k.publicKey), token.signature));
}

/** The public keys as a JWK set, for `/openid/v1/jwks`. */
export const jwks = (keys: readonly VerificationKey[]) => ({ keys: keys.map((k) => ({ use: 'sig', ...jwkOf(k), kid: k.keyId, alg: k.algorithm })) });

function jwkOf(key: VerificationKey): Record<string, unknown> {
  return key.publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
}
