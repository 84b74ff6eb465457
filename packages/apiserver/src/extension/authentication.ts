/** Who asks, as an extension API server knows it: by what the API server publishes in its ConfigMap. */
import type { ConfigMap } from '@pilothouse/api-schemas/types/core/v1';
import { configMaps, isNotFound, tokenReviews, unauthorizedError } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope } from '@pilothouse/base';
import { bearerToken } from '../auth/authenticators/bearer.ts';
import { certificateAuthenticator, certificateChecker } from '../auth/authenticators/certificate.ts';
import { requestHeaderAuthenticator, type RequestHeaderOptions } from '../auth/authenticators/request-header.ts';
import { unionAuthenticator } from '../auth/authenticators/union.ts';
import type { Authenticator } from '../contract.ts';
import type { ReviewClient } from './index.ts';
import { briefCache } from './brief-cache.ts';

export interface PublishedAuthentication {
  /** PEM bundles: of users' certificates, and of front proxies'. */
  clientCa?: string;
  requestHeaderCa?: string;
  requestHeader: RequestHeaderOptions;
}

const listOf = (text: string | undefined): string[] | undefined => {
  const list: unknown = text === undefined ? undefined : JSON.parse(text);
  return Array.isArray(list) && list.length ? list.map(String) : undefined;
};
const lower = (names: string[] | undefined): string[] | undefined => names?.map((name) => name.toLowerCase());

/** Reads `extension-apiserver-authentication`. @throws SyntaxError for lists that are none */
export function publishedAuthentication({ data = {} }: ConfigMap): PublishedAuthentication {
  const headers = {
    userHeaders: lower(listOf(data['requestheader-username-headers'])),
    uidHeaders: lower(listOf(data['requestheader-uid-headers'])),
    groupHeaders: lower(listOf(data['requestheader-group-headers'])),
    extraHeaderPrefixes: lower(listOf(data['requestheader-extra-headers-prefix'])),
  };
  return {
    clientCa: data['client-ca-file'],
    requestHeaderCa: data['requestheader-client-ca-file'],
    requestHeader: { ...Object.fromEntries(Object.entries(headers).filter(([, names]) => names)), allowedNames: listOf(data['requestheader-allowed-names']) ?? [] },
  };
}

const againMs = 60_000;
/** As long as upstream remembers what a token stands for. */
const tokenLifeMs = 10_000;

function tokens({ clock, log }: Runtime, client: ReviewClient): Authenticator {
  const known = briefCache<Awaited<ReturnType<typeof ask>>>(clock, () => tokenLifeMs);
  const ask = async (token: string) => (await client.create(tokenReviews, { metadata: {}, spec: { token } })).status;
  return {
    name: 'token-review',
    async authenticate({ headers }) {
      const token = bearerToken(headers);
      if (token === undefined) return undefined;
      const status = await known(token, () => ask(token));
      if (!status?.authenticated) {
        log.info('Unable to authenticate the request', { err: status?.error });
        throw unauthorizedError();
      }
      const { username = '', uid, groups, extra } = status.user ?? {};
      return { user: { name: username, ...(uid && { uid }), groups: groups ?? [], ...(extra && { extra }) } };
    },
  };
}

export interface DelegatedAuthentication {
  authenticator: Authenticator;
  /** Authorities of all certificates that may be shown; to be given to the listener. */
  authorities(): string[];
}

/**
 * Front proxy, client certificates, tokens by TokenReview, anonymous; asked in this order. Follows the ConfigMap until
 * the scope closes; `changed` is called when the authorities are others.
 * @throws StatusError where the ConfigMap cannot be read at first
 */
export async function delegatedAuthentication(runtime: Runtime, scope: Scope, client: ReviewClient, changed: () => void): Promise<DelegatedAuthentication> {
  const token = tokens(runtime, client);
  let held = '';
  let published: PublishedAuthentication = { requestHeader: {} };
  let authenticator = unionAuthenticator([token], true);
  async function read(): Promise<void> {
    const found = await client.get(configMaps, 'extension-apiserver-authentication', { namespace: 'kube-system' }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    const now = JSON.stringify(found?.data ?? {});
    if (now === held) return;
    published = publishedAuthentication(found ?? { metadata: {} });
    held = now;
    const { clientCa, requestHeaderCa, requestHeader } = published;
    authenticator = unionAuthenticator([
      ...(requestHeaderCa ? [requestHeaderAuthenticator(certificateChecker(runtime, [requestHeaderCa]), requestHeader)] : []),
      ...(clientCa ? [certificateAuthenticator(certificateChecker(runtime, [clientCa]))] : []),
      token,
    ], true);
    changed();
  }
  await read();
  const again = runtime.clock.every(againMs, () => void read().catch((error: unknown) => scope.closed || runtime.log.warn('Cannot read how requests are to be authenticated', { err: messageOf(error) })));
  scope.defer(() => again.cancel());
  return {
    authenticator: { name: 'delegated', authenticate: (request) => authenticator.authenticate(request) },
    authorities: () => [published.clientCa, published.requestHeaderCa].filter((one) => one !== undefined),
  };
}
