/**
 * Calls to an etcd cluster: deadlines, failover between endpoints, and what is known of a call that failed. Reads are
 * repeated elsewhere within the time allowed; writes only while it is certain that no server has taken them.
 */
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Runtime, UserError } from '@pilothouse/base';
import { StoreUnavailable } from '../contract.ts';
import { decode, encode } from './codec.ts';
import type { Method } from './messages.ts';

export interface EtcdTls {
  /** PEM. Without `ca` the system's roots are trusted. */
  ca?: Uint8Array | string;
  cert?: Uint8Array | string;
  key?: Uint8Array | string;
  /** The name the server's certificate must have, where it is not the endpoint's. */
  serverName?: string;
}

export interface ConnectionOptions {
  /** `http://host:port`, `https://host:port` or `host:port`. */
  endpoints: string[];
  tls?: EtcdTls;
  /** For one call with all its attempts. */
  requestTimeoutMs: number;
}

export interface CallOptions {
  /** The call changes something: it must not happen twice. */
  writes?: boolean;
  signal?: AbortSignal;
}

export interface Stream<Response> {
  /** `error` undefined: the server ended the stream. */
  onMessage(handler: (response: Response) => void): void;
  onEnd(handler: (error: ServiceError | undefined) => void): void;
  cancel(): void;
}

export interface Connection {
  /** @throws StoreUnavailable; other errors of the server as they are (`ServiceError`) */
  call<Q extends object, R>(method: Method<Q, R>, request: Q, options?: CallOptions): Promise<R>;
  /** Sends one request and reads many responses; after a failure the next stream goes to another endpoint. */
  stream<Q extends object, R>(method: Method<Q, R>, request: Q): Stream<R>;
  close(): void;
}

const channelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // What is repeated, and when, is decided here.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
} as const;

const pem = (text: Uint8Array | string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text as string));

function openClient(endpoint: string, tls: EtcdTls | undefined): Client {
  const match = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(endpoint);
  if (!match) throw new UserError(`the etcd endpoint ${endpoint} is not of the form https://host:port`);
  const secure = match[1] ? match[1] === 'https' : tls !== undefined;
  if (!secure && tls) throw new UserError(`the etcd endpoint ${endpoint} is not https, but certificates for etcd are given`);
  try {
    const creds = secure ? credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert)) : credentials.createInsecure();
    return new Client(match[2], creds, { ...channelOptions, ...(tls?.serverName ? { 'grpc.ssl_target_name_override': tls.serverName } : {}) });
  } catch (error) {
    throw new UserError(`the certificates for etcd cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** What the server says when it has surely not done what it was asked for. */
const refusals = /^No connection established|etcdserver: no leader|etcdserver: too many requests|etcdserver: not capable|etcdserver: server stopped before/;
const transient = new Set<number>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL, status.UNKNOWN]);

const wasRefused = (error: ServiceError): boolean => refusals.test(error.details ?? '');
const isTransient = (error: ServiceError): boolean => transient.has(error.code) || wasRefused(error);

export function connect({ clock }: Runtime, options: ConnectionOptions): Connection {
  if (options.endpoints.length === 0) throw new UserError('no endpoint of etcd is given');
  const clients = options.endpoints.map((endpoint) => openClient(endpoint, options.tls));
  let preferred = 0;
  let closed = false;

  const attempt = <Q extends object, R>(client: Client, method: Method<Q, R>, request: Q, deadline: number, signal?: AbortSignal) =>
    new Promise<R>((resolve, reject) => {
      const call = client.makeUnaryRequest(method.path, (q: Q) => encode(method.request, q), (bytes) => decode<R>(method.response, bytes), request, requireLeader(), { deadline }, (error, response) => {
        signal?.removeEventListener('abort', abort);
        if (error) reject(signal?.aborted ? signal.reason : error);
        else resolve(response!);
      });
      const abort = () => call.cancel();
      signal?.addEventListener('abort', abort, { once: true });
    });

  return {
    async call(method, request, { writes = false, signal } = {}) {
      const deadline = clock.now() + options.requestTimeoutMs;
      // A server that hangs must leave time to ask another.
      const share = writes ? options.requestTimeoutMs : Math.max(1_000, options.requestTimeoutMs / clients.length);
      for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 500)) {
        signal?.throwIfAborted();
        if (closed) throw new StoreUnavailable('the store is closed');
        const asked = preferred;
        try {
          return await attempt(clients[asked], method, request, Math.min(deadline, clock.now() + share), signal);
        } catch (error) {
          if (signal?.aborted || !isTransient(error as ServiceError)) throw error;
          if (preferred === asked) preferred = (asked + 1) % clients.length;
          const known = !writes || wasRefused(error as ServiceError);
          if (!known || clock.now() + pauseMs >= deadline) {
            throw new StoreUnavailable(`etcd at ${options.endpoints.join(', ')}: ${(error as ServiceError).details || (error as Error).message}`, { cause: error, outcomeUnknown: !known });
          }
          await clock.sleep(pauseMs, signal);
        }
      }
    },
    stream(method, request) {
      const asked = preferred;
      const call = clients[asked].makeBidiStreamRequest(method.path, (q: typeof request) => encode(method.request, q), (bytes) => decode<any>(method.response, bytes), requireLeader(), {});
      let over = false;
      let ended: (error: ServiceError | undefined) => void = () => {};
      const end = (error?: ServiceError) => {
        if (over) return;
        over = true;
        if (preferred === asked) preferred = (asked + 1) % clients.length;
        ended(error);
      };
      call.on('error', end);
      call.on('end', () => end());
      call.write(request);
      return {
        onMessage: (handler) => void call.on('data', (response) => over || handler(response)),
        onEnd: (handler) => void (ended = handler),
        cancel() {
          over = true;
          call.cancel();
        },
      };
    },
    close() {
      closed = true;
      for (const client of clients) client.close();
    },
  };
}

/** A member cut off from the others answers with an error instead of waiting. */
function requireLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}
