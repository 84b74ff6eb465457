/** Bootstrap tokens as secrets hold them. Pure. @see https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/ */
import { createHmac } from 'node:crypto';
import { parseTime } from '@pilothouse/base';
import type { ConfigMap, Secret } from '@pilothouse/api-schemas/types/core/v1';

export const tokenNamespace = 'kube-system';
const nameForm = /^bootstrap-token-([a-z0-9]{6})$/;
export const signaturePrefix = 'jws-kubeconfig-';

export const isBootstrapToken = (secret: Secret): boolean => secret.type === 'bootstrap.kubernetes.io/token' && secret.metadata.namespace === tokenNamespace;

const text = (secret: Secret, key: string): string => Buffer.from((secret.data?.[key] as string | undefined) ?? '', 'base64').toString();

/** Milliseconds until the token ends, 0 or less when it has; undefined where it never does. One that cannot be read has ended. */
export function expiresInMs(secret: Secret, nowMs: number): number | undefined {
  const expiration = text(secret, 'expiration');
  if (!expiration) return undefined;
  const at = parseTime(expiration);
  return Number.isNaN(at) ? 0 : at - nowMs;
}

/** Id and secret of a token that is to sign the cluster's description; undefined where it is not, or not valid. */
function signingToken(secret: Secret, nowMs: number): { id: string; secret: string } | undefined {
  const id = text(secret, 'token-id');
  const value = text(secret, 'token-secret');
  const left = expiresInMs(secret, nowMs);
  if (!id || !value || nameForm.exec(secret.metadata.name!)?.[1] !== id) return undefined;
  if (left !== undefined && left <= 0) return undefined;
  return text(secret, 'usage-bootstrap-signing') === 'true' ? { id, secret: value } : undefined;
}

const base64url = (value: string | Buffer): string => Buffer.from(value).toString('base64url');

/** A JWS (HS256) over the content, which it leaves out. */
export function detachedSignature(content: string, id: string, secret: string): string {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret).update(`${header}.${base64url(content)}`).digest();
  return `${header}..${base64url(signature)}`;
}

/** The data of `kube-public/cluster-info`, signed by every token there is; undefined where it is so already, or there is nothing to sign. */
export function signedData({ data = {} }: ConfigMap, secrets: readonly Secret[], nowMs: number): Record<string, string> | undefined {
  const content = data.kubeconfig;
  if (content === undefined) return undefined;
  const next: Record<string, string> = {};
  for (const [key, value] of Object.entries(data as Record<string, string>)) if (!key.startsWith(signaturePrefix)) next[key] = value;
  for (const secret of secrets) {
    const token = signingToken(secret, nowMs);
    if (token) next[signaturePrefix + token.id] ??= detachedSignature(content, token.id, token.secret);
  }
  const keys = Object.keys(next);
  return keys.length === Object.keys(data).length && keys.every((key) => next[key] === data[key]) ? undefined : next;
}
