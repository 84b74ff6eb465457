import { seededRandom } from '@pilothouse/base';
import { describe, expect, test } from 'vitest';
import { checkLinearizable } from './linearizable.ts';
import type { Change, Operation } from './operations.ts';
import { checkLists, checkLog, checkWatched, settle } from './watches.ts';

const forever = Number.POSITIVE_INFINITY;
let client = 0;
const read = (start: number, end: number, found?: string): Operation => ({ kind: 'read', client: `c${client++}`, key: 'k', start, end, found: found === undefined ? undefined : { value: found.split('@')[0], revision: Number(found.split('@')[1]) } });
const write = (start: number, end: number, what: string, ifRevision: number | undefined, outcome: 'done' | 'refused' | 'unknown' = 'done'): Operation => {
  const [value, revision] = what.split('@');
  return { kind: 'write', client: `c${client++}`, key: 'k', start, end, value: value === '-' ? undefined : value, ifRevision, outcome, ...(revision && { revision: Number(revision) }) };
};
const judge = (...operations: Operation[]): boolean => checkLinearizable(operations).linearizable;

describe('a linearizable history is accepted', () => {
  test.each<[string, Operation[]]>([
    ['nothing', []],
    ['one after another', [read(0, 1), write(2, 3, 'a@5', 0), read(4, 5, 'a@5'), write(6, 7, 'b@6', 5), read(8, 9, 'b@6'), write(10, 11, '-@7', 6), read(12, 13)]],
    ['a read that overlaps a write sees either', [write(0, 10, 'a@5', 0), read(1, 2), read(3, 4, 'a@5')]],
    ['of two that create, one is refused', [write(0, 10, 'a@5', 0), write(0, 10, 'b', 0, 'refused'), read(11, 12, 'a@5')]],
    ['a write without an answer that took effect later', [write(0, forever, 'a', 0, 'unknown'), read(5, 6), read(7, 8, 'a@9')]],
    ['a write without an answer that never did', [write(0, forever, 'a', 0, 'unknown'), read(5, 6), read(7, 8)]],
    ['a write without an answer that nobody saw, but that another ran into', [write(0, forever, 'a', 0, 'unknown'), write(5, 6, 'b', 0, 'refused')]],
    ['a deletion without a condition', [write(0, 1, 'a@5', 0), write(2, 3, '-@6', undefined), write(4, 5, '-', undefined, 'refused')]],
    ['a change of what is there, whatever it is', [write(0, 1, 'a@5', 0), write(2, 3, 'b@6', undefined), read(4, 5, 'b@6')]],
    ['other keys do not matter', [write(0, 1, 'a@5', 0), { ...read(2, 3), key: 'other' }]],
  ])('%s', (_, operations) => expect(judge(...operations)).toBe(true));
});

describe('a history that is not linearizable is rejected', () => {
  test.each<[string, Operation[]]>([
    ['an acknowledged write is lost', [write(0, 1, 'a@5', 0), read(2, 3)]],
    ['a read is out of date', [write(0, 1, 'a@5', 0), write(2, 3, 'b@6', 5), read(4, 5, 'a@5')]],
    ['two reads see a write come and go', [write(0, 20, 'a@5', 0), read(1, 2, 'a@5'), read(3, 4)]],
    ['two win the same compare-and-swap', [write(0, 1, 'a@5', 0), write(2, 9, 'b@6', 5), write(2, 9, 'c@7', 5), read(10, 11, 'c@7')]],
    ['two create the same key', [write(0, 9, 'a@5', 0), write(0, 9, 'b@6', 0)]],
    ['a refusal without reason', [write(0, 1, 'a@5', 0), write(2, 3, 'b', 5, 'refused')]],
    ['a refusal by a conflict that is over', [write(0, 1, 'a@5', 0), write(2, 3, '-@6', 5), write(4, 5, 'b', 0, 'refused')]],
    ['a value nobody wrote', [write(0, 1, 'a@5', 0), read(2, 3, 'x@5')]],
    ['the right value at a wrong revision', [write(0, 1, 'a@5', 0), read(2, 3, 'a@6')]],
    ['a write that took effect before it was sent', [read(0, 1, 'a@5'), write(2, 3, 'a@5', 0)]],
    ['a refused write that took effect', [write(0, 1, 'a@5', 0), write(2, 3, 'b', 4, 'refused'), read(4, 5, 'b@6')]],
    ['a write without an answer that takes effect twice', [write(0, forever, 'b', 5, 'unknown'), write(1, 2, 'a@5', 0), read(3, 4, 'b@6'), write(5, 6, 'c@7', 6), read(7, 8, 'b@6')]],
    ['a change of what is not there', [write(0, 1, 'b@6', undefined)]],
    ['a deleted object comes back', [write(0, 1, 'a@5', 0), write(2, 3, '-@6', 5), read(4, 5, 'a@5')]],
  ])('%s', (_, operations) => {
    const verdict = checkLinearizable(operations);
    expect(verdict).toMatchObject({ linearizable: false, key: 'k', explanation: expect.stringContaining('no order goes on') });
  });
});

/** What concurrent clients of a right store see: each operation takes effect somewhere between call and answer. */
function simulate(seed: number, operations: number): { history: Operation[]; log: Change[] } {
  const random = seededRandom(seed);
  const history: Operation[] = [];
  const log: Change[] = [];
  let state: { value: string; revision: number } | undefined;
  let revision = 1;
  for (let i = 0; i < operations; i++) {
    const at = i * 10;
    const [start, answered] = [at - random.below(60), at + random.below(60)];
    const lost = random.below(8) === 0;
    const common = { client: `c${i}`, key: 'k', start, end: lost ? forever : answered };
    if (random.below(3) === 0) {
      if (!lost) history.push({ ...common, kind: 'read', found: state });
      continue;
    }
    const value = random.below(6) === 0 ? undefined : `v${i}`;
    const ifRevision = random.below(3) === 0 ? random.below(revision + 1) : (state?.revision ?? 0);
    const never = lost && random.below(2) === 0;
    const holds = !never && ifRevision === (state?.revision ?? 0) && (value !== undefined || state !== undefined);
    if (holds) {
      revision++;
      state = value === undefined ? undefined : { value, revision };
      log.push({ key: 'k', revision, value });
    }
    if (value === undefined && ifRevision === 0) continue;
    history.push({ ...common, kind: 'write', value, ifRevision, outcome: lost ? 'unknown' : holds ? 'done' : 'refused', ...(holds && !lost && { revision }) });
  }
  return { history, log };
}

test('simulated histories are accepted, and rejected when one answer in them is changed', () => {
  for (let seed = 0; seed < 60; seed++) {
    const { history: known, log } = simulate(seed, 300);
    const history = settle(known, log);
    expect(checkLinearizable(history), `seed ${seed}`).toEqual({ linearizable: true });
    expect(checkLog(log, history), `seed ${seed}`).toEqual([]);
    const reads = history.filter((o) => o.kind === 'read' && o.found && o.end !== forever);
    const victim = reads[seed % reads.length] as Operation & { kind: 'read' };
    const older = log.find((change) => change.value !== undefined && change.revision < victim.found!.revision - 20);
    if (!older) continue;
    const changed = history.map((o) => (o === victim ? { ...victim, found: { value: older.value!, revision: older.revision } } : o));
    expect(checkLinearizable(changed).linearizable, `seed ${seed}`).toBe(false);
  }
});

describe('what watches and lists tell', () => {
  const log: Change[] = [2, 3, 4, 6].map((revision) => ({ key: `k${revision % 2}`, revision, value: revision === 4 ? undefined : `v${revision}` }));
  const watched = (changes: Change[], after = 1, upTo = 6) => checkWatched(log, { client: 'w', after, upTo, changes });

  test.each<[string, Change[], number, number]>([
    ['all of it', log, 1, 6],
    ['from the middle', log.slice(1), 2, 6],
    ['not yet all', log.slice(0, 2), 1, 3],
    ['more than it was sure of', log.slice(0, 3), 1, 3],
  ])('is right: %s', (_, changes, after, upTo) => expect(watched(changes, after, upTo)).toEqual([]));

  test.each<[string, Change[], string]>([
    ['a gap', [log[0], log[2], log[3]], 'was not told k1 v3 @3'],
    ['a missing end', log.slice(0, 3), 'was not told k0 v6 @6'],
    ['a repeat', [log[0], log[0], ...log.slice(1)], 'was told k0 v2 @2 twice'],
    ['the wrong order', [log[1], log[0], log[2], log[3]], 'was told k0 v2 @2 after revision 3'],
    ['another content', [{ ...log[0], value: 'x' }, ...log.slice(1)], 'was told k0 x @2, but it was k0 v2 @2'],
    ['what never was', [...log.slice(0, 3), { key: 'k1', revision: 5, value: 'v5' }, log[3]], 'which never happened'],
  ])('is wrong: %s', (_, changes, said) => expect(watched(changes).join('\n')).toContain(said));

  const done = (value: string, start: number, end: number): Operation => ({ ...write(start, end, value, undefined), key: `k${Number(value.split('@')[1]) % 2}` });
  test('an acknowledged write that is not in the log, or out of order, is found', () => {
    expect(checkLog(log, [done('v2@2', 0, 1), done('v3@3', 2, 3)])).toEqual([]);
    expect(checkLog(log, [done('v5@5', 0, 1)])[0]).toContain('never happened');
    expect(checkLog(log, [done('x@3', 0, 1)])[0]).toContain('but that is k1 v3 @3');
    expect(checkLog(log, [done('v3@3', 0, 1), done('v2@2', 2, 3)])[0]).toContain('had been told @3');
    expect(checkLog(log, [{ ...write(0, 1, 'v3', 1, 'refused'), key: 'k1' }])[0]).toContain('was refused k1 = v3, but it is there');
  });

  test('a list must be what was there, and not older than what was acknowledged', () => {
    const list = (revision: number, entries: Record<string, string>, start = 10) => ({ client: 'l', start, end: start + 1, revision, entries: new Map(Object.entries(entries).map(([k, v]) => [k, { value: v, revision: Number(v.slice(1)) }])) });
    expect(checkLists(log, [done('v3@3', 0, 1)], [list(3, { k0: 'v2', k1: 'v3' }), list(4, { k1: 'v3' }), list(5, { k1: 'v3' })])).toEqual([]);
    expect(checkLists(log, [], [list(3, { k1: 'v3' })])[0]).toContain('listed k0 as absent at revision 3, where it was v2@2');
    expect(checkLists(log, [], [list(4, { k0: 'v2', k1: 'v3' })])[0]).toContain('listed k0 as v2@2 at revision 4, where it was absent');
    expect(checkLists(log, [done('v3@3', 0, 1)], [list(2, { k0: 'v2' })])[0]).toContain('after a write had been acknowledged @3');
    expect(checkLists(log, [done('v3@3', 0, 11)], [list(2, { k0: 'v2' })])).toEqual([]);
  });
});
