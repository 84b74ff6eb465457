import { badRequestError, internalError, type Status, StatusError } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base';
import { StoreUnavailable } from '@pilothouse/storage';

const status = (code: number, reason: string, message: string, details?: Status['details']): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, ...(reason && { reason }), ...(details && { details }), code });

/** No route answers to the path. */
export const noSuchRoute = (): StatusError => status(404, 'NotFound', 'the server could not find the requested resource', {});

/** A route answers to the path, but not to the method. */
export const methodNotAllowed = (): StatusError => status(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** An error that Go's code returned without a Status: 500 with its bare message. */
export const plainError = (message: string): StatusError => status(500, '', message);

/** Whatever was thrown, as a Status. */
export function toStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if ((error as Error)?.name === 'SelectorError') return badRequestError((error as Error).message);
  // What overflows the stack is nested deeper than whatever reads it can follow: the request's fault.
  if (error instanceof RangeError && /call stack/.test(error.message)) return badRequestError('exceeded max depth');
  if (error instanceof StoreUnavailable) return status(500, '', error.message);
  return internalError(messageOf(error), error);
}
