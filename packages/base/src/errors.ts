/** Thrown for what the user must mend (a bad flag, a port in use): one clear sentence, exit status 1, no stack. */
export class UserError extends Error {
  override name = 'UserError';
}

/** True when `error` is the reason of an abort of `signal`. */
export const isAbort = (error: unknown, signal?: AbortSignal): boolean =>
  signal?.aborted ? error === signal.reason || (error as Error)?.name === 'AbortError' : (error as Error)?.name === 'AbortError';

/** The message of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
