/** OpenID discovery of the service account issuer. @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery */
import { type ApiRequest, type ApiResponse, type Status, StatusError } from '@pilothouse/apimachinery';
import type { TokenIssuer } from '../auth/tokens/issuer.ts';
import type { NonResourceRoute } from '../options.ts';

function answer(request: ApiRequest, value: object, type: string): ApiResponse {
  const accept = String(request.headers.accept ?? '*/*');
  if (!accept.split(',').some((clause) => ['*/*', 'application/*', type].includes(clause.split(';')[0].trim()))) {
    throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `406: Not Acceptable\n\nAvailable representations: ${type}`, reason: 'NotAcceptable', details: {}, code: 406 } satisfies Status);
  }
  return { status: 200, headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' }, body: Buffer.from(JSON.stringify(value)) };
}

export const openIdRoutes = (issuer: TokenIssuer): NonResourceRoute[] => [
  { path: '/.well-known/openid-configuration', exact: true, handle: async (request) => answer(request, await issuer.discovery(), 'application/json') },
  { path: '/openid/v1/jwks', exact: true, handle: async (request) => answer(request, await issuer.jwks(), 'application/jwk-set+json') },
];
