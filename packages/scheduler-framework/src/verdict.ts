/**
 * What a plugin says of a pod or of a node. Success is `undefined`, so that the common case allocates nothing;
 * everything else is an immutable value that may be shared.
 */
export type Code = 'Success' | 'Error' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Wait' | 'Skip' | 'Pending';

export interface Verdict {
  readonly code: Exclude<Code, 'Success'>;
  /** In the order the plugin gave them. */
  readonly reasons: readonly string[];
  /** The failure behind `Error`. */
  readonly error?: unknown;
}

/** The pod does not fit now; removing pods may help. */
export const unschedulable = (...reasons: string[]): Verdict => ({ code: 'Unschedulable', reasons });
/** The pod does not fit and removing pods would not help. */
export const unresolvable = (...reasons: string[]): Verdict => ({ code: 'UnschedulableAndUnresolvable', reasons });
/** The attempt ends and the pod waits for what the plugin waits for. */
export const pending = (...reasons: string[]): Verdict => ({ code: 'Pending', reasons });
/** Something went wrong; the pod is tried again. */
export const failure = (message: string, error?: unknown): Verdict => ({ code: 'Error', reasons: [message], error });
/** The plugin has nothing to do for this pod. */
export const skip: Verdict = { code: 'Skip', reasons: [] };

export const codeOf = (verdict: Verdict | undefined): Code => verdict?.code ?? 'Success';

/** True for the codes that make a pod unschedulable (rather than broken). */
export const isRejected = (verdict: Verdict | undefined): boolean => verdict !== undefined && (verdict.code === 'Unschedulable' || verdict.code === 'UnschedulableAndUnresolvable' || verdict.code === 'Pending');

/** The reasons in one text, as a status' message is written. */
export const messageOf = (verdict: Verdict | undefined): string => (verdict ? verdict.reasons.join(', ') : '');
