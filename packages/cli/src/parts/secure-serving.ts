/**
 * A daemon's own HTTPS port, as upstream's daemons have it: health for anybody, the rest for whom the cluster's API server
 * knows (TokenReview, client certificates) and lets (SubjectAccessReview).
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { issueAuthority, issueCertificate } from '@pilothouse/apiserver/pki/index';
import { subjectAccessReviews, tokenReviews } from '@pilothouse/apimachinery';
import { type Runtime, type Scope, UserError } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { readFlagFile } from './flag-files.ts';

export interface SecureServingFlags {
  bindAddress: string;
  /** 0: do not serve. */
  securePort: number;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  clientCaFile?: string;
  /** Paths that need no authorization; `/foo/*` is a prefix. */
  authorizationAlwaysAllowPaths: readonly string[];
}

export interface SecureServing {
  flags: SecureServingFlags;
  /** Whom TokenReviews are asked of; absent: tokens are not looked at. */
  authentication?: Client;
  /** Whom SubjectAccessReviews are asked of; absent: only system:masters may. */
  authorization?: Client;
  /** The body and its type; undefined: there is nothing under this path. */
  answer(path: string): { status: number; text: string; type: string } | undefined;
}

interface User {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

const yearMs = 365 * 24 * 3_600_000;
const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Serves until the scope closes. @throws UserError for a port or a file that cannot be had */
export async function serveSecurely(runtime: Runtime, scope: Scope, { flags, answer, ...reviews }: SecureServing): Promise<void> {
  if (!flags.securePort) return;
  const serving = await certificate(runtime, flags);
  const clientCa = readFlagFile('client-ca-file', flags.clientCaFile);
  const server = createServer({ ...serving, ...(clientCa && { ca: clientCa }), requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const send = (status: number, text: string, type = 'text/plain; charset=utf-8') => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache, private', 'x-content-type-options': 'nosniff' }).end(request.method === 'HEAD' ? undefined : text);
    const refusal = flags.authorizationAlwaysAllowPaths.some((allowed) => matches(allowed, path)) ? Promise.resolve(undefined) : refuse(request, path, { ...reviews, byCertificate: clientCa !== undefined });
    refusal.then(
      (refused) => {
        if (refused) return send(refused.status, refused.text);
        const found = answer(path);
        return found ? send(found.status, found.text, found.type) : send(404, '404 page not found\n');
      },
      (error) => {
        runtime.log.warn('A request could not be judged', { path, reason: error instanceof Error ? error.message : String(error) });
        send(500, 'Internal Server Error\n');
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new UserError(`--secure-port ${flags.securePort}: ${error.code === 'EADDRINUSE' ? 'the port is taken' : error.message}`)));
    server.listen(flags.securePort, flags.bindAddress === '0.0.0.0' ? undefined : flags.bindAddress, resolve);
  });
  scope.defer(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
}

const matches = (allowed: string, path: string): boolean => (allowed.endsWith('/*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed);

/** From the flags' files, or made for this run as upstream makes its own. */
async function certificate({ clock, random }: Runtime, flags: SecureServingFlags): Promise<{ cert: string; key: string }> {
  if (flags.tlsCertFile || flags.tlsPrivateKeyFile) {
    if (!flags.tlsCertFile || !flags.tlsPrivateKeyFile) throw new UserError('--tls-cert-file and --tls-private-key-file belong together');
    return { cert: readFlagFile('tls-cert-file', flags.tlsCertFile), key: readFlagFile('tls-private-key-file', flags.tlsPrivateKeyFile) };
  }
  const now = clock.now();
  const validity = { notBefore: now - 3_600_000, notAfter: now + yearMs };
  const stamp = Math.floor(now / 1000);
  const authority = await issueAuthority(`localhost-ca@${stamp}`, validity, random);
  const own = await issueCertificate(authority, { commonName: `localhost@${stamp}`, usages: ['server'], names: ['localhost'], addresses: ['127.0.0.1', ...(/^[\d.]+$|:/.test(flags.bindAddress) ? [flags.bindAddress] : [])] }, validity, random);
  return { cert: own.certificate + authority.certificate, key: own.key };
}

async function refuse(request: IncomingMessage, path: string, { authentication, authorization, byCertificate }: Pick<SecureServing, 'authentication' | 'authorization'> & { byCertificate: boolean }): Promise<{ status: number; text: string } | undefined> {
  const user = await userOf(request, authentication, byCertificate);
  if (!user) return { status: 401, text: 'Unauthorized\n' };
  if (user.groups.includes('system:masters')) return undefined;
  const forbidden = { status: 403, text: `Forbidden: User "${user.name}" cannot ${(request.method ?? 'GET').toLowerCase()} path "${path}"\n` };
  if (!authorization) return forbidden;
  const { status } = await authorization.create(subjectAccessReviews, { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {}, spec: { user: user.name, uid: user.uid, groups: user.groups, extra: user.extra, nonResourceAttributes: { path, verb: (request.method ?? 'GET').toLowerCase() } } });
  return status?.allowed ? undefined : forbidden;
}

async function userOf(request: IncomingMessage, authentication: Client | undefined, byCertificate: boolean): Promise<User | undefined> {
  const socket = request.socket as TLSSocket;
  if (byCertificate && socket.authorized) {
    const subject = new X509Certificate(socket.getPeerCertificate().raw).toLegacyObject().subject as { CN?: string; O?: string | string[] };
    if (subject.CN) return { name: subject.CN, groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
  }
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!token) return anonymous;
  if (!authentication) return undefined;
  const { status } = await authentication.create(tokenReviews, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } });
  return status?.authenticated ? { name: status.user?.username ?? '', uid: status.user?.uid, groups: status.user?.groups ?? [], extra: status.user?.extra as Record<string, string[]> | undefined } : undefined;
}
