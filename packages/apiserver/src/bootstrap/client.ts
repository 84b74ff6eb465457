/** The API server's own access to its API: the handler every request takes, called in the process, as system:apiserver. */
import { type ApiHandler, type ApiRequest, apiVersionOf, isAlreadyExists, isNotFound, type KubeList, type KubeObject, type ResourceType, StatusError, type Status } from '@pilothouse/apimachinery';

export interface LoopbackClient {
  list<T extends KubeObject>(type: ResourceType<T>): Promise<T[]>;
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): Promise<T | undefined>;
  /** False when an object of that name was there already. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<boolean>;
  update<T extends KubeObject>(type: ResourceType<T>, object: T, subresource?: string): Promise<T>;
  /** @throws StatusError 404, 409 where it is not the one that `preconditions` name */
  delete(type: ResourceType, name: string, namespace?: string, preconditions?: { uid: string }): Promise<void>;
  /** Of one namespace, or of what has none. */
  deleteCollection(type: ResourceType, namespace?: string): Promise<void>;
}

const pathOf = (type: ResourceType, namespace?: string, name?: string, subresource?: string) =>
  [type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`, ...(type.namespaced && namespace ? ['namespaces', namespace] : []), type.plural, ...(name ? [encodeURIComponent(name)] : []), ...(subresource ? [subresource] : [])].join('/');

export function loopbackClient(handle: ApiHandler, signal: AbortSignal = new AbortController().signal): LoopbackClient {
  async function call(method: string, url: string, body?: unknown): Promise<any> {
    const request: ApiRequest = {
      method,
      url,
      headers: { accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'kube-apiserver/bootstrap' },
      ...(body !== undefined && { bodyObject: structuredClone(body) }),
      wantObjects: true,
      peer: { certificate: { commonName: 'system:apiserver', organizations: ['system:masters'] } },
      signal,
    };
    const response = await handle(request);
    const object = response.object ?? (response.body instanceof Uint8Array ? JSON.parse(Buffer.from(response.body).toString()) : Array.isArray(response.body) ? JSON.parse(Buffer.concat(response.body).toString()) : undefined);
    if (response.status >= 400) throw new StatusError((object as Status) ?? { status: 'Failure', code: response.status, message: `${method} ${url} was answered ${response.status}` });
    return object;
  }
  return {
    list: async (type) => ((await call('GET', pathOf(type))) as KubeList<any>).items,
    get: (type, name, namespace) =>
      call('GET', pathOf(type, namespace, name)).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      }),
    create: (type, object) =>
      call('POST', pathOf(type, object.metadata.namespace), { apiVersion: apiVersionOf(type.group, type.version), kind: type.kind, ...object }).then(
        () => true,
        (error) => {
          if (isAlreadyExists(error)) return false;
          throw error;
        },
      ),
    update: (type, object, subresource) => call('PUT', pathOf(type, object.metadata.namespace, object.metadata.name, subresource), { apiVersion: apiVersionOf(type.group, type.version), kind: type.kind, ...object }),
    delete: (type, name, namespace, preconditions) => call('DELETE', pathOf(type, namespace, name), preconditions && { preconditions }),
    deleteCollection: (type, namespace) => call('DELETE', pathOf(type, namespace)),
  };
}
