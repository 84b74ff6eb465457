import { StatusError } from '../status.ts';

/** A patch that is well formed but cannot be applied: 422 without a cause, as the API server answers. */
export const unprocessablePatch = (why: string): StatusError =>
  new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'the server rejected our request due to an error in our request', reason: 'Invalid', details: {}, code: 422 }, { cause: new Error(why) });

/** An error that upstream gives no reason: 500 with the plain message. */
export const plainServerError = (message: string): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
