/** Routes of the OpenAPI documents. */
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import type { Document, OpenApiDocuments } from '../openapi/documents.ts';
import type { RemoteOpenApi } from '../aggregation/remote-open-api.ts';
import type { NonResourceRoute } from '../options.ts';
import { parseAccept } from '../request/negotiate.ts';
import { textAnswer } from '../request/respond.ts';

/** Both names of gnostic's protobuf ask for it; the answer has the second, which is a valid media type. */
const protobufTypes = ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'];

/** The document of the whole API in the form of the best clause of Accept; 406 without a body where there is none. */
function answerV2(request: ApiRequest, documents: OpenApiDocuments, query: URLSearchParams, remote: RemoteOpenApi | undefined): ApiResponse {
  const { accept } = request.headers;
  const clauses = accept ? parseAccept(String(accept)) : [{ type: '*/*' }];
  for (const { type } of clauses) {
    if (type === 'application/json' || type === '*/*' || type === 'application/*' || type === '*/json') return answer(request, documents.v2(remote?.v2()), query, false);
    if (protobufTypes.includes(type)) return answer(request, documents.v2Protobuf(remote?.v2()), query, false, protobufTypes[1]);
  }
  return { status: 406, headers: { vary: 'Accept' }, body: new Uint8Array() };
}

function answer(request: ApiRequest, document: Document, query: URLSearchParams, cacheable: boolean, type = 'application/json'): ApiResponse {
  const etag = `"${document.hash}"`;
  const headers: Record<string, string> = { 'content-type': type, etag, vary: 'Accept', 'cache-control': 'no-cache, private' };
  // With the right hash in its address a document never changes.
  if (cacheable && query.get('hash') === document.hash) headers['cache-control'] = 'public, immutable';
  if (request.headers['if-none-match'] === etag) return { status: 304, headers };
  return { status: 200, headers, body: document.bytes };
}

/** `remote`: documents of other servers. */
export function openApiRoutes(documents: OpenApiDocuments, remote?: RemoteOpenApi): NonResourceRoute[] {
  const own = (path: string): boolean => documents.has(path);
  return [
    { path: '/openapi/v2', exact: true, handle: (request, { query }) => answerV2(request, documents, query, remote) },
    {
      path: '/openapi/v3',
      handle(request, { path, query, user }) {
        const name = path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
        const elsewhere = name && remote?.v3Of(name, own);
        if (elsewhere) return elsewhere(request, { user, info: { path, isResource: false }, auditId: '' });
        const document = name ? documents.v3(name) : documents.index(remote?.v3Index(own));
        return document ? answer(request, document, query, Boolean(name)) : textAnswer('404 page not found\n', 404);
      },
    },
  ];
}
