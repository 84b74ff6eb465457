import { readFile } from 'node:fs/promises';
import type { Clock } from '@pilothouse/base';
import type { ClusterAccess } from './kubeconfig.ts';

/** A token file is read again after this long, since tokens in pods are replaced as they age. */
const rereadMs = 60_000;

/** The headers that say who we are, where a certificate does not. */
export function credentialHeaders(access: ClusterAccess, clock: Clock): () => Promise<Record<string, string | string[]>> {
  const fixed: Record<string, string | string[]> = {};
  if (access.token) fixed.authorization = `Bearer ${access.token}`;
  else if (access.username) fixed.authorization = `Basic ${Buffer.from(`${access.username}:${access.password ?? ''}`).toString('base64')}`;
  if (access.impersonate) {
    fixed['impersonate-user'] = access.impersonate.user;
    if (access.impersonate.uid) fixed['impersonate-uid'] = access.impersonate.uid;
    if (access.impersonate.groups?.length) fixed['impersonate-group'] = access.impersonate.groups;
  }
  const file = access.tokenFile;
  if (!file) return async () => fixed;
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (clock.monotonic() - readAt >= rereadMs) {
      try {
        token = (await readFile(file, 'utf8')).trim();
        readAt = clock.monotonic();
      } catch (error) {
        if (!token && !access.token) throw error;
      }
    }
    return token ? { ...fixed, authorization: `Bearer ${token}` } : fixed;
  };
}
