import type { ApiHandler, ApiRequest } from '@pilothouse/apimachinery';
import { clone } from '../clone.ts';
import type { Transport } from '../contract.ts';

/** Who calls: a verified certificate's subject, or a bearer token. */
export type InProcessIdentity = { certificate: NonNullable<NonNullable<ApiRequest['peer']>['certificate']> } | { bearerToken: string | (() => string) } | { anonymous: true };

/**
 * Calls an API server in the same process, through the same authentication, authorization and admission as a socket
 * would. Bodies are copied on the way in; objects come out shared and must not be changed.
 */
export function createInProcessTransport(handler: ApiHandler, identity: InProcessIdentity): Transport {
  let closed = false;
  return {
    async request(request) {
      if (closed) throw new Error('the transport is closed');
      if (request.signal.aborted) throw request.signal.reason;
      const headers = { ...request.headers };
      if ('bearerToken' in identity) headers.authorization = `Bearer ${typeof identity.bearerToken === 'function' ? identity.bearerToken() : identity.bearerToken}`;
      return handler({
        ...request,
        headers,
        ...(request.bodyObject !== undefined && { bodyObject: clone(request.bodyObject) }),
        peer: { address: '127.0.0.1', ...('certificate' in identity && { certificate: identity.certificate }) },
      });
    },
    async close() {
      closed = true;
    },
  };
}
