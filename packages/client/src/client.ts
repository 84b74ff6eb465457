import type { Runtime } from '@pilothouse/base';
import { type ApiResponse, apiVersionOf, type KubeList, type KubeObject, type ResourceType, type Status, StatusError, type WatchEvent } from '@pilothouse/apimachinery';
import { bytesOf, errorOf, framesOf, objectOf } from './answers.ts';
import type { Client, DeleteOptions, PatchOptions, Transport, WriteOptions } from './contract.ts';
import { pathOf } from './paths.ts';
import { type TokenBucket, tokenBucket } from './token-bucket.ts';

export interface ClientOptions {
  userAgent: string;
  /** Requests per second this client allows itself; absent: no limit. Watches are not counted. */
  qps?: number;
  /** Requests at once under `qps`; default twice `qps`. */
  burst?: number;
}

const patchTypes: Record<NonNullable<PatchOptions['type']>, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** How often a request that was answered "try again later" is sent again (client-go's number). */
const mostRetries = 10;

interface Sent {
  method: string;
  url: string;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
  unlimited?: boolean;
}

/** A client that speaks JSON over `transport`. It owns the transport: `close()` closes it. */
export function createClient(transport: Transport, runtime: Pick<Runtime, 'clock'>, options: ClientOptions): Client {
  const { clock } = runtime;
  const bucket: TokenBucket | undefined = options.qps ? tokenBucket(clock, { qps: options.qps, burst: options.burst ?? options.qps * 2 }) : undefined;

  const send = async (sent: Sent): Promise<ApiResponse> => {
    const signal = sent.signal ?? new AbortController().signal;
    const headers: Record<string, string> = { accept: sent.accept ?? 'application/json', 'user-agent': options.userAgent };
    if (sent.body !== undefined) headers['content-type'] = sent.contentType ?? 'application/json';
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) throw signal.reason;
      if (bucket && !sent.unlimited) await bucket.take(signal);
      const response = await transport.request({ method: sent.method, url: sent.url, headers, signal, wantObjects: true, ...(sent.body !== undefined && { bodyObject: sent.body }) });
      const waitMs = retryDelayMs(response);
      if (waitMs === undefined || attempt >= mostRetries) return response;
      await bytesOf(response).catch(() => undefined);
      await clock.sleep(waitMs, signal);
    }
  };
  const call = async (sent: Sent) => objectOf(await send(sent), sent);
  const write = <R>(method: string, type: ResourceType, at: Parameters<typeof pathOf>[1], body: unknown, o: WriteOptions & { contentType?: string }): Promise<R> =>
    call({ method, url: pathOf(type, { ...at, query: { ...at.query, ...(o.dryRun && { dryRun: 'All' }), fieldManager: o.fieldManager } }), body, contentType: o.contentType, signal: o.signal }) as Promise<R>;
  const typed = <T extends KubeObject>(type: ResourceType<T>, object: T): T =>
    object.kind && object.apiVersion ? object : { ...object, kind: object.kind ?? type.kind, apiVersion: object.apiVersion ?? apiVersionOf(type.group, type.version) };

  const client: Client = {
    get: (type, name, o = {}) => call({ method: 'GET', url: pathOf(type, { namespace: o.namespace, name, subresource: o.subresource, query: { resourceVersion: o.resourceVersion } }), signal: o.signal }) as Promise<any>,
    list: (type, o = {}) => {
      const { namespace, signal, metadataOnly, ...query } = o;
      return call({ method: 'GET', url: pathOf(type, { namespace, query: query as Record<string, string | number> }), signal, accept: metadataOnly ? partialList : undefined }) as Promise<KubeList<any>>;
    },
    async *watch<T extends KubeObject>(type: ResourceType<T>, o: Parameters<Client['watch']>[1] = {}): AsyncGenerator<readonly WatchEvent<T>[]> {
      const { namespace, signal, metadataOnly, sendInitialEvents, ...query } = o;
      const url = pathOf(type, { namespace, query: { ...query, ...(sendInitialEvents && { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' }), watch: true } });
      const sent: Sent = { method: 'GET', url, signal, unlimited: true, accept: metadataOnly ? partialObject : undefined };
      const response = await send(sent);
      if (response.status >= 400) throw await errorOf(response, sent);
      try {
        for await (const batch of framesOf<T>(response)) {
          const broken = batch.findIndex((event) => event.type === 'ERROR');
          if (broken < 0) {
            yield batch;
            continue;
          }
          if (broken > 0) yield batch.slice(0, broken);
          throw new StatusError(batch[broken].object as Status);
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    },
    create: (type, object, o = {}) => write('POST', type, { namespace: object.metadata.namespace }, typed(type, object), o),
    createSubresource: (type, name, subresource, body, o = {}) => write('POST', type, { namespace: o.namespace, name, subresource }, body, o),
    update: (type, object, o = {}) => write('PUT', type, { namespace: object.metadata.namespace, name: object.metadata.name ?? '', subresource: o.subresource }, typed(type, object), o),
    updateStatus: (type, object, o = {}) => client.update(type, object, { ...o, subresource: 'status' }),
    patch: (type, name, patch, o = {}) =>
      write('PATCH', type, { namespace: o.namespace, name, subresource: o.subresource, query: { force: o.force } }, patch, { ...o, contentType: patchTypes[o.type ?? 'merge'] }),
    async delete(type, name, o = {}) {
      await call({ method: 'DELETE', url: pathOf(type, { namespace: o.namespace, name }), body: deleteBody(o), signal: o.signal });
    },
    async deleteCollection(type, o = {}) {
      await call({ method: 'DELETE', url: pathOf(type, { namespace: o.namespace, query: { labelSelector: o.labelSelector, fieldSelector: o.fieldSelector } }), body: deleteBody(o), signal: o.signal });
    },
    raw: (request) =>
      transport.request({ method: request.method, url: request.url, headers: { 'user-agent': options.userAgent, ...request.headers }, body: request.body, signal: request.signal ?? new AbortController().signal }),
    close: () => transport.close(),
  };
  return client;
}

const partialObject = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const partialList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

function deleteBody(o: DeleteOptions): Record<string, unknown> {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = o;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }), ...(preconditions && { preconditions }), ...(propagationPolicy && { propagationPolicy }), ...(o.dryRun && { dryRun: ['All'] }) };
}

/** Milliseconds to wait before sending again: only where the server names a time, and only for 429 and 5xx. */
function retryDelayMs(response: ApiResponse): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const seconds = Number.parseInt(String(response.headers['retry-after'] ?? ''), 10);
  return Number.isNaN(seconds) ? undefined : seconds * 1000;
}
