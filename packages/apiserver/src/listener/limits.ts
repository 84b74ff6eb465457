/** What clients may take of the listener; upstream's figures where it has them. */
export interface Limits {
  /** Open connections; more are closed as they come. */
  maxConnections: number;
  /** Connections whose TLS handshake is under way; for each more the one that has taken longest is closed. */
  maxHandshakes: number;
  /** Longest body in bytes. */
  bodyLimit: number;
  /** All bodies that are being received, together, in bytes; what would go beyond is answered 429. */
  bodyBudget: number;
  /** A body must have arrived so long after its request's head. */
  bodyTimeoutMs: number;
  /** So much later a TLS handshake must be done. */
  handshakeTimeoutMs: number;
  /** So much after a request's first byte its head must have arrived. */
  headersTimeoutMs: number;
  /** Longest head of a request in bytes, its URL included. (Over HTTP/2 nghttp2 takes less: 64 KiB a header, or the URL, and 144 KiB in all.) */
  maxHeaderBytes: number;
  /** Idle connections are closed after so long. */
  idleMs: number;
  /** A client that takes nothing of its answer for so long is cut off. */
  stalledMs: number;
}

export const defaultLimits: Readonly<Limits> = {
  maxConnections: 10_000,
  maxHandshakes: 2_000,
  bodyLimit: 3 * 1024 * 1024,
  bodyBudget: 512 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
  handshakeTimeoutMs: 32_000,
  headersTimeoutMs: 32_000,
  maxHeaderBytes: 1024 * 1024,
  idleMs: 90_000,
  stalledMs: 60_000,
};
