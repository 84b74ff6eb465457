/** Routes of discovery: `/api`, `/apis` and below. */
import { createHash } from 'node:crypto';
import { type ApiRequest, type ApiResponse, notAcceptableError, type Status, StatusError } from '@pilothouse/apimachinery';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions, type ServedApi } from '../discovery/documents.ts';
import type { NonResourceRoute, RouteContext } from '../options.ts';
import { negotiate, parseAccept, wantsPretty } from '../request/negotiate.ts';
import { textAnswer, valueAnswer } from '../request/respond.ts';


const notServed = (): StatusError => new StatusError(failure(404, 'NotFound', 'the server could not find the requested resource'));
const notAllowed = (): StatusError => new StatusError(failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'));
const failure = (code: number, reason: string, message: string): Status => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details: {}, code });

/** The form of the aggregated document: the preferred clause that asks for it, wherever it stands; undefined: the legacy document. */
function aggregatedFormat(accept: string): 'json' | 'yaml' | undefined {
  if (!accept.includes('apidiscovery.k8s.io')) return undefined;
  for (const { type, params } of parseAccept(accept)) {
    if (params.as !== 'APIGroupDiscoveryList' || params.g !== 'apidiscovery.k8s.io' || params.v !== 'v2' || params.sv !== undefined) continue;
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json';
    if (type === 'application/yaml') return 'yaml';
  }
  return undefined;
}

/** The aggregated document under its hash: who has it already gets none. */
function aggregatedAnswer(request: ApiRequest, query: URLSearchParams, document: object, format: 'json' | 'yaml'): ApiResponse {
  const text = JSON.stringify(document);
  const etag = `"${createHash('sha512').update(text).digest('hex').toUpperCase()}"`;
  const known = { etag, vary: 'Accept', 'cache-control': 'public' };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers: known };
  const headers = { 'content-type': `application/${format};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`, ...known };
  const pretty = wantsPretty(request.headers, query);
  return { status: 200, headers, body: format === 'json' && !pretty ? Buffer.from(`${text}\n`) : (valueAnswer({ format, pretty }, document).body as Uint8Array) };
}

function answer(request: ApiRequest, query: URLSearchParams, value: object): ApiResponse {
  const accepted = negotiateDiscovery(request, query);
  // The oldest document says no version of its own; its type does.
  const plain = valueAnswer(accepted, accepted.format === 'protobuf' ? { apiVersion: 'v1', ...value } : value);
  return { status: 200, headers: { ...plain.headers }, body: plain.body as Uint8Array };
}

const offered = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
/** Discovery answers with the legacy form to any JSON that it has no aggregated form for. */
function negotiateDiscovery(request: ApiRequest, query: URLSearchParams) {
  const accept = String(request.headers.accept ?? '');
  if (/application\/json|\*\/\*/.test(accept) && /apidiscovery/.test(accept)) return { format: 'json' as const, pretty: wantsPretty(request.headers, query) };
  try {
    return negotiate(request.headers, query, false);
  } catch {
    throw notAcceptableError(`only the following media types are accepted: ${offered}`);
  }
}

/** Discovery needs to know no more of the server than what it serves. */
export interface DiscoveryRoute extends NonResourceRoute {
  handle(request: ApiRequest, context: Pick<RouteContext, 'path' | 'query'>): ApiResponse;
}

/** `serverAddress`: `host:port` at which clients reach this server. */
export function discoveryRoutes(api: ServedApi, serverAddress: () => string): DiscoveryRoute[] {
  const reading = (method: string) => method === 'GET' || method === 'HEAD';
  const root = (which: 'core' | 'groups', legacy: () => object): DiscoveryRoute['handle'] => (request, { query }) => {
    if (which === 'core' && !reading(request.method)) throw notAllowed();
    const format = aggregatedFormat(String(request.headers.accept ?? ''));
    if (format) return aggregatedAnswer(request, query, aggregatedDiscovery(api, which), format);
    const response = answer(request, query, legacy());
    response.headers.vary = 'Accept';
    return response;
  };
  const list = (request: ApiRequest, query: URLSearchParams, group: string, version: string): ApiResponse => {
    const document = apiResourceList(api, group, version);
    if (!document) throw notServed();
    if (!reading(request.method)) throw notAllowed();
    return answer(request, query, document);
  };
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  return [
    { path: '/api', exact: true, methods, handle: root('core', () => apiVersions(serverAddress())) },
    { path: '/apis', exact: true, methods, handle: root('groups', () => apiGroupList(api)) },
    {
      path: '/api', methods,
      handle(request, { path, query }) {
        const [version, ...rest] = path.split('/').slice(2);
        if (rest.some(Boolean)) throw notServed();
        return list(request, query, '', version);
      },
    },
    {
      path: '/apis', methods,
      handle(request, { path, query }) {
        const [group, version, ...rest] = path.split('/').slice(2);
        const document = apiGroup(api, group);
        if (!document) return textAnswer('404 page not found\n', 404);
        if (!version) return answer(request, query, document);
        const custom = api.isCustom?.(group);
        if (custom && (rest.some(Boolean) || !document.versions.some((one) => one.version === version))) return textAnswer('404 page not found\n', 404);
        if (rest.some(Boolean)) throw notServed();
        return list(request, query, group, version);
      },
    },
  ];
}
