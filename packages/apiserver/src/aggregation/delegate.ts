/** Passes a request on to the server behind an APIService, as kube-aggregator's proxy does. */
import type { IncomingMessage } from 'node:http';
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { userHeaders, withoutIdentity } from '../auth/user-headers.ts';
import type { User } from '../contract.ts';
import { exchange, responseHeaders } from '../proxy/forward.ts';
import { dialError } from '../proxy/target.ts';
import { passUpgrade, wantsUpgrade } from '../proxy/upgrade.ts';
import type { RequestInfo } from '../request/info.ts';
import { textAnswer } from '../request/respond.ts';
import type { Backend, Backends } from './backends.ts';

export interface Delegated {
  user: User;
  info: Pick<RequestInfo, 'path' | 'isResource'>;
  /** As the request is audited here; '' where it is not. */
  auditId: string;
  /** How long the answer may take to begin, in milliseconds; the request is given up then. Default: as long as it likes. */
  limitMs?: number;
  /** Aborts when this server stops: streams end then. */
  draining?: AbortSignal;
}

/** Longest wait for discovery, which every client asks for. */
const discoveryTimeoutMs = 5_000;

export const unavailable = (): ApiResponse => textAnswer('service unavailable\n', 503);

/** `/apis/<group>/<version>` and nothing below. */
const isDiscovery = ({ path, isResource }: Delegated['info']): boolean => !isResource && path.replace(/^\/+|\/+$/g, '').split('/').length === 3;

/** The path as it was authorized, encoded anew: the backend must not read another off what the client sent. */
const pathOf = (path: string, url: string): string => `${path.split('/').map(encodeURIComponent).join('/')}${url.includes('?') ? url.slice(url.indexOf('?')) : ''}`;

function outgoing(request: ApiRequest, { user, auditId }: Delegated): ApiRequest {
  const headers = { ...withoutIdentity(request.headers), ...userHeaders(user), ...(auditId && { 'audit-id': auditId }) };
  if (request.bodyObject === undefined) return { ...request, headers };
  // A caller in this process.
  const { bodyObject, ...rest } = request;
  return { ...rest, headers: { accept: 'application/json', 'content-type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(bodyObject)) };
}

/** Answers as the server behind the service does, or with why it cannot be asked. Rejects only where the client went away. */
export async function delegate(backends: Backends, service: APIService, request: ApiRequest, asked: Delegated): Promise<ApiResponse> {
  let backend: Backend;
  try {
    backend = await backends.backendOf(service);
  } catch {
    return unavailable();
  }
  const { target, tls, agent } = backend;
  const path = pathOf(asked.info.path, request.url);
  try {
    const sent = outgoing(request, asked);
    if (wantsUpgrade(request)) return await upgraded(await passUpgrade(sent, target, path, tls));
    return answerOf(await exchange(sent, target, { path, agent, timeoutMs: isDiscovery(asked.info) ? discoveryTimeoutMs : asked.limitMs }), request.method, asked.draining);
  } catch (error) {
    if (request.signal.aborted) throw error;
    const cause = (error as Error).cause ?? error;
    return textAnswer(`${wantsUpgrade(request) ? '' : 'error trying to reach service: '}${(cause as NodeJS.ErrnoException).code ? dialError(target, cause) : messageOf(cause)}\n`, 503);
  }
}

async function upgraded(response: ApiResponse): Promise<ApiResponse> {
  return response.upgrade || response.status >= 400 ? response : textAnswer(`invalid upgrade response: status code ${response.status}\n`, 503);
}

function answerOf(response: IncomingMessage, method: string, draining: AbortSignal | undefined): ApiResponse {
  const status = response.statusCode ?? 502;
  const headers = responseHeaders(response);
  for (const name in headers) if (name.startsWith('access-control-')) delete headers[name];
  if (status >= 300 && status < 400 && headers.location) {
    response.destroy();
    return { status: 502, headers: {}, body: Buffer.from('the backend attempted to redirect this request, which is not permitted') };
  }
  if (method === 'HEAD' || status === 204 || status === 304) {
    response.resume();
    return { status, headers };
  }
  return { status, headers, body: draining && headers['content-length'] === undefined ? untilDraining(response, draining) : response };
}

/** A watch ends well where this server stops. */
async function* untilDraining(response: IncomingMessage, draining: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void response.destroy();
  if (draining.aborted) stop();
  draining.addEventListener('abort', stop, { once: true });
  try {
    yield* response;
  } catch (error) {
    if (!draining.aborted) throw error;
  } finally {
    draining.removeEventListener('abort', stop);
    response.destroy();
  }
}
