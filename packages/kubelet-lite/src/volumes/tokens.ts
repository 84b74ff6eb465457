/** Service account tokens for pods: asked for through TokenRequest, kept, and renewed before they expire. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { serviceAccounts } from '@pilothouse/apimachinery';
import { type Clock, parseTime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import type { TokenRequestSpec } from './payloads.ts';

interface Kept {
  token: string;
  expiresAtMs: number;
  lifetimeMs: number;
}

const dayMs = 24 * 3600 * 1000;

export interface TokenSource {
  get(pod: Pod, request: TokenRequestSpec): Promise<string>;
  /** Forgets a pod's tokens. */
  forget(podUid: string): void;
}

export function createTokenSource({ client, clock }: { client: Client; clock: Clock }): TokenSource {
  const kept = new Map<string, Kept>();
  // Renewed when 80 % of the life is over, or after a day.
  const stale = (t: Kept) => {
    const now = clock.now();
    return now > t.expiresAtMs - t.lifetimeMs * 0.2 || now > t.expiresAtMs - t.lifetimeMs + dayMs;
  };
  return {
    async get(pod, { audience, expirationSeconds }) {
      const key = `${pod.metadata.uid}/${pod.spec!.serviceAccountName}/${audience}/${expirationSeconds}`;
      const have = kept.get(key);
      if (have && !stale(have)) return have.token;
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { ...(audience && { audiences: [audience] }), expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid } },
      };
      try {
        const answer = await client.createSubresource<{ status: { token: string; expirationTimestamp: string } }>(serviceAccounts, pod.spec!.serviceAccountName!, 'token', body, { namespace: pod.metadata.namespace });
        const expiresAtMs = parseTime(answer.status.expirationTimestamp);
        kept.set(key, { token: answer.status.token, expiresAtMs, lifetimeMs: expiresAtMs - clock.now() });
        return answer.status.token;
      } catch (error) {
        if (have && clock.now() < have.expiresAtMs) return have.token;
        throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error });
      }
    },
    forget(uid) {
      for (const key of kept.keys()) if (key.startsWith(`${uid}/`)) kept.delete(key);
    },
  };
}
