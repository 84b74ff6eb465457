/** Routes of the OpenAPI documents. */
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import type { Document, OpenApiDocuments } from '../openapi/documents.ts';
import type { NonResourceRoute } from '../options.ts';
import { textAnswer } from '../request/respond.ts';

function answer(request: ApiRequest, document: Document, query: URLSearchParams, cacheable: boolean): ApiResponse {
  const etag = `"${document.hash}"`;
  const headers: Record<string, string> = { 'content-type': 'application/json', etag, vary: 'Accept', 'cache-control': 'no-cache, private' };
  // With the right hash in its address a document never changes.
  if (cacheable && query.get('hash') === document.hash) headers['cache-control'] = 'public, immutable';
  if (request.headers['if-none-match'] === etag) return { status: 304, headers };
  return { status: 200, headers, body: document.bytes };
}

export function openApiRoutes(documents: OpenApiDocuments): NonResourceRoute[] {
  return [
    { path: '/openapi/v2', exact: true, handle: (request, { query }) => answer(request, documents.v2(), query, false) },
    {
      path: '/openapi/v3',
      handle(request, { path, query }) {
        const name = path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
        const document = name ? documents.v3(name) : documents.index();
        return document ? answer(request, document, query, Boolean(name)) : textAnswer('404 page not found\n', 404);
      },
    },
  ];
}
