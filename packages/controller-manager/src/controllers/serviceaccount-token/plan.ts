/** What is missing from a service account's token secret. Pure. */
import type { Secret, ServiceAccount } from '@pilothouse/api-schemas/types/core/v1';

export const accountNameAnnotation = 'kubernetes.io/service-account.name';
export const accountUidAnnotation = 'kubernetes.io/service-account.uid';

export const isTokenSecret = (secret: Secret): boolean => secret.type === 'kubernetes.io/service-account-token';

/** Key of the account a token secret is for. */
export const accountKeyOf = ({ metadata }: Secret): string => `${metadata.namespace}/${metadata.annotations?.[accountNameAnnotation] ?? ''}`;

/** Whether the secret is for this very account, not for another of its name. */
export function isFor(secret: Secret, account: ServiceAccount | undefined): account is ServiceAccount {
  const uid = secret.metadata.annotations?.[accountUidAnnotation];
  return account !== undefined && (!uid || uid === account.metadata.uid);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The secret with all it lacks; undefined where it lacks nothing. */
export function completed(secret: Secret, account: ServiceAccount, options: { rootCa?: string; makeToken: (account: ServiceAccount, secret: Secret) => string }): Secret | undefined {
  const data = (secret.data ?? {}) as Record<string, string>;
  const rootCa = options.rootCa ? base64(options.rootCa) : undefined;
  const lacksCa = rootCa !== undefined && data['ca.crt'] !== rootCa;
  if (!lacksCa && data.namespace && data.token) return undefined;
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, [accountNameAnnotation]: account.metadata.name!, [accountUidAnnotation]: account.metadata.uid! } },
    data: {
      ...data,
      ...(lacksCa && { 'ca.crt': rootCa }),
      namespace: data.namespace || base64(secret.metadata.namespace!),
      token: data.token || base64(options.makeToken(account, secret)),
    },
  };
}
