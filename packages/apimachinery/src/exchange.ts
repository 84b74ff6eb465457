/**
 * One request to the API server and its answer, free of any transport. The HTTPS listener, the in-process client and
 * tests all speak through this, and so take the same authentication, authorization and admission.
 */
export interface ApiRequest {
  method: string;
  /** Path and query as sent: `/api/v1/pods?limit=500`. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  body?: Uint8Array;
  /** In-process callers: the body already decoded. Ownership passes to the server. Takes precedence over `body`. */
  bodyObject?: unknown;
  /** In-process callers: ask for `object`/`events` in the answer rather than bytes. */
  wantObjects?: boolean;
  /** Who is at the other end, as far as the transport knows. */
  peer?: {
    address?: string;
    /** Subject of the verified client certificate. */
    certificate?: {
      commonName: string;
      organizations: string[];
      /** SHA-256 of the DER form, lower-case hex. */
      fingerprint?: string;
      /** The certificate in DER, for authenticators that must tell which authority signed it. Absent for in-process callers. */
      raw?: Uint8Array;
    };
    /** A certificate was presented that could not be verified, and why. */
    certificateError?: string;
  };
  /** Aborts when the client went away. */
  signal: AbortSignal;
}

/** Where a body that pushes itself goes: a connection. */
export interface ByteSink {
  /** False: no more until `onDrain` calls. What was given is taken all the same; `taken` is called when its bytes may change. */
  write(piece: Uint8Array, taken?: () => void): boolean;
  onDrain(resume: () => void): void;
  /** Everything was written. */
  end(): void;
  /** Gives up whoever reads: what was written may never arrive. */
  destroy(): void;
}

/** A stream that can be pulled, or, at less cost a piece, told to push. One of the two, once. */
export interface PushableBody extends AsyncIterable<Uint8Array> {
  pushTo(sink: ByteSink): void;
}

export interface ApiResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string | string[]>;
  /** Whole bytes, bytes in pieces, or a stream; absent where `object` or `events` answers. */
  body?: Uint8Array | Uint8Array[] | AsyncIterable<Uint8Array> | PushableBody;
  /** Decoded answer, where the request wanted objects. Shared: never to be mutated. */
  object?: unknown;
  /** A watch's events in batches, where the request wanted objects. Objects are shared: never to be mutated. */
  events?: AsyncIterable<readonly { type: string; object: unknown }[]>;
  /** A connection was asked to be upgraded (exec, attach, port-forward): called with the raw socket after the listener stops reading it. */
  upgrade?: (socket: unknown, head: Uint8Array) => void;
}

export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;
