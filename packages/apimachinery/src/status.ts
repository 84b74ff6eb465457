import { goQuote } from './go-format.ts';
import type { Status, StatusCause } from '@pilothouse/api-schemas/types/meta/v1';
import type { FieldError } from './field-error.ts';

export type { Status, StatusCause };

/** An error the API answers with, as a Kubernetes `Status`. Reasons and codes: k8s.io/apimachinery/pkg/api/errors. */
export class StatusError extends Error {
  override name = 'StatusError';
  readonly status: Status;
  /** Extra response headers, e.g. `retry-after`. */
  readonly headers: Record<string, string>;
  constructor(status: Status, options: { headers?: Record<string, string>; cause?: unknown } = {}) {
    super(status.message ?? status.reason ?? 'unknown error', { cause: options.cause });
    this.status = status;
    this.headers = options.headers ?? {};
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

const failure = (code: number, reason: string, message: string, details?: Status['details']): Status => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details && { details }), code });

/** The resource an error is about; `plural` is the resource's name, `group` '' for the core group. */
export interface Subject {
  group: string;
  plural: string;
}
const qualified = (s: Subject) => (s.group ? `${s.plural}.${s.group}` : s.plural);
const detailsOf = (s: Subject, name: string): Status['details'] => ({ ...(name && { name }), ...(s.group && { group: s.group }), ...(s.plural && { kind: s.plural }) });

export const notFoundError = (s: Subject, name: string) => new StatusError(failure(404, 'NotFound', `${qualified(s)} ${goQuote(name)} not found`, detailsOf(s, name)));
export const alreadyExistsError = (s: Subject, name: string) => new StatusError(failure(409, 'AlreadyExists', `${qualified(s)} ${goQuote(name)} already exists`, detailsOf(s, name)));
export const conflictError = (s: Subject, name: string, why: string) => new StatusError(failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(s)} ${goQuote(name)}: ${why}`, detailsOf(s, name)));
export const forbiddenError = (s: Subject, name: string, why: string) =>
  new StatusError(failure(403, 'Forbidden', !s.plural ? `forbidden: ${why}` : name ? `${qualified(s)} ${goQuote(name)} is forbidden: ${why}` : `${qualified(s)} is forbidden: ${why}`, detailsOf(s, name)));
export const badRequestError = (message: string, cause?: unknown) => new StatusError(failure(400, 'BadRequest', message), { cause });
export const unauthorizedError = () => new StatusError(failure(401, 'Unauthorized', 'Unauthorized'));
export const methodNotSupportedError = (s: Subject, action: string) => new StatusError(failure(405, 'MethodNotAllowed', `${action} is not supported on resources of kind ${goQuote(qualified(s))}`, detailsOf(s, '')));
export const unsupportedMediaTypeError = (message: string) => new StatusError(failure(415, 'UnsupportedMediaType', message));
export const notAcceptableError = (message: string) => new StatusError(failure(406, 'NotAcceptable', message));
export const tooLargeError = (why: string) => new StatusError(failure(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`));
export const goneError = (message: string) => new StatusError(failure(410, 'Gone', message));
/** A watch or list from a revision that history no longer holds; clients list anew. */
export const expiredError = (message: string) => new StatusError(failure(410, 'Expired', message));
export const internalError = (message: string, cause?: unknown) => new StatusError(failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }), { cause });
export const serviceUnavailableError = (message: string) => new StatusError(failure(503, 'ServiceUnavailable', message));
export const timeoutError = (message: string, retryAfterSeconds: number) => new StatusError(failure(504, 'Timeout', `Timeout: ${message}`, { ...(retryAfterSeconds && { retryAfterSeconds }) }));
export const tooManyRequestsError = (message: string, retryAfterSeconds: number) => new StatusError(failure(429, 'TooManyRequests', message, { retryAfterSeconds }), { headers: { 'retry-after': String(retryAfterSeconds) } });

/** 422 with one cause per finding. `kind` is the object's kind, `group` its group. */
export function invalidError(gk: { group: string; kind: string }, name: string, errors: FieldError[]): StatusError {
  const causes: StatusCause[] = errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field }));
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = gk.group ? `${gk.kind}.${gk.group}` : gk.kind;
  return new StatusError(failure(422, 'Invalid', `${kind} ${goQuote(name)} is invalid: ${text}`, { ...(name && { name }), ...(gk.group && { group: gk.group }), ...(gk.kind && { kind: gk.kind }), causes }));
}

export const isNotFound = (error: unknown): boolean => error instanceof StatusError && error.reason === 'NotFound';
export const isForbidden = (error: unknown): boolean => error instanceof StatusError && error.reason === 'Forbidden';
export const isInvalid = (error: unknown): boolean => error instanceof StatusError && error.reason === 'Invalid';
export const isConflict = (error: unknown): boolean => error instanceof StatusError && error.reason === 'Conflict';
export const isAlreadyExists = (error: unknown): boolean => error instanceof StatusError && error.reason === 'AlreadyExists';
export const isExpired = (error: unknown): boolean => error instanceof StatusError && (error.reason === 'Expired' || error.reason === 'Gone');
