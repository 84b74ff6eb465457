import type { ApiRequest } from '@pilothouse/apimachinery';
import { unauthorizedError } from '@pilothouse/apimachinery';
import type { Logger } from '@pilothouse/base';
import type { Authenticator } from '../../contract.ts';
import { headerValues } from '../headers.ts';
import type { TokenAuthenticator } from '../tokens/authenticator.ts';
import { authenticateToken, InvalidToken } from '../tokens/union.ts';

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/** The token of an `Authorization: Bearer` header, or of a WebSocket's subprotocol, which is all a browser can set. */
export function bearerToken(headers: ApiRequest['headers']): string | undefined {
  const authorization = headerValues(headers, 'authorization')[0]?.trim();
  const space = authorization?.indexOf(' ') ?? -1;
  if (space > 0 && authorization!.slice(0, space).toLowerCase() === 'bearer') return authorization!.slice(space + 1) || undefined;
  if (!headerValues(headers, 'upgrade').some((v) => v.toLowerCase() === 'websocket')) return undefined;
  const protocols = headerValues(headers, 'sec-websocket-protocol').flatMap((v) => v.split(',')).map((p) => p.trim());
  const encoded = protocols.find((p) => p.startsWith(protocolPrefix))?.slice(protocolPrefix.length);
  return encoded ? Buffer.from(encoded, 'base64url').toString() : undefined;
}

export function bearerAuthenticator(authenticators: readonly TokenAuthenticator[], audiences: readonly string[], log: Logger): Authenticator {
  return {
    name: 'bearer-token',
    authenticate({ headers }) {
      const token = bearerToken(headers);
      return token === undefined ? undefined : identityOf(token);
    },
  };

  async function identityOf(token: string) {
    try {
      return await authenticateToken(authenticators, token, audiences);
    } catch (error) {
      if (!(error instanceof InvalidToken)) throw error;
      log.info('Unable to authenticate the request', { err: error.message });
      throw unauthorizedError();
    }
  }
}
