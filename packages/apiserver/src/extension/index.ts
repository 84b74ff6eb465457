/**
 * Serves an extension API: a server of its own that stands behind an APIService, as upstream's generic API server
 * library makes them. Requests are authenticated and authorized as the API server would: the front proxy's word about its
 * users is taken where its certificate is of the authority, and has one of the names, that the ConfigMap
 * `kube-system/extension-apiserver-authentication` states; client certificates and tokens (TokenReview) are taken too;
 * rights are asked by SubjectAccessReview and remembered for ten seconds. Discovery (legacy and aggregated), OpenAPI v3
 * and health are answered here, everything else by `answer`.
 *
 * How to use it:
 *
 *     const extension = await serveExtension(runtime, scope, {
 *       client,                        // of @pilothouse/client; may read the ConfigMap and create reviews
 *       api: { groups: () => [{ name: 'lab.pilothouse.dev', versions: ['v1'], preferredVersion: 'v1' }],
 *              resources: () => [{ group: 'lab.pilothouse.dev', version: 'v1', name: 'traces', singularName: 'trace', namespaced: false, kind: 'Trace', verbs: ['get', 'list', 'watch'] }] },
 *       answer: (request, { info, user }) => jsonAnswer({ … }),   // throw a StatusError to refuse
 *     });
 *     const listener = await extension.listen({ host: '127.0.0.1', port: 0, tls: { cert, key } });
 *
 * Then a Service (of type ExternalName where the server is outside the cluster) and an
 * `apiregistration.k8s.io/v1` APIService whose `spec.caBundle` is the authority of `cert`, which must be good for
 * `<service>.<namespace>.svc`. The client's user needs the role `extension-apiserver-authentication-reader` in
 * kube-system and the cluster role `system:auth-delegator`.
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/setup-extension-api-server/
 */
import { createHash } from 'node:crypto';
import { type ApiHandler, type ApiRequest, type ApiResponse, type KubeObject, type ResourceType } from '@pilothouse/apimachinery';
import type { Runtime, Scope } from '@pilothouse/base';
import { forbiddenByAuthorization } from '../auth/forbidden.ts';
import type { RequestAttributes, User } from '../contract.ts';
import type { ServedApi } from '../discovery/documents.ts';
import { type Listener, type ListenOptions, openListener } from '../listener/listener.ts';
import { noSuchRoute, toStatusError } from '../request/errors.ts';
import { type RequestInfo, requestInfo } from '../request/info.ts';
import { jsonAnswer, statusAnswer, textAnswer } from '../request/respond.ts';
import { discoveryRoutes } from '../routes/discovery.ts';
import { routeFor } from '../routes/route-for.ts';
import { delegatedAuthentication } from './authentication.ts';
import { delegatedAuthorization } from './authorization.ts';

export type { ServedApi } from '../discovery/documents.ts';
export { jsonAnswer, textAnswer } from '../request/respond.ts';

/** What is needed of a client of the API server; `@pilothouse/client`'s has it. @throws StatusError */
export interface ReviewClient {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, options?: { namespace?: string }): Promise<T>;
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
}

export interface ExtensionRequest {
  user: User;
  info: RequestInfo;
}

export interface ExtensionOptions {
  client: ReviewClient;
  /** The groups, versions and resources served. */
  api: ServedApi;
  /** OpenAPI v3 documents by the group version's path: `apis/lab.pilothouse.dev/v1`. Default: none. */
  openApi?: ReadonlyMap<string, object>;
  /** Answers an authorized request for a resource or an unknown path. @throws StatusError to refuse */
  answer(request: ApiRequest, asked: ExtensionRequest): Promise<ApiResponse> | ApiResponse;
  /** Paths that anybody may ask for. Default: `/healthz`, `/livez`, `/readyz`. */
  alwaysAllowPaths?: readonly string[];
}

export interface Extension {
  /** Answers a request, from whatever transport. Never rejects. */
  handle: ApiHandler;
  /** Opens a socket, which the scope closes. @throws UserError for an address that cannot be had */
  listen(options: Omit<ListenOptions, 'tls'> & { tls: { cert: string; key: string } }): Promise<Listener>;
}

/** @throws StatusError where the ConfigMap cannot be read at first */
export async function serveExtension(runtime: Runtime, scope: Scope, options: ExtensionOptions): Promise<Extension> {
  const { client, api, alwaysAllowPaths = ['/healthz', '/livez', '/readyz'] } = options;
  const renewals = new Set<() => void>();
  const authentication = await delegatedAuthentication(runtime, scope, client, () => {
    for (const renew of renewals) renew();
  });
  const authorizer = delegatedAuthorization(runtime.clock, client, alwaysAllowPaths);
  const routes = [...discoveryRoutes(api, () => '').filter(({ path }) => path.startsWith('/apis')), ...openApiRoutes(options.openApi ?? new Map())];

  async function answer(request: ApiRequest): Promise<ApiResponse> {
    const info = requestInfo(request.method, request.url);
    if (info.malformed) return textAnswer('400 Bad Request', 400);
    const { user } = (await authentication.authenticator.authenticate(request))!;
    const attributes = attributesOf(info, user);
    const { decision, reason } = await authorizer.authorize(attributes);
    if (decision !== 'allow') throw forbiddenByAuthorization(attributes, reason);
    if (!info.isResource && alwaysAllowPaths.includes(info.path)) return textAnswer('ok');
    const route = info.isResource ? undefined : routeFor(routes, info.path, request.method);
    if (route) return route.handle(request, info);
    if (info.isResource && !api.resources(info.group, info.version).some(({ name }) => name === info.resource)) throw noSuchRoute();
    return options.answer(request, { user, info });
  }

  const handle: ApiHandler = async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      const status = toStatusError(error);
      if (status.code >= 500 && !request.signal.aborted) runtime.log.error('Request failed', { method: request.method, url: request.url, err: error });
      return statusAnswer(status, request);
    }
  };
  return {
    handle,
    async listen(listen) {
      const tls = () => ({ ...listen.tls, clientCa: authentication.authorities() });
      const listener = await openListener(runtime, handle, { ...listen, tls: tls() });
      const renew = (): void => listener.replaceCertificate(tls());
      renewals.add(renew);
      scope.defer(() => {
        renewals.delete(renew);
        return listener.close();
      });
      return listener;
    },
  };
}

const attributesOf = ({ verb, isResource, path, group, version, resource, subresource, namespace, name }: RequestInfo, user: User): RequestAttributes => ({ user, verb, isResource, path, group, version, resource, subresource, namespace, name });

/** The index and the documents, which never change. */
function openApiRoutes(documents: ReadonlyMap<string, object>) {
  const made = new Map([...documents].map(([path, document]) => {
    const bytes = Buffer.from(JSON.stringify(document));
    return [path, { bytes, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase() }];
  }));
  const index = { paths: Object.fromEntries([...made].map(([path, { hash }]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }])) };
  return [
    {
      path: '/openapi/v3',
      handle(_: ApiRequest, { path }: { path: string }): ApiResponse {
        const name = path.slice('/openapi/v3'.length).replace(/^\/|\/$/g, '');
        if (!name) return jsonAnswer(index);
        const found = made.get(name);
        return found ? { status: 200, headers: { 'content-type': 'application/json', etag: `"${found.hash}"` }, body: found.bytes } : textAnswer('404 page not found\n', 404);
      },
    },
  ];
}
