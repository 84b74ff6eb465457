/**
 * What clients did and were told, for the checkers. Times are of one clock: an operation began at `start` and its answer
 * was there at `end`; one whose outcome is unknown may have taken effect at any time after `start`, or never.
 */

/** What a key holds: the revision of the write that made it so, and what was written. */
export interface Value {
  revision: number;
  value: string;
}

interface Timed {
  client: string;
  key: string;
  start: number;
  /** Infinity where no answer came, or one that leaves the outcome open. */
  end: number;
}

/** `found` undefined: the key was absent. */
export type Read = Timed & { kind: 'read'; found: Value | undefined };

/**
 * A write (`value` undefined: a deletion) on the condition that the key is at `ifRevision` (0: absent; undefined: that
 * it is there). Values are unique: no two writes of a history write the same.
 */
export type Write = Timed & {
  kind: 'write';
  value: string | undefined;
  ifRevision: number | undefined;
  /** `refused`: the condition did not hold. */
  outcome: 'done' | 'refused' | 'unknown';
  /** Of the write, where it is known. */
  revision?: number;
  /** The answer's words, for people. */
  said?: string;
};

export type Operation = Read | Write;

/** A change as a watch told it. `value` undefined: the key was deleted. */
export interface Change {
  key: string;
  revision: number;
  value: string | undefined;
}

export const describeOperation = (o: Operation): string => {
  const what = o.kind === 'read' ? `read ${o.found ? `${o.found.value}@${o.found.revision}` : 'nothing'}` : `${o.value === undefined ? 'delete' : `write ${o.value}`}${o.ifRevision === undefined ? '' : ` if @${o.ifRevision}`}: ${o.outcome}${o.revision ? ` @${o.revision}` : ''}${o.said ? ` (${o.said})` : ''}`;
  return `${o.client} ${o.key} ${what} [${o.start}, ${o.end}]`;
};
