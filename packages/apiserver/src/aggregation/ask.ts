/** What the aggregation layer itself asks of the servers behind APIServices: are they there, discovery, OpenAPI. */
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import { type ApiRequest, type ApiResponse, goQuote } from '@pilothouse/apimachinery';
import { type Clock, messageOf } from '@pilothouse/base';
import { userHeaders } from '../auth/user-headers.ts';
import type { User } from '../contract.ts';
import { exchange } from '../proxy/forward.ts';
import { dialError } from '../proxy/target.ts';
import { type Backends } from './backends.ts';
import { delegate } from './delegate.ts';

export interface Answer {
  status: number;
  headers: ApiResponse['headers'];
  body: Buffer;
}

/** Asks of a server behind an APIService, available or not. Rejects where nothing is answered in time. */
export type Ask = (service: APIService, path: string, options: { user: User; accept: string; timeoutMs: number; etag?: string }) => Promise<Answer>;

async function inTime<T>(clock: Clock, timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const timer = clock.after(timeoutMs, () => stop.abort(new Error('context deadline exceeded')));
  try {
    return await run(stop.signal);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    timer.cancel();
  }
}

const get = (url: string, headers: ApiRequest['headers'], signal: AbortSignal): ApiRequest => ({ method: 'GET', url, headers, signal });

export const askBackends = (clock: Clock, backends: Backends): Ask => (service, path, { user, accept, timeoutMs, etag }) =>
  inTime(clock, timeoutMs, async (signal) => {
    const { status, headers, body = [] } = await delegate(backends, service, get(path, { accept, ...(etag && { 'if-none-match': etag }) }, signal), { user, info: { path, isResource: false }, auditId: '' });
    const pieces: Uint8Array[] = [];
    if (body instanceof Uint8Array) pieces.push(body);
    else for await (const piece of body) pieces.push(piece);
    return { status, headers, body: Buffer.concat(pieces) };
  });

/** As whom discovery is asked: one who may everything. */
export const aggregatorUser: User = { name: 'system:kube-aggregator', groups: ['system:masters'] };

const checkTimeoutMs = 5_000;
/** Asked at once: one success among them is enough, for behind a service there are many. */
const attempts = 5;

/** Whether the server serves the version that it says. Rejects in upstream's words where it does not. */
export const checkBackend = (clock: Clock, backends: Backends) => {
  async function attempt(service: APIService, path: string): Promise<void> {
    const { target, agent } = await backends.backendOf(service);
    const url = `https://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}${path}`;
    let status: number | undefined;
    try {
      status = await inTime(clock, checkTimeoutMs, async (signal) => {
        const response = await exchange(get(path, userHeaders(aggregatorUser), signal), target, { path, agent });
        response.resume();
        return response.statusCode;
      });
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ? dialError(target, error) : messageOf(error);
      throw new Error(`failing or missing response from ${url}: Get ${goQuote(url)}: ${why}`, { cause: error });
    }
    if (!status || status < 200 || status > 299) throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${status}`);
  }
  return async (service: APIService, path: string): Promise<void> => {
    try {
      await Promise.any(Array.from({ length: attempts }, () => attempt(service, path)));
    } catch (error) {
      throw (error as AggregateError).errors.at(-1);
    }
  };
};
