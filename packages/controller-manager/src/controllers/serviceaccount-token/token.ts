/** Tokens of the kind that is kept in secrets: without end, revoked by deleting the secret. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Secret, ServiceAccount } from '@pilothouse/api-schemas/types/core/v1';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const ecAlgorithms: Readonly<Record<string, { algorithm: string; digest: string }>> = {
  prime256v1: { algorithm: 'ES256', digest: 'sha256' },
  secp384r1: { algorithm: 'ES384', digest: 'sha384' },
  secp521r1: { algorithm: 'ES512', digest: 'sha512' },
};

function algorithmOf(key: KeyObject): { algorithm: string; digest: string } {
  if (key.asymmetricKeyType === 'rsa') return { algorithm: 'RS256', digest: 'sha256' };
  const found = key.asymmetricKeyType === 'ec' ? ecAlgorithms[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (!found) throw new Error(`cannot sign tokens with a key of type ${key.asymmetricKeyType}: an RSA or ECDSA key is needed`);
  return found;
}

/** Makes tokens with a private key in PEM. @throws for a key that cannot sign tokens */
export function tokenSigner(pem: string): (account: ServiceAccount, secret: Secret) => string {
  const key = createPrivateKey(pem);
  const { algorithm, digest } = algorithmOf(key);
  const keyId = createHash('sha256').update(createPublicKey(pem).export({ type: 'spki', format: 'der' })).digest('base64url');
  return ({ metadata: { namespace, name, uid } }, secret) => {
    const claims = {
      iss: 'kubernetes/serviceaccount',
      'kubernetes.io/serviceaccount/namespace': namespace,
      'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
      'kubernetes.io/serviceaccount/service-account.name': name,
      'kubernetes.io/serviceaccount/service-account.uid': uid,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const signed = `${encode({ alg: algorithm, kid: keyId })}.${encode(claims)}`;
    return `${signed}.${sign(digest, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
}
