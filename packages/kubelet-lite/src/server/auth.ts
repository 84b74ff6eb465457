/** Who may ask the kubelet: client certificates of the cluster's authority, tokens by TokenReview, rights by SubjectAccessReview. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { subjectAccessReviews, tokenReviews } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';

export interface ServerUser {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export interface Gate {
  /** The status and text to refuse with; undefined: go ahead. */
  check(request: IncomingMessage, path: string): Promise<{ status: number; text: string } | undefined>;
}

const tokenTtlMs = 2 * 60_000;
const allowedTtlMs = 5 * 60_000;
const deniedTtlMs = 30_000;
const mostKept = 4096;

const verbs: Record<string, string> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Subresources of nodes that a path asks for; any one of them that is allowed lets the request in. */
export function subresourcesOf(path: string): string[] {
  const under = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  if (under('/stats')) return ['stats'];
  if (under('/metrics')) return ['metrics'];
  if (under('/logs')) return ['log'];
  if (under('/checkpoint')) return ['checkpoint'];
  if (under('/pods') || under('/runningpods')) return ['pods', 'proxy'];
  if (under('/healthz')) return ['healthz', 'proxy'];
  if (under('/configz')) return ['configz', 'proxy'];
  return ['proxy'];
}

export function createGate(options: { client: Client; clock: Clock; nodeNames(): readonly string[]; anonymousAuth: boolean; mode: 'Webhook' | 'AlwaysAllow' }): Gate {
  const { client, clock } = options;
  const tokens = new Map<string, { user: ServerUser | undefined; untilMs: number }>();
  const decisions = new Map<string, { allowed: boolean; untilMs: number }>();
  const keep = <V>(map: Map<string, V>, key: string, value: V) => {
    if (map.size >= mostKept) map.clear();
    map.set(key, value);
  };

  async function userOf(request: IncomingMessage): Promise<ServerUser | undefined> {
    const socket = request.socket as TLSSocket;
    if (socket.authorized) {
      const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined;
      if (subject?.CN) return { name: subject.CN, groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
    }
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return options.anonymousAuth ? { name: 'system:anonymous', groups: ['system:unauthenticated'] } : undefined;
    const kept = tokens.get(token);
    if (kept && kept.untilMs > clock.now()) return kept.user;
    const review = await client.create(tokenReviews, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } });
    const { authenticated, user } = review.status ?? {};
    const found = authenticated && user?.username ? { name: user.username, uid: user.uid, groups: user.groups ?? [], extra: user.extra as Record<string, string[]> | undefined } : undefined;
    keep(tokens, token, { user: found, untilMs: clock.now() + tokenTtlMs });
    return found;
  }

  async function allowed(user: ServerUser, verb: string, subresource: string): Promise<boolean> {
    for (const name of options.nodeNames().slice(0, 1)) {
      const key = JSON.stringify([user, verb, subresource, name]);
      const kept = decisions.get(key);
      if (kept && kept.untilMs > clock.now()) return kept.allowed;
      const review = await client.create(subjectAccessReviews, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        metadata: {},
        spec: { user: user.name, groups: user.groups, ...(user.uid && { uid: user.uid }), ...(user.extra && { extra: user.extra }), resourceAttributes: { verb, group: '', version: 'v1', resource: 'nodes', subresource, name } },
      });
      const verdict = review.status?.allowed === true;
      keep(decisions, key, { allowed: verdict, untilMs: clock.now() + (verdict ? allowedTtlMs : deniedTtlMs) });
      return verdict;
    }
    return false;
  }

  return {
    async check(request, path) {
      let user: ServerUser | undefined;
      try {
        user = await userOf(request);
      } catch {
        user = undefined;
      }
      if (!user) return { status: 401, text: 'Unauthorized' };
      if (options.mode === 'AlwaysAllow') return undefined;
      const verb = verbs[request.method ?? 'GET'] ?? '';
      const subresources = subresourcesOf(path);
      try {
        for (const subresource of subresources) if (await allowed(user, verb, subresource)) return undefined;
      } catch (error) {
        return { status: 500, text: `Authorization error (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}]): ${(error as Error).message}` };
      }
      return { status: 403, text: `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])` };
    },
  };
}
