/**
 * What the kubelet asks of a container runtime: the CRI v1 (k8s.io/cri-api). Two implementations: `grpc-client.ts`
 * over a runtime's socket, and `simulated/` inside this process.
 */
import type { ContainerEventResponse, ImageServiceMethods, RuntimeServiceMethods } from './generated/types.ts';

export type * from './generated/types.ts';

export type CriMethods = RuntimeServiceMethods & ImageServiceMethods;
export type CriMethod = { [M in keyof CriMethods]: CriMethods[M] extends { stream: true } ? never : M }[keyof CriMethods];
export type CriRequest<M extends keyof CriMethods> = Draft<CriMethods[M]['request']>;
export type CriResponse<M extends keyof CriMethods> = CriMethods[M]['response'];

/** A message as it is written: what is left out has its protobuf default. */
export type Draft<T> = T extends Uint8Array ? T : T extends (infer U)[] ? Draft<U>[] : T extends object ? { [K in keyof T]?: Draft<T[K]> | undefined } : T;

export interface CriCallOptions {
  /** Default 2 minutes; image pulls have none. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Cri {
  /** Rejects with `CriError`, or with the signal's reason. */
  call<M extends CriMethod>(method: M, request: CriRequest<M>, options?: CriCallOptions): Promise<CriResponse<M>>;
  /** Container events until `signal` aborts. Rejects with `CriError` code 12 (Unimplemented) where the runtime has none: relist then. */
  watchEvents(onEvent: (event: ContainerEventResponse) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Names of gRPC status codes, by number. */
export const grpcCodes = ['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'] as const;

/** A refusal of the runtime; the message has the form Go's gRPC gives it, which users know from events. */
export class CriError extends Error {
  override name = 'CriError';
  readonly code: number;
  /** The runtime's own words. */
  readonly desc: string;
  constructor(code: number, desc: string, options?: { cause?: unknown }) {
    super(`rpc error: code = ${grpcCodes[code] ?? code} desc = ${desc}`, options);
    this.code = code;
    this.desc = desc;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof CriError && error.code === 5;
export const isUnimplemented = (error: unknown): boolean => error instanceof CriError && error.code === 12;
