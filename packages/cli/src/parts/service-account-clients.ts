/** Clients that act as service accounts of kube-system, as `--use-service-account-credentials` has it. */
import { serviceAccounts } from '@pilothouse/apimachinery';
import type { Runtime, Scope } from '@pilothouse/base';
import { type Client, type ClientOptions, createClient, type Transport } from '@pilothouse/client';

/** What upstream's controller manager asks for; the API server may grant less. */
const tokenSeconds = 3600;
/** A token is replaced when this share of its life is over. */
const renewAfter = 0.8;

interface TokenRequest {
  status: { token: string; expirationTimestamp: string };
}

/**
 * One client per service account. `asker` makes the account where it is missing and asks for its tokens (TokenRequest);
 * a token is renewed before it expires, and at once when the API server refuses it. `transport` is shared by all, closed
 * with the scope, and must not bring credentials of its own.
 */
export function serviceAccountClients(asker: Client, transport: Transport, { runtime, scope, options }: { runtime: Runtime; scope: Scope; options: (name: string) => ClientOptions }): (name: string) => Client {
  scope.defer(() => transport.close());
  const made = new Map<string, Client>();
  const make = (name: string): Client => {
    let token: { text: string; renewAtMs: number } | undefined;
    let asking: Promise<string> | undefined;
    const ask = async (): Promise<string> => {
      const request = () => asker.createSubresource<TokenRequest>(serviceAccounts, name, 'token', { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { expirationSeconds: tokenSeconds } }, { namespace: 'kube-system' });
      await asker.get(serviceAccounts, name, { namespace: 'kube-system' }).catch(() => asker.create(serviceAccounts, { metadata: { name, namespace: 'kube-system' } }).catch(() => undefined));
      const { status } = await request();
      const now = runtime.clock.now();
      token = { text: status.token, renewAtMs: now + (Date.parse(status.expirationTimestamp) - now) * renewAfter };
      return token.text;
    };
    const current = (): string | Promise<string> => {
      if (token && runtime.clock.now() < token.renewAtMs) return token.text;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    };
    const request: Transport['request'] = async (sent) => {
      const used = await current();
      const answer = await transport.request({ ...sent, headers: { ...sent.headers, authorization: `Bearer ${used}` } });
      if (answer.status !== 401 || token?.text !== used) return answer;
      // The account was deleted and made anew, or the signing key changed: the next request asks for another token.
      token = undefined;
      return transport.request({ ...sent, headers: { ...sent.headers, authorization: `Bearer ${await current()}` } });
    };
    return scope.own(createClient({ request, close: async () => undefined }, runtime, options(name)));
  };
  return (name) => {
    let found = made.get(name);
    if (!found) made.set(name, (found = make(name)));
    return found;
  };
}
