/** The CRI over a runtime's unix socket, through @grpc/grpc-js. The codec and the channel are made at the first call. */
import { isAbort, type Logger, realClock, silentLogger } from '@pilothouse/base';
import type { Client as GrpcClient } from '@grpc/grpc-js';
import { type Cri, CriError, type CriMethod } from './contract.ts';

interface Codec {
  path: string;
  encode(message: object): Buffer;
  decode(bytes: Buffer): any;
}

const defaultTimeoutMs = 120_000;
/** As the upstream kubelet: a node's whole container list must fit. */
const maxMessageBytes = 16 * 1024 * 1024;

async function loadCodecs(): Promise<Map<string, Codec>> {
  const { default: protobuf } = await import('protobufjs');
  const { default: descriptor } = await import('./generated/cri-v1.json', { with: { type: 'json' } });
  const root = protobuf.Root.fromJSON(descriptor);
  const codecs = new Map<string, Codec>();
  for (const service of ['RuntimeService', 'ImageService']) {
    for (const method of root.lookupService(`runtime.v1.${service}`).methodsArray) {
      const request = root.lookupType(`runtime.v1.${method.requestType}`);
      const response = root.lookupType(`runtime.v1.${method.responseType}`);
      codecs.set(method.name, {
        path: `/runtime.v1.${service}/${method.name}`,
        encode: (message) => Buffer.from(request.encode(request.fromObject(message)).finish()),
        decode: (bytes) => response.toObject(response.decode(bytes), { longs: Number, enums: String, defaults: true }),
      });
    }
  }
  return codecs;
}

/**
 * A client of the runtime at `endpoint` (`unix:///run/containerd/containerd.sock`, or a path). grpc-js reconnects by
 * itself; a call made while the runtime is away fails with code 14 (Unavailable).
 */
export function connectCri(options: { endpoint: string; log?: Logger }): Cri {
  const log = options.log ?? silentLogger;
  const address = options.endpoint.startsWith('unix:') ? options.endpoint : `unix://${options.endpoint}`;
  let opening: Promise<{ client: GrpcClient; codecs: Map<string, Codec> }> | undefined;
  let closed = false;

  const open = () =>
    (opening ??= (async () => {
      const [grpc, codecs] = await Promise.all([import('./grpc.ts'), loadCodecs()]);
      const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
        'grpc.max_receive_message_length': maxMessageBytes,
        'grpc.max_send_message_length': maxMessageBytes,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 3000,
        'grpc.default_authority': 'localhost',
      });
      return { client, codecs };
    })());

  const failure = (error: { code?: number; details?: string; message: string }) => new CriError(error.code ?? 2, error.details || error.message, { cause: error });

  return {
    async call(method: CriMethod, request: object, callOptions: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<any> {
      if (closed) throw new CriError(1, 'the client is closed');
      const { client, codecs } = await open();
      const { signal } = callOptions;
      signal?.throwIfAborted();
      const codec = codecs.get(method)!;
      const timeoutMs = callOptions.timeoutMs ?? (method === 'PullImage' ? undefined : defaultTimeoutMs);
      const grpc = await import('./grpc.ts');
      return new Promise((resolve, reject) => {
        const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : deadlineIn(timeoutMs);
        const call = client.makeUnaryRequest(codec.path, codec.encode, codec.decode, request, new grpc.Metadata(), { deadline }, (error, value) => {
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(signal?.aborted ? signal.reason : failure(error));
          else resolve(value);
        });
        const onAbort = () => call.cancel();
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },

    async watchEvents(onEvent, signal) {
      const { client, codecs } = await open();
      const codec = codecs.get('GetContainerEvents')!;
      const stream = client.makeServerStreamRequest(codec.path, codec.encode, codec.decode, {});
      const onAbort = () => stream.cancel();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await new Promise<void>((resolve, reject) => {
          stream.on('data', onEvent);
          stream.on('error', (error) => (signal.aborted ? resolve() : reject(failure(error))));
          stream.on('end', resolve);
        });
      } catch (error) {
        if (!isAbort(error, signal)) throw error;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },

    async close() {
      if (closed) return;
      closed = true;
      if (!opening) return;
      const { client } = await opening.catch(() => ({ client: undefined }));
      client?.close();
      log.debug('Closed the runtime connection', { endpoint: address });
    },
  };
}

/** grpc-js wants a point of the wall clock. */
const deadlineIn = (ms: number): Date => new Date(realClock.now() + ms);
