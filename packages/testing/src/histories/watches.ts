import type { Change, Operation } from './operations.ts';

/** What one client learned of a set of keys, over however many watches one after the other. */
export interface Watched {
  client: string;
  /** It was told everything after this revision … */
  after: number;
  /** … up to this one. */
  upTo: number;
  /** In the order in which they came. A change that came twice is here twice. */
  changes: readonly Change[];
}

/** What the store says has happened, in order. Revisions ascend. */
export type Log = readonly Change[];

const text = ({ key, revision, value }: Change): string => `${key} ${value ?? 'deleted'} @${revision}`;

/** What is wrong with what a client was told: order, repeats, gaps, content. Empty: nothing. */
export function checkWatched(log: Log, { client, after, upTo, changes }: Watched): string[] {
  const wrong: string[] = [];
  let last = after;
  for (const change of changes) {
    if (change.revision === last) wrong.push(`${client} was told ${text(change)} twice`);
    else if (change.revision < last) wrong.push(`${client} was told ${text(change)} after revision ${last}`);
    last = Math.max(last, change.revision);
  }
  const told = new Map(changes.map((change) => [change.revision, change]));
  for (const change of log) {
    if (change.revision <= after || change.revision > upTo) continue;
    const heard = told.get(change.revision);
    if (!heard) wrong.push(`${client} was not told ${text(change)}, though it was told all up to ${upTo}`);
    else if (text(heard) !== text(change)) wrong.push(`${client} was told ${text(heard)}, but it was ${text(change)}`);
  }
  const happened = new Set(log.map((change) => change.revision));
  for (const change of changes) if (!happened.has(change.revision)) wrong.push(`${client} was told ${text(change)}, which never happened`);
  return wrong;
}

/** What is wrong between answers and the log: writes acknowledged and not there, refused and there, out of the order in which they were acknowledged. */
export function checkLog(log: Log, history: readonly Operation[]): string[] {
  const wrong: string[] = [];
  const byRevision = new Map(log.map((change) => [change.revision, change]));
  const values = new Set(log.map((change) => change.value));
  for (let i = 1; i < log.length; i++) if (log[i].revision <= log[i - 1].revision) wrong.push(`revision ${log[i].revision} comes after ${log[i - 1].revision}`);
  const writes = history.filter((o) => o.kind === 'write');
  for (const o of writes) {
    if (o.outcome === 'done' && o.revision !== undefined) {
      const change = byRevision.get(o.revision);
      if (!change || change.key !== o.key || change.value !== o.value) wrong.push(`${o.client} was told that ${o.key} is ${o.value ?? 'deleted'} @${o.revision}, but ${change ? `that is ${text(change)}` : 'that never happened'}`);
    }
    if (o.outcome === 'refused' && o.value !== undefined && values.has(o.value)) wrong.push(`${o.client} was refused ${o.key} = ${o.value}, but it is there`);
  }
  // One that began after another had been acknowledged has the greater revision, whatever the keys and servers.
  const done = writes.filter((o) => o.outcome === 'done' && o.revision !== undefined).sort((a, b) => a.end - b.end);
  const later = [...done].sort((a, b) => a.start - b.start);
  let newest: (typeof done)[number] | undefined;
  let at = 0;
  for (const o of later) {
    for (; at < done.length && done[at].end < o.start; at++) if (!newest || done[at].revision! > newest.revision!) newest = done[at];
    if (newest && newest.revision! >= o.revision!) wrong.push(`${o.client} wrote ${o.key} @${o.revision} after ${newest.client} had been told @${newest.revision}`);
  }
  return wrong;
}

/** The history with what the log tells of writes whose outcome is unknown to the client: their revision, or that they never happened. */
export function settle(history: readonly Operation[], log: Log): Operation[] {
  const revisions = new Map(log.map(({ value, revision }) => [value, revision]));
  return history.flatMap((o): Operation[] => {
    if (o.kind !== 'write' || o.outcome !== 'unknown' || o.value === undefined) return [o];
    const revision = revisions.get(o.value);
    return revision === undefined ? [] : [{ ...o, revision }];
  });
}

/** A list of all keys, as of `revision`. */
export interface Listed {
  client: string;
  start: number;
  end: number;
  revision: number;
  entries: ReadonlyMap<string, { revision: number; value: string }>;
}

/** What is wrong with consistent lists: not what was there at their revision, or older than a write acknowledged before they began. */
export function checkLists(log: Log, history: readonly Operation[], lists: readonly Listed[]): string[] {
  const wrong: string[] = [];
  const done = history.filter((o) => o.kind === 'write' && o.outcome === 'done' && o.revision !== undefined) as { end: number; revision: number; client: string }[];
  const acknowledged = done.sort((a, b) => a.end - b.end);
  const state = new Map<string, { revision: number; value: string }>();
  let at = 0;
  for (const list of [...lists].sort((a, b) => a.revision - b.revision)) {
    for (; at < log.length && log[at].revision <= list.revision; at++) {
      const { key, revision, value } = log[at];
      if (value === undefined) state.delete(key);
      else state.set(key, { revision, value });
    }
    const keys = new Set([...state.keys(), ...list.entries.keys()]);
    for (const key of keys) {
      const [want, got] = [state.get(key), list.entries.get(key)];
      if (want?.revision !== got?.revision || want?.value !== got?.value) wrong.push(`${list.client} listed ${key} as ${got ? `${got.value}@${got.revision}` : 'absent'} at revision ${list.revision}, where it was ${want ? `${want.value}@${want.revision}` : 'absent'}`);
    }
  }
  let newest = 0;
  let i = 0;
  for (const list of [...lists].sort((a, b) => a.start - b.start)) {
    for (; i < acknowledged.length && acknowledged[i].end < list.start; i++) newest = Math.max(newest, acknowledged[i].revision);
    if (list.revision < newest) wrong.push(`${list.client} listed at revision ${list.revision} after a write had been acknowledged @${newest}`);
  }
  return wrong;
}
